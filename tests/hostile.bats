# Hostile input: whatever the files contain, records are handled as in fb-records(5).
load helper

# ---- headers ----

@test "every program refuses empty input" {
  cases << 'END'
from cases import *
for kind in KINDS:
    refused(kind, b"", f"f: file is empty (expected {CALLED[kind]})")
    ran = read_as(kind, "/dev/null")
    ended(ran, 2, b"", [f"/dev/null: file is empty (expected {CALLED[kind]})"])
ended(Ran("fb-report", "f"), 2, b"", ["f: file is empty (expected a plan or receipts)"])
ran = Ran("fb-backfill", "--apply", "f")
told = "fb-apply: f: file is empty (expected a plan)"
equal((ran.status, told in ran.messages), (2, True))  # psql may report first that there is no server
END
}

@test "a header alone is a table without records" {
  cases << 'END'
from cases import *
for kind in KINDS:
    write("f", header(kind))
    ran = read_as(kind, "f")
    equal((ran.status, ran.records), (1 if kind == "cohorts" else 0, b""), kind)  # a dump without its candidate's cohort
ran = Ran("fb-report", "f")
equal((ran.status, "✓ Successfully updated 0 records in total\n".encode() in ran.out), (0, True))
END
}

@test "no header: the first line must name columns" {
  cases << 'END'
from cases import *
for kind in KINDS:
    refused(kind, b"hello\n", "f:1: no header (the first line must name the columns, separated by TABs, commas or semicolons)")
    for contents in b"hello, world\n", record(kind):
        write("f", contents)
        ran = read_as(kind, "f")
        equal((ran.status, ran.out), (2, b""), kind, contents)
        if kind == "rows" or contents != b"hello, world\n":
            equal(ran.messages[0].startswith(f"{PROGRAM[kind]}: f:1: column {COLUMNS[kind][0]} is missing"), True, kind, ran.messages)
END
}

@test "the header of another kind of file is reported by its name" {
  cases << 'END'
from cases import *
for kind in KINDS:
    for other in KINDS:
        if kind != other:
            refused(kind, header(other) + record(other), f"f:1: this is {CALLED[other]}, not {CALLED[kind]}")
END
}

@test "a missing column is named" {
  cases << 'END'
from cases import *
for kind in KINDS:
    for column in COLUMNS[kind]:
        rest = [name for name in COLUMNS[kind] if name != column]
        names = ", ".join(f"'{name}'" for name in rest + ["x"])
        what = "; name the model with --model NAME" if (kind, column) == ("rows", "model") else f", so this is not {CALLED[kind]}; the header has {names}"
        refused(kind, line(*rest, "x"), f"f:1: column {column} is missing{what}")  # x, so that it is not the header of another kind
END
}

@test "a column that appears twice is named" {
  cases << 'END'
from cases import *
for kind in KINDS:
    for column in COLUMNS[kind]:
        refused(kind, line(*COLUMNS[kind], "x", column), f"f:1: column {column} appears twice in the header")
END
}

@test "columns in another order, and unknown ones among them" {
  cases << 'END'
from cases import *
def backwards(names):  # with an unknown column before each
    return line(*[part for name in reversed(names) for part in (r"\t", name)])
for kind in KINDS:
    write("f", header(kind), record(kind))
    write("g", backwards(COLUMNS[kind]), backwards(fields(kind)))
    straight, turned = read_as(kind, "f"), read_as(kind, "g")
    equal((straight.status, turned.status, turned.out), (0, 0, straight.out), kind)
END
}

@test "a malformed or incomplete header" {
  cases << 'END'
from cases import *
for kind in KINDS:
    good, table = header(kind)[:-1], header(kind) + record(kind)
    for contents, fault in [
        (good, "incomplete header (no newline at the end)"),
        (table.replace(b"\n", b"\r"), "incomplete header (no newline at the end)"),
        (good + b"\tx\ry\n", r"malformed header: literal carriage return (write \r, and end lines with a newline alone)"),
        (good + b"\ta\0b\n", "malformed header: NUL byte"),
        (good + b"\t\xff\n", "malformed header: invalid UTF-8"),
        (good + b"\tx\\\n", "malformed header: backslash at the end of the record"),
        (b"\xef\xbb\xbf" + table, "malformed header: byte-order mark (allowed in CSV only)"),
    ]:
        refused(kind, contents, f"f:1: {fault}")
END
}

