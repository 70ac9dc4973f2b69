/* What the programs' command lines have in common. */
#ifndef OPTIONS_H
#define OPTIONS_H

/* Reads an option's number, from least to most; dies if it is none. `option` is its name, for the message. */
long option_number(const char *option, const char *argument, long least, long most);

/* --help and --version: print to standard output and exit with STATUS_OK. */
_Noreturn void print_help(const char *text);
_Noreturn void print_version(void);

#endif
