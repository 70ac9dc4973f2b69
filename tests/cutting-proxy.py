# cutting-proxy.py FOLDER SERVER-FOLDER HOW: between psql and a PostgreSQL, on Unix sockets. It breaks one connection, for
# good, at the COMMIT of a batch, the second of its session, and then writes FOLDER/cut:
#
# before     the COMMIT is not passed on
# after      it is passed on, but no answer comes back
# within     the answer is cut off halfway through the receipts
# With the suffix -gone, no further connections are accepted.
import os
import socket
import struct
import sys
import threading

folder, server, how = sys.argv[1:]
how, _, gone = how.partition("-")
listener = socket.socket(socket.AF_UNIX)
listener.bind(f"{folder}/.s.PGSQL.5432")
listener.listen(20)


def messages(stream):
    """The messages of one side, once it has begun to have a type each."""
    while True:
        head = stream.read(5)
        if len(head) < 5:
            raise EOFError
        yield head[:1], head + stream.read(struct.unpack("!xI", head)[0] - 4)


def pass_on(source, incoming, target, stop):
    try:
        for kind, message in incoming:
            if stop(kind, message):
                return
            target.sendall(message)
    except (EOFError, OSError):
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client):
    upstream = socket.socket(socket.AF_UNIX)
    upstream.connect(f"{server}/.s.PGSQL.5432")
    stream = client.makefile("rb")
    size = stream.read(4)  # the startup packet has no type
    upstream.sendall(size + stream.read(struct.unpack("!I", size)[0] - 4))
    questions, answers = messages(stream), messages(upstream.makefile("rb"))
    commits, cutting, passed = 0, threading.Event(), 0

    def at_commit(kind, message):
        nonlocal commits
        if kind != b"Q" or b"COMMIT ; BEGIN" not in message:
            return False
        commits += 1
        if commits < 2:
            return False
        if how == "before":
            cut()
            return True
        cutting.set()
        return False

    def at_answer(kind, message):
        nonlocal passed
        if not cutting.is_set():
            return False
        if how == "within" and kind in b"CHd" and passed < 8:
            passed += kind == b"d"
            return False
        while kind != b"Z":
            kind, _ = next(answers)
        cut()
        return True

    def cut():
        if gone:
            os.unlink(f"{folder}/.s.PGSQL.5432")
            listener.close()
        open(f"{folder}/cut", "w").close()
        for end in (upstream, client):
            end.shutdown(socket.SHUT_RDWR)

    threading.Thread(target=pass_on, args=(client, questions, upstream, at_commit), daemon=True).start()
    pass_on(upstream, answers, client, at_answer)


while True:
    try:
        client, _ = listener.accept()
    except OSError:
        threading.Event().wait()
    threading.Thread(target=serve, args=(client,), daemon=True).start()