# ---- fields and ids ----

@test "records too short and too long" {
  cases << 'END'
from cases import *
for kind in KINDS:
    good, n = fields(kind), len(COLUMNS[kind])
    for wrong in good[1:], good + [""], [""]:
        rejected(kind, f"expected {n} fields, found {len(wrong)}", header(kind), line(*wrong))
END
}

@test "ids: how numbers may be written" {
  cases << 'END'
from cases import *
given = [r"\x37", r"\067", "0", "-0", "-1", "+7", "007", "-007", "00000000000000000000000000000000007",
         "9223372036854775807", "-9223372036854775808", "+09223372036854775807", "2147483648"]
numbers = [7, 7] + [int(text) for text in given[2:]]
for kind in KINDS:
    for column in "id", "cohort_id", "syllabus_id":
        if column not in COLUMNS[kind] or (kind, column) == ("rows", "syllabus_id"):  # only NULL or not matters there
            continue
        table, candidates, cohorts, expected = header(kind), header("candidates"), header("cohorts"), b""
        for i, number in enumerate(numbers):
            # a different cohort for each, unless the cohort is what is tested
            numbered = {"id": i, "cohort_id": 100 + i, column: number}
            table += record(kind, **{**numbered, column: given[i]})
            candidates += record("candidates", **numbered)
            if column != "cohort_id" or number not in numbers[:i]:
                cohorts += record("cohorts", cohort_id=numbered["cohort_id"])
            expected += record("candidates" if kind == "rows" else "plan", **numbered)
        write("f", table)
        write("candidates", candidates)
        write("cohorts", cohorts)
        if kind == "cohorts":
            ran = Ran("fb-resolve", "--cohorts", "f", "candidates")
        elif kind == "candidates":
            ran = Ran("fb-resolve", "--cohorts", "cohorts", "f")
        else:
            ran = read_as(kind, "f")
        ended(ran, 0, expected, [], kind, column)
END
}

@test "ids: what is not a number" {
  cases << 'END'
from cases import *
from copytext import harm
bad = ["9223372036854775808", "-9223372036854775809", "18446744073709551616", "18446744073709551623", "9" * 32,
       "", " ", " 7", "7 ", "7 7", "7.0", "7.", ".7", "7,000", "7.000", "7'000", "7_000", "7e3", "0x7", "0b1", "7L", "+", "-", "+-7", "--",
       "٧", "７", "²", "NULL", "null", "t", r"7\b", r"\t7", r"7\n", r"\\N", "a\x1b[31m"]
for kind in KINDS:
    for column in "id", "cohort_id", "syllabus_id":
        if column not in COLUMNS[kind]:
            continue
        # at most five messages are shown, and fb-resolve adds one about the cohort that is then missing
        for given in by(4, bad):
            write("f", header(kind), *[record(kind, **{column: text}) for text in given])
            ran = read_as(kind, "f")
            messages = [text.split(": '")[0] for text in ran.messages if not text.endswith(" is not in the cohort dump")]
            equal((ran.status, ran.records, harm(ran.err)), (1, b"", None), kind, column, given)
            equal(messages, [f"{PROGRAM[kind]}: f:{at}: {column} is not a decimal integer in bigint range" for at in range(2, 2 + len(given))],
                  kind, column, given, ran.err)
        if (kind, column) in [("rows", "cohort_id"), ("rows", "syllabus_id"), ("cohorts", "syllabus_id")]:  # NULL is meaningful here
            without = {column: r"\N", **({"syllabus": r"\N"} if kind == "cohorts" else {})}
            write("f", header(kind), record(kind, **without))
            equal(read_as(kind, "f").status, 0, kind, column)
        else:
            rejected(kind, f"{column} is NULL", header(kind), record(kind, **{column: r"\N"}))
END
}

