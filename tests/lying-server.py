#!/usr/bin/env python3
"""lying-server.py FOLDER [ANSWER]: stands in for a PostgreSQL server, on a Unix socket in FOLDER, and lies.

To COPY ... FROM STDIN it answers that the COPY is done, as if there had been no data, and to COPY ... TO STDOUT it gives
ANSWER. All else it agrees to. It prints what it is asked, and serves one connection after the other until it is killed.
"""
import os
import re
import socket
import struct
import sys

folder, answer = sys.argv[1], (sys.argv[2] if len(sys.argv) > 2 else "")


def message(kind, body=b""):
    return kind + struct.pack("!i", len(body) + 4) + body


def row(name, value):
    """One row with one column."""
    column = name + b"\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0)
    return (message(b"T", struct.pack("!h", 1) + column) +
            message(b"D", struct.pack("!hi", 1, len(value)) + value) + message(b"C", b"SELECT 1\0"))


def reply(statement):
    if re.search(r"FROM STDIN", statement):
        return message(b"C", b"COPY 0\0")
    if re.search(r"TO STDOUT", statement):
        data = message(b"d", answer.encode()) if answer else b""
        return message(b"H", struct.pack("!bh", 0, 0)) + data + message(b"c") + message(b"C", b"COPY 1\0")
    named = re.search(r" AS (\w+)\s*;?\s*$", statement)
    if named and re.match(r"\s*SELECT", statement):
        return row(named[1].encode(), b"f" if named[1].startswith("knows") else b"public")
    return message(b"C", b"DONE\0")


def serve(connection):
    stream = connection.makefile("rb")
    length, code = struct.unpack("!ii", stream.read(8))
    while code in (80877103, 80877104):   # a request for TLS or GSSAPI: refused
        connection.sendall(b"N")
        length, code = struct.unpack("!ii", stream.read(8))
    stream.read(length - 8)
    settings = {"server_version": "15.0", "server_encoding": "UTF8", "client_encoding": "UTF8", "standard_conforming_strings": "on"}
    ready = message(b"Z", b"I")
    connection.sendall(message(b"R", struct.pack("!i", 0)) +
                       b"".join(message(b"S", f"{name}\0{value}\0".encode()) for name, value in settings.items()) + ready)
    while True:
        kind, length = struct.unpack("!ci", stream.read(5))
        body = stream.read(length - 4)
        if kind == b"X":
            return
        if kind == b"Q":
            query = body.rstrip(b"\0").decode(errors="replace")
            print(query, flush=True)
            # statements that psql joins with \; each get an answer
            connection.sendall(b"".join(reply(part) for part in re.split(r";\s*(?=[A-Z])", query)) + ready)


listener = socket.socket(socket.AF_UNIX)
listener.bind(os.path.join(folder, ".s.PGSQL.5432"))
listener.listen()
while True:
    accepted, _ = listener.accept()
    with accepted:
        try:
            serve(accepted)
        except (struct.error, ConnectionError):   # the client is gone, maybe in the middle of a message
            pass
