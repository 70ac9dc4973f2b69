"""Runs the ways of tests/ways.bash with failing system calls."""
import os
import shlex
import subprocess
import sys


def slurp(path):
    with open(path, "rb") as file:
        return file.read()


def forget(path):
    if os.path.exists(path):
        os.remove(path)


class Way:
    """A command line: the program, its arguments, and maybe `< FILE`. `done` is its result without faults."""

    def __init__(self, text):
        self.text = text
        self.words = shlex.split(text)
        self.input = os.devnull
        if "<" in self.words:
            at = self.words.index("<")
            self.input = self.words[at + 1]
            del self.words[at:]
        self.done = Attempt(self)

    def each_fault(self, call, plus="", **faults):
        """Makes the N-th such call fail, for every N; then checks that nothing changes without a fault."""
        n = 0
        while True:
            n += 1
            attempt = Attempt(self, FAULT_CALL=call, FAULT_AT=f"{n}{plus}", **faults)
            if attempt.file is None:
                attempt.assert_unharmed()
                return
            yield attempt


class Attempt:
    """The result of a way: exit status, output, contents of `side`, last message; `file` is the file of the fault."""

    def __init__(self, way, **faults):
        self.way, self.faults = way, faults
        forget("side")
        forget("note")
        environment = dict(os.environ, **{name: str(value) for name, value in faults.items()})
        if faults:
            environment.update(LD_PRELOAD=os.environ["FAULTS"], FAULT_NOTE="note")
        with open(way.input, "rb") as stdin:
            ran = subprocess.run(way.words, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        self.status, self.out = ran.returncode, ran.stdout
        self.message = ran.stderr.decode(errors="backslashreplace").rstrip("\n").split("\n")[-1]
        self.side = slurp("side") if os.path.exists("side") else None
        self.file = os.path.basename(slurp("note").decode().strip()) if os.path.exists("note") else None

    def check(self, right, wanted):
        if not right:
            sys.exit(f"{self.way.text}: {self.faults}: exit {self.status}, {len(self.out)} bytes: {self.message}\nwanted: {wanted}")

    def assert_unharmed(self):
        """Everything is as without faults."""
        done = self.way.done
        self.check((self.status, self.out, self.side) == (done.status, done.out, done.side), "what is done without fault")

    def assert_given_up(self, reason):
        """It gave up with a message that ends with this, and what it had written until then is right."""
        done = self.way.done
        self.check(self.status == 2 and self.message.endswith(reason), f"exit 2 and {reason}")
        self.check(done.out.startswith(self.out) and (done.side or b"").startswith(self.side or b""), "the beginning of what is right")


def ways(texts=sys.argv[1:]):
    return map(Way, texts)