@test "ids: CSV has the same rules, and its own NULL" {
  cases << 'END'
from cases import *
for given, number in [("0", 0), ("-0", 0), ("-1", -1), ("+7", 7), ("007", 7), ("-007", -7),
                      ("9223372036854775807", 2**63 - 1), ("-9223372036854775808", -2**63), ("2147483648", 2**31)]:
    write("f", f'id,cohort_id,syllabus_id\n"{given}",{given},\n'.encode())
    ended(Ran("fb-extract", "--model", "answer", "f"), 0, line("answer", number, number), [], given)
for given in ["9223372036854775808", '" 7"', " 7", "7 ", '"7,000"', "7.0", "0x7", r"\N", r"\x37", '""', '"7\n"', "7\t", "NULL"]:
    write("f", f"id,cohort_id,syllabus_id\n{given},7,\n".encode())
    ran = Ran("fb-extract", "--model", "answer", "f")
    equal((ran.status, ran.records, ran.messages[0].split(": '")[0]),
          (1, b"", f"fb-extract: f:{'2-3' if chr(10) in given else 2}: id is not a decimal integer in bigint range"), given, ran.messages)
END
}

@test "NULL, the empty string and strings that look like NULL are distinguished" {
  cases << 'END'
from cases import *
# rows: only NULL means no syllabus
write("f", header("rows"), *[record("rows", id=id, syllabus_id=text) for id, text in enumerate([r"\N", "", r"\\N", "N", "0"])])
ran = Ran("fb-extract", "f")
equal((ran.status, ran.records), (1, record("candidates", id=0)))
equal(ran.err.count(b": syllabus_id is not a decimal"), 3)
# cohorts: slugs are unchanged; without a syllabus id there is no syllabus
for slug in r"\N", "", r"\\N", "N", "NULL", r"\x4e":
    shown = slug if slug != r"\x4e" else "N"
    write("f", header("cohorts"), record("cohorts", cohort=slug, syllabus=slug))
    ended(read_as("cohorts", "f"), 0, record("plan", cohort=shown, syllabus=shown), [], slug)
for csv, cohort, syllabus in [('7,,9,""', r"\N", ""), ("7,,9,", r"\N", r"\N"), (r'7,\N,9,"\N"', r"\\N", r"\\N")]:
    write("f", f"cohort_id,cohort,syllabus_id,syllabus\n{csv}\n".encode())
    ended(read_as("cohorts", "f"), 0, record("plan", cohort=cohort, syllabus=syllabus), [], csv)
END
}

@test "unknown models and statuses" {
  cases << 'END'
from cases import *
from copytext import harm
for model in "", "Answer", "ANSWER", "answers", "answer ", " answer", r"\x00", r"a\tb", "admin", r"\N", "\x1b]0;x\\b":
    for kind in "rows", "candidates", "plan", "receipts":
        write("f", header(kind), record(kind, model=model))
        ran = read_as(kind, "f")
        equal((ran.status, ran.records, harm(ran.err)), (1, b"", None), kind, model)
        equal([text.startswith(f"{PROGRAM[kind]}: f:2: ") for text in ran.messages], [True], kind, model, ran.messages)
# only receipts with exactly the status updated are undone
for status in "", "Updated", r"updated\t", "reverted", "skipped", "failed", r"\N":
    write("f", header("receipts"), record("receipts", status=status))
    equal(Ran("fb-apply", "--undo", "f").records, b"", status)
write("f", header("receipts"), record("receipts", status="\x1b[2J"), record("receipts", status="skipped", detail="\x1b[2J"))
ran = Ran("fb-report", "f")
equal((ran.status, ran.messages), (1, ["fb-report: f:2: unknown status, or unknown reason for it", "fb-report: f:3: unknown status, or unknown reason for it"]))
END
}

# ---- bytes ----

