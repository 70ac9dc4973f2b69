"""What tests of many cases share: a file of each kind, the program that reads it, and what it did.

A test stops at the first case that is not as expected, and prints it.
"""
import subprocess
import sys

COLUMNS = {
    "rows": "model id cohort_id syllabus_id",
    "cohorts": "cohort_id cohort syllabus_id syllabus",
    "candidates": "model id cohort_id",
    "plan": "model id cohort_id cohort syllabus_id syllabus",
    "receipts": "status model id cohort_id cohort syllabus_id syllabus detail",
}
COLUMNS = {kind: names.split() for kind, names in COLUMNS.items()}
KINDS = list(COLUMNS)
CALLED = {"rows": "a file of rows", "cohorts": "a cohort dump", "candidates": "a file of candidates", "plan": "a plan",
          "receipts": "a file of receipts"}
PROGRAM = {"rows": "fb-extract", "cohorts": "fb-resolve", "candidates": "fb-resolve", "plan": "fb-apply", "receipts": "fb-apply"}
PROGRAMS = ["fb-extract", "fb-resolve", "fb-apply", "fb-report"]
GOOD = dict(status="updated", model="answer", id=1, cohort_id=7, cohort="miami", syllabus_id=9, syllabus="full", detail=r"\N")


def data(value):
    return value if isinstance(value, bytes) else str(value).encode()


def line(*fields, between=b"\t"):
    """A line of fields, written unchanged: bytes, text or numbers."""
    return between.join(map(data, fields)) + b"\n"


def header(kind):
    return line(*COLUMNS[kind])


def fields(kind, **values):
    """The fields of a valid record, with the given values."""
    good = {**GOOD, "syllabus_id": r"\N"} if kind == "rows" else GOOD
    return [values.get(column, good[column]) for column in COLUMNS[kind]]


def record(kind, **values):
    return line(*fields(kind, **values))


def write(path, *lines):
    with open(path, "wb") as file:
        file.write(b"".join(lines))


class Ran:
    """A command that has run: its arguments, exit status, output and messages."""

    def __init__(self, *command, stdin=b"", **how):
        self.command = command
        ran = subprocess.run(command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how)
        self.status, self.out, self.err = ran.returncode, ran.stdout, ran.stderr

    @property
    def messages(self):
        return self.err.decode(errors="backslashreplace").splitlines()

    @property
    def records(self):
        """The records that it printed; of fb-apply's script, the data without their numbers."""
        lines = self.out.splitlines(keepends=True)
        if not self.out.startswith(b"-- "):
            return b"".join(lines[1:])
        taken, inside = [], False
        for text in lines:
            if inside and text == b"\\.\n":
                inside = False
            elif inside:
                taken.append(text.split(b"\t", 1)[1])
            elif text.startswith(b"COPY ") and text.endswith(b" FROM STDIN;\n"):
                inside = True
        return b"".join(taken)


def read_as(kind, path):
    """Runs the program that reads this kind of file."""
    if kind == "rows":
        return Ran("fb-extract", path)
    if kind == "cohorts":
        return Ran("fb-resolve", "--cohorts", path, stdin=header("candidates") + record("candidates"))
    if kind == "candidates":
        write("good-cohorts.tsv", header("cohorts"), record("cohorts"))
        return Ran("fb-resolve", "--cohorts", "good-cohorts.tsv", path)
    return Ran("fb-apply", *["--undo"] * (kind == "receipts"), path)


def equal(got, expected, *case):
    if got != expected:
        sys.exit(f"case:     {case}\nexpected: {expected!r}\ngot:      {got!r}")


def ended(ran, status, records, messages, *case):
    """Checks its exit status, its output (if it gave up, not even a header), and its messages, which begin with the program's name."""
    got = ran.status, ran.out if status == 2 else ran.records, ran.messages
    equal(got, (status, records, [f"{ran.command[0]}: {message}" for message in messages]), ran.command, *case)


def refused(kind, contents, message):
    """Checks that the file is refused: exit 2, nothing on standard output, this message."""
    write("f", contents)
    ran = read_as(kind, "f")
    equal((ran.status, ran.out, ran.messages), (2, b"", [f"{PROGRAM[kind]}: {message}"]), kind, contents)


def rejected(kind, message, *lines, taken=b""):
    """Checks that the first record of these lines is rejected with this message, exit 1, and that the rest gives `taken`."""
    write("f", *lines)
    ran = read_as(kind, "f")
    # fb-resolve also reports a candidate without its cohort
    messages = [text for text in ran.messages if not text.endswith(" is not in the cohort dump")]
    equal((ran.status, ran.records, messages), (1, taken, [f"{PROGRAM[kind]}: f:2: {message}"]), kind, lines)


def by(count, things):
    """The things, in groups of limited size."""
    things = list(things)
    return [things[at:at + count] for at in range(0, len(things), count)]
