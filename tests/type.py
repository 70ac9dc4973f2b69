#!/usr/bin/env python3
"""type.py READY KEYS COMMAND...: runs a shell on its own terminal, types KEYS as soon as it has printed
READY, and prints everything that it printed."""
import os
import pty
import select
import sys

ready, keys, command = sys.argv[1], sys.argv[2], sys.argv[3:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
seen, typed = b"", False
while select.select([terminal], [], [], 60)[0]:
    try:
        more = os.read(terminal, 4096)
    except OSError:  # on Linux: nobody has the other end open any more
        more = b""
    if not more:
        break
    seen += more
    if not typed and ready.encode() in seen:
        os.write(terminal, keys.encode())
        typed = True
else:
    os.kill(pid, 9)
os.waitpid(pid, 0)
sys.stdout.buffer.write(seen.replace(b"\r\n", b"\n"))