# bats test_tags=server
@test "every escape is read as PostgreSQL reads it" {
  sample_database
  cases << 'END'
import json
import copytext
from cases import *
# one character after a backslash: all printable ones, except NUL and the end-of-data marker
slugs = ["a\\" + chr(code) for code in range(0x20, 0x7f) if chr(code) not in "0."]
slugs += rb"""\t \1 \18 \12 \101 \1012 \378 \x \xg \x4 \x4g \x41 \x41\x42 \x411 \X41 \\x41 \303\251 \xc3\xa9 \xC3\251
  a\Nb \N\N \\ \\\\ \\. .\\ \n\\.\n \7 \177 \1\2\3""".split() + [b"\\\t", b"\\\xc3\xa9"]
n = len(slugs)
cohorts = [record("cohorts", cohort_id=n, cohort=slug, syllabus=n) for n, slug in enumerate(slugs)]
write("cohorts", header("cohorts"), *cohorts)
write("cohorts.body", *cohorts)
write("candidates", header("candidates"), *[record("candidates", cohort_id=n) for n in range(n)])
ran = Ran("fb-resolve", "--cohorts", "cohorts", "candidates")
ended(ran, 0, ran.records, [])
write("plan.body", ran.records)
sql = Ran("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", *[part for command in (
    "CREATE TABLE c (cohort_id int, cohort text, syllabus_id int, syllabus text)", r"\copy c FROM cohorts.body",
    "CREATE TABLE p (model text, id int, cohort_id int, cohort text, syllabus_id int, syllabus text)", r"\copy p FROM plan.body",
    "SELECT count(*) FROM c JOIN p USING (cohort_id, cohort, syllabus_id, syllabus)",
    "SELECT json_agg(cohort ORDER BY cohort_id) FROM c") for part in ("-c", command)])
equal((sql.status, sql.err), (0, b""))
same, theirs = sql.out.split(b"\n", 1)
equal(int(same), n)
# and the same as the tests read it
equal([values[3] for values in copytext.records(ran.out)[1:]], json.loads(theirs))
END
}

@test "bytes that no record may contain" {
  cases << 'END'
from cases import *
marker, nul = r"end-of-data marker \.", "escaped NUL byte"
bad = [(b"a\0b", "NUL byte"), (r"\0", nul), (r"\000", nul), (r"\x0", nul), (r"\x00", nul), (r"\400", nul),
       ("a\rb", r"literal carriage return (write \r, and end lines with a newline alone)"),
       (r"\.", marker), (r"a\.b", marker), (r"\\\.", marker)]
# not UTF-8: a single byte, a missing byte, overlong, surrogates, too high; literal, or as escapes
for text in ("80 bf c3 c328 c3c3 c3ff e282c0 e28228 f09f92c0 c0af c1bf e080af e09fbf f08080af f08fbfbf eda080 edbfbf "
             "eda0bdedb2a9 f4908080 f5808080 f888808080 fe ff c35c5c e282 f09f92 e2825c6e").split():
    octets = bytes.fromhex(text)
    bad += [(octets, "invalid UTF-8"), ("".join(rf"\x{octet:02x}" for octet in octets), "invalid UTF-8")]
for some in by(5, bad):  # messages that are shown
    for kind in "cohorts", "plan", "receipts":
        names, good = COLUMNS[kind], fields(kind)
        # in a used column, in an ignored one, and in the last; good records after them are accepted
        for table in [
            [line(*names)] + [record(kind, cohort=value) for value, _ in some] + [record(kind)],
            [line("x", *names)] + [line(value, *good) for value, _ in some + [("x", "")]],
            [line(*names, "x")] + [line(*good, value) for value, _ in some + [("x", "")]],
        ]:
            write("f", *table)
            ended(read_as(kind, "f"), 1, record("plan"), [f"f:{at}: {fault}" for at, (_, fault) in enumerate(some, 2)], kind, table)
rejected("plan", "backslash at the end of the record", header("plan"), record("plan")[:-1] + b"\\\n")
rejected("plan", marker, header("plan"), b"\\.\n", record("plan"), taken=record("plan"))
END
}

@test "CSV: bytes that no record may contain" {
  cases << 'END'
from cases import *
quote = "unexpected quote"
for value, fault in [(b"a\0b", "NUL byte"), (b"\x80", "invalid UTF-8"), (b"\xc0\xaf", "invalid UTF-8"), (b"\xed\xa0\x80", "invalid UTF-8"),
                     (b"\xf4\x90\x80\x80", "invalid UTF-8"), ("a\rb", "carriage return without newline outside quotes"),
                     ('a"b', quote), ('"a"b', quote), ('"a" ', quote), (' "a"', quote), ('"a""b"c"', quote)]:
    write("f", b"comment,cohort_id,id,syllabus_id\n", data(value), b",7,1,\nx,7,2,\n")
    ended(Ran("fb-extract", "--model", "answer", "f"), 1, record("candidates", id=2), [f"f:2: {fault}"], value)
# but inside quotes a carriage return is data, and a backslash is an ordinary character
write("f", b'cohort_id,cohort,syllabus_id,syllabus\n7,"a\rb\r\nc\n",9,a\\tb\\\n')
ended(read_as("cohorts", "f"), 0, record("plan", cohort=r"a\rb\r\nc\n", syllabus=r"a\\tb\\"), [])
END
}

