/* What the programs' command lines have in common. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <getopt.h>

/* getopt_long's next option; -1 behind the last. Dies where an argument is none, or lacks its own. */
int option_next(int argc, char **argv, const char *letters, const struct option *names);

/* Reads an option's number, from least to most; dies if it is none. `option` is its name, for the message. */
long option_number(const char *option, const char *argument, long least, long most);

/* --help and --version: print to standard output and exit with STATUS_OK. */
_Noreturn void print_help(const char *text);
_Noreturn void print_version(void);

#endif
