#!/usr/bin/env python3
"""type.py READY KEYS COMMAND...: runs a shell in a terminal of its own, types KEYS as soon as it has
printed READY, and prints all that it printed until it ended."""
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
    except OSError:  # Linux says so that nobody has the other end any more
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