@test "CSV: byte-order mark and line ends" {
  cases << 'END'
from cases import *
def extract(*contents):
    write("f", *contents)
    return Ran("fb-extract", "--model", "answer", "f")
for end in b"\n", b"\r\n":
    for mark in b"", b"\xef\xbb\xbf":
        for names, note in [(b"id,cohort_id,syllabus_id", b""), (b'"id","cohort_id","syllabus_id"', b""),
                            (b'id,"a note\non two lines",cohort_id,syllabus_id', b'"x\ny",')]:
            ran = extract(mark, names, end, b"1,", note, b"7,", end, end, b'"2",', note, b"7,", end)
            ended(ran, 0, record("candidates") + record("candidates", id=2), [], end, mark, names)
ended(extract(b"id,cohort_id,syllabus_id\r1,7,\r2,7,\r"), 2, b"",
      ["f:1: malformed header: carriage return without newline outside quotes"])
ended(extract(b"\xef\xbb\xbf" * 2, b"id,cohort_id,syllabus_id\n1,7,\n"), 2, b"", ["f:1: column id is missing, so this is not a file of rows; the header has '\\xef\\xbb\\xbfid', 'cohort_id', 'syllabus_id'"])
ended(extract("id,cohort_id,syllabus_id\n".encode("utf-16")), 2, b"", ["f: file is in UTF-16; convert it with: iconv -f UTF-16 -t UTF-8"])
END
}

@test "CSV: an unclosed quote" {
  cases << 'END'
from cases import *
def extract(*lines, rejects):
    write("f", *lines)
    ran = Ran("fb-extract", "--model", "answer", "--rejects", "rejects", "f")
    equal(open("rejects", "rb").read(), b"".join(rejects), lines)
    return ran
names = b"id,cohort_id,syllabus_id,x\n"
open_quote = [b'2,7,,"b\n', b"3,7,,c\n", b"4,7,,d\n"]
ended(extract(names, b'1,7,,"a"\n', *open_quote, rejects=open_quote), 1, record("candidates"), ["f:3-5: unterminated quoted field; 3 lines are not used"])
# a later quote closes it, and is unexpected there: the lines up to it are one record
two_lines = [b'2,7,,"b\n', b'3,7,,"c"\n']
ended(extract(names, *two_lines, b"4,7,,d\n", rejects=two_lines), 1, record("candidates", id=4), ["f:2-3: unexpected quote on line 3, in a field that begins on line 2, before 'c\"\\x0a'; 2 lines are not used"])
write("f", b'id,cohort_id,"syllabus_id\n2,7,\n')
ended(Ran("fb-extract", "--model", "answer", "f"), 2, b"", ["f:1: malformed header: unterminated quoted field; 2 lines are not used"])
END
}

# ---- sizes ----

@test "a million columns" {
  cases << 'END'
from cases import *
names, values = header("rows")[:-1], record("rows")[:-1]
write("f", names, b"\tx" * 1000000, b"\n", values, b"\t1" * 1000000, b"\n")
ended(Ran("fb-extract", "f"), 0, record("candidates"), [])
rejected("rows", "expected 4 fields, found 1000004", header("rows"), values + b"\t1" * 1000000 + b"\n", record("rows", id=2),
         taken=record("candidates", id=2))
write("f", b"id,cohort_id,syllabus_id", b",x" * 1000000, b"\n1,7,", b",1" * 1000000, b"\n")
ended(Ran("fb-extract", "--model", "answer", "f"), 0, record("candidates"), [])
END
}

# ---- truncated input ----

