#!/usr/bin/env python3
"""terminal.py raw COLUMNS COMMAND [ARGUMENT...]: runs a command on a terminal of its own, and prints what the terminal is
sent, as it comes. The exit status is the command's. Each time that it is asked for a password, the terminal gives what the
variable PASSWORD has.

terminal.py screen COLUMNS < SENT: what can be read on such a terminal at the end: carriage return, newline and the erasing of
a line's rest do what they do, and a line that is too long goes on in the next row; all other codes are shown.
"""
import fcntl
import os
import pty
import re
import struct
import sys
import termios


def prepare(columns):
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    settings = termios.tcgetattr(0)
    settings[1] &= ~termios.OPOST  # the terminal adds no carriage returns
    termios.tcsetattr(0, termios.TCSANOW, settings)


def run(columns, command):
    pid, terminal = pty.fork()
    if pid == 0:
        prepare(columns)
        os.execvp(command[0], command)
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # the last process that had it open has exited
            break
        os.write(1, piece)
        if piece.endswith(b"Password: "):
            os.write(terminal, os.environ["PASSWORD"].encode() + b"\n")
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return status if status >= 0 else 128 - status


def screen(columns, sent):
    rows, column = [""], 0
    for token in re.findall(r"\r|\n|\x1b\[K|.", sent):
        if token == "\r":
            column = 0
        elif token == "\x1b[K":
            rows[-1] = rows[-1][:column]
        else:
            if token == "\n" or column == columns:
                rows.append("")
                column = 0
            if token != "\n":
                rows[-1] = rows[-1][:column].ljust(column) + token + rows[-1][column + 1:]
                column += 1
    return "\n".join(row.rstrip() for row in rows)


if sys.argv[1] == "raw":
    sys.exit(run(int(sys.argv[2]), sys.argv[3:]))
sys.stdout.write(screen(int(sys.argv[2]), sys.stdin.buffer.read().decode(errors="replace")))