@test "text truncated anywhere: the records before that point are used unchanged" {
  cases << 'END'
from cases import *
write("candidates", header("candidates"), record("candidates"), record("candidates", id=2, cohort_id=8))
for kind in KINDS:
    numbers = dict(cohort_id=8, syllabus_id=123) if kind == "cohorts" else dict(id=234)
    first, second = header(kind), record(kind)
    whole = first + second + record(kind, **numbers, cohort=r"a\\\tb", syllabus=r"\303\251é")
    def read():
        return Ran("fb-resolve", "--cohorts", "f", "candidates") if kind == "cohorts" else read_as(kind, "f")
    write("f", whole)
    ran = read()
    equal((ran.status, ran.records.count(b"\n")), (0, 2), kind)
    taken = ran.records.splitlines(keepends=True)[0]
    for at in range(len(whole)):
        write("f", whole[:at])
        ran, at_end_of_line = read(), at in (len(first), len(first + second))
        if at < len(first):
            equal((ran.status, ran.out), (2, b""), kind, at)
            continue
        number = 2 if at < len(first + second) else 3
        equal(ran.records, taken if number == 3 else b"", kind, at)
        equal(f"{PROGRAM[kind]}: f:{number}: incomplete record (no newline at the end)" in ran.messages, not at_end_of_line, kind, at, ran.messages)
        if kind != "cohorts":  # with fewer cohorts, it reports unknown ones
            equal(ran.status, 0 if at_end_of_line else 1, kind, at)
END
}

@test "CSV truncated anywhere: the last record used has all its fields, and quoted fields are complete" {
  cases << 'END'
from cases import *
write("candidates", header("candidates"), record("candidates"), record("candidates", id=2, cohort_id=8))
def cut(contents):
    write("f", contents)
    return Ran("fb-resolve", "--cohorts", "f", "candidates")
names = b"cohort_id,syllabus,cohort,syllabus_id\n"
first, last = b'7,full,"a\n""b""",9\n', b'8,"x,y",z,"123"\n'
whole = names + first + last
for at in range(len(whole)):
    ran = cut(whole[:at])
    if at < len(names) - 1:
        equal((ran.status, ran.out), (2, b""), at)
        continue
    # in a dump, an open quote makes the whole file unusable
    equal(ran.status == 2, whole[:at].count(b'"') % 2 == 1, at, ran.messages)
    if ran.status == 2:
        equal(ran.out, b"", at)
        continue
    # only the end of a line may be missing
    expected = b""
    if at >= len(names + first):  # its last value is unquoted
        expected += record("plan", cohort=r'a\n"b"')
    if at >= len(whole) - 1:
        expected += record("plan", id=2, cohort_id=8, cohort="z", syllabus="x,y", syllabus_id=123)
    equal(ran.records, expected, at)
# An unquoted last field may be truncated, so it is not used.
ran = cut(names + b"7,full,miami,12")  # 123
equal((ran.status, ran.records), (1, b""))
# If that column is not used, or is quoted, the record is complete.
for contents in b"cohort_id,syllabus,cohort,syllabus_id,x\n7,full,miami,9,12", b"cohort_id,syllabus_id,cohort,syllabus\n7,9,miami,\"full\"":
    ran = cut(contents)
    equal(ran.records, record("plan"), contents)
END
}

# ---- duplicates and mix-ups ----

@test "files of two formats, of which one is not allowed" {
  cases << 'END'
from cases import *
for kind in "candidates", "plan":
    refused(kind, header(kind).replace(b"\t", b",") + record(kind).replace(b"\t", b","), f"f:1: {CALLED[kind]} must be in text format, separated by TABs")
write("a", header("plan"), record("plan"))
write("b", header("plan").replace(b"\t", b","), record("plan", id=2).replace(b"\t", b","))
ran = Ran("fb-apply", "a", "b")
equal((ran.status, ran.out, ran.messages), (2, b"", ["fb-apply: b:1: a plan must be in text format, separated by TABs"]))
# --format applies to all files
write("a", header("rows"), record("rows"))
write("b", b"model,id,cohort_id,syllabus_id\nreview,2,7,\n")
ended(Ran("fb-extract", "a", "b"), 0, record("candidates") + record("candidates", model="review", id=2), [])
ran = Ran("fb-extract", "--format", "csv", "b", "a")
equal((ran.status, ran.out, ran.messages), (2, b"", ["fb-extract: a:1: column model is missing; name the model with --model NAME"]))
END
}

@test "a repeated header, as in joined files, is reported; after one with another order of columns nothing is used" {
  cases << 'END'
from cases import *
again = "repeated header, ignored"
other = "a different header (other columns, or another order); nothing from this line on is used"
for kind in KINDS:
    rejected(kind, again, header(kind), header(kind), record(kind), taken=record("candidates" if kind == "rows" else "plan"))
    # columns in another order, and another kind of file
    for names in [COLUMNS[kind][::-1]] + [COLUMNS[k] for k in KINDS if k != kind]:
        write("f", header(kind), record(kind), line(*names), record(kind, id=2))
        ran = read_as(kind, "f")
        equal((ran.status, ran.messages[0]), (2, f"{PROGRAM[kind]}: f:3: {other}"), kind, names)
        equal(b"\t2\t7" in ran.out.split(b"COPY pg_temp.fb_batch (n")[-1], False, kind, names)
# CSV, with quotes and CRLF
def dump(*contents):
    write("f", *contents)
    return Ran("fb-resolve", "--cohorts", "f", stdin=header("candidates") + record("candidates", cohort_id=13))
names, first = b"cohort_id,cohort,syllabus_id,syllabus\r\n", b"7,lima-1,12,web\r\n"
ran = dump(names, first, b"\r\n", b'"syllabus_id","cohort","cohort_id","syllabus"\r\n', b"13,lima-2,8,data\r\n")
equal((ran.status, ran.out, ran.messages), (2, b"", [f"fb-resolve: f:4: {other}"]))
ran = dump(names, first, names, b"13,lima-2,8,data\r\n")
equal((ran.status, ran.records, ran.messages), (1, line("answer", 1, 13, "lima-2", 8, "data"), [f"fb-resolve: f:3: {again}"]))
# fb-report, of a plan and of receipts
for kind in "plan", "receipts":
    write("f", header(kind), record(kind), header(kind), record(kind, id=2))
    ran = Ran("fb-report", "f")
    equal((ran.status, ran.messages), (1, [f"fb-report: f:3: {again}"]), kind)
    write("f", header(kind), record(kind), line(*COLUMNS[kind][::-1]))
    ran = Ran("fb-report", "f")
    equal((ran.status, ran.messages), (2, [f"fb-report: f:3: {other}"]), kind)
END
}

@test "a slug without its syllabus id in a dump, unknown statuses, a duplicate in a plan" {
  cases << 'END'
from cases import *
write("f", header("cohorts"), record("cohorts", syllabus_id=r"\N"), record("cohorts", cohort_id=8))
ran = Ran("fb-resolve", "--cohorts", "f", stdin=header("candidates") + record("candidates", cohort_id=8))
equal((ran.status, ran.messages), (1, ["fb-resolve: f:2: syllabus_id is NULL, but syllabus is not"]))
for status in "Updated", "updated ", "", r"\N", "done":
    rejected("receipts", "unknown status", header("receipts"), record("receipts", status=status), record("receipts"), taken=record("plan"))
for status in "skipped", "failed", "reverted":
    write("f", header("receipts"), record("receipts", status=status))
    ended(read_as("receipts", "f"), 0, b"", [], status)
write("f", header("plan"), record("plan"), record("plan"), record("plan", model="review"), record("plan"))
ran = Ran("fb-report", "f")
equal(ran.status, 0)
for text in "  [DRY RUN] Answer 1: skipped, duplicate\n", "Would update 1 Answer records\nSkipped: 1 (duplicate 1)\n", "Would update 3 records in total":
    equal(text in ran.out.decode(), True, text, ran.out)
END
}

@test "CSV: a quoted field over several lines: the message says where it began and ended, and how many lines are not used" {
  cases << 'END'
from cases import *
write("f", b'id,comment,cohort_id,syllabus_id\n1,x,7,\n2,"oops,7,\n3,x,7,\n4,x,8,\n5,"fine and long",8,\n6,y,8,\n')
ended(Ran("fb-extract", "--model", "answer", "f"), 1, record("candidates") + record("candidates", id=6, cohort_id=8),
      ["f:3-6: unexpected quote on line 6, in a field that begins on line 3, before 'fine and l'; 4 lines are not used"])
# the unterminated field began on a later line than its record
write("f", b'id,comment,cohort_id,syllabus_id\n2,"a\nb","7\n3,x,7,\n')
ended(Ran("fb-extract", "--model", "answer", "f"), 1, b"",
      ["f:2-4: unterminated quoted field; it begins on line 3; 3 lines are not used"])
# quotes escaped by backslashes: the hint is given once per file
write("f", b'id,comment,cohort_id,syllabus_id\n7,"a \\"b\\"",7,\n8,"a \\"b\\"",7,\n')
ran = Ran("fb-extract", "--model", "answer", "f")
hint = " (escaped by a backslash; CSV doubles a quote instead, so change how the file is written)"
ended(ran, 1, b"", ["f:2: unexpected quote" + hint, "f:3: unexpected quote"])
END
}

@test "a cohort twice: the same values, however written, or an error with both lines" {
  cases << 'END'
from cases import *
def dump(**third):
    write("f", header("cohorts"), record("cohorts"), record("cohorts", cohort_id=8), record("cohorts", **third))
    return read_as("cohorts", "f")
ended(dump(cohort_id="007", syllabus_id="+09", cohort=r"\155iami"), 0, record("plan"), [])
for column, other in [("cohort", "lisbon"), ("cohort", "miami "), ("cohort", "Miami"), ("cohort", r"\N"),
                      ("syllabus_id", 10), ("syllabus", ""), ("syllabus", r"\N")]:
    ended(dump(**{column: other}), 2, b"", ["f:4: cohort 7 has different values on line 2"], column, other)
END
}

# bats test_tags=server
@test "a record twice in a plan: the first counts, wherever the other is and whatever it says" {
  sample_database
  lines 'model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus' 'answer\t1\t1\ta\t1\ts' 'answer\t2\t1\ta\t1\ts' 'answer\t1\t1\ta\t1\ts' \
    'answer\t6\t4\tb\t1\ts' 'answer\t1\t1\ta\t1\ts' 'answer\t1\t1\ta\t2\ts' > plan.tsv
  sql "UPDATE admissions_cohort SET slug = CASE id WHEN 1 THEN 'a' ELSE 'b' END WHERE id IN (1, 4); UPDATE admissions_syllabus SET slug = 's'"
  # the batch size, and why later records for row 1 are skipped: the first is in the same batch, or in an earlier one
  for batches in '1 already-set already-set duplicate' '2 already-set already-set duplicate' '3 duplicate already-set duplicate' \
      '5000 duplicate duplicate duplicate'; do
    read -r size second third fourth <<< "$batches"
    fb-apply --batch-size "$size" plan.tsv | psql -Xq > receipts.tsv
    run -0 cut -f 1,3,6,8 receipts.tsv
    assert_output "$(lines 'status\tid\tsyllabus_id\tdetail' 'updated\t1\t1\t\\N' 'updated\t2\t1\t\\N' "skipped\t1\t1\t$second" \
      'updated\t6\t1\t\\N' "skipped\t1\t1\t$third" "skipped\t1\t2\t$fourth")"
    run -0 sql 'SELECT id, syllabus_id FROM feedback_answer WHERE id IN (1, 2, 6) ORDER BY id'
    assert_output "$(lines '1|1' '2|1' '6|1')"
    # duplicate receipts are undone once
    { cat receipts.tsv; sed -n 2p receipts.tsv; } > twice.tsv
    fb-apply --undo --batch-size "$size" twice.tsv | psql -Xq > undone.tsv
    run -0 cut -f 1,3 undone.tsv
    assert_output "$(lines 'status\tid' 'reverted\t1' 'reverted\t2' 'reverted\t6' 'skipped\t1')"
  done
}

@test "plans and receipts are distinguished, whatever the order of their columns" {
  cases << 'END'
from cases import *
for order in 1, -1:
    plan, receipts = (line(*COLUMNS[kind][::order]) + line(*fields(kind)[::order]) for kind in ("plan", "receipts"))
    write("p", plan)
    write("r", receipts)
    ran = Ran("fb-apply", "r")
    equal((ran.status, ran.out, ran.err.startswith(b"fb-apply: r:1: "), b" receipts" in ran.err), (2, b"", True, True), order, ran.err)
    ran = Ran("fb-apply", "--undo", "p")
    equal((ran.status, ran.out, ran.err.startswith(b"fb-apply: p:1: ")), (2, b"", True), order, ran.err)
    # and fb-report distinguishes them
    equal([Ran("fb-report", file).out.startswith(b"DRY RUN MODE - No changes will be made\n") for file in "pr"], [True, False], order)
# a plan with an extra column status could be either
write("p", line(*COLUMNS["plan"], "status"), line(*fields("plan"), "new"))
ended(Ran("fb-apply", "p"), 2, b"", ["p:1: this is a file of receipts, not a plan: it has a status column"])
END
}
