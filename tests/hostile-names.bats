# Whatever slugs, messages and file names contain: it never becomes SQL, a psql command, shell code or an
# option, it never acts on a terminal, and it is never changed.

load helper

assert_harmless() { python3 "$BATS_TEST_DIRNAME/copytext.py" harmless; }
decoded() { python3 "$BATS_TEST_DIRNAME/copytext.py" decode | jq -Sc '.[]'; }

# Names that a shell, psql, awk, printf or an option parser could misinterpret.
names=('a b' "it's" 'a"b' -x --undo=x '$(touch pwned)' '`touch pwned`' ';touch pwned' '|touch pwned' '&touch pwned' 'a=b' 'NR=1' '*' '?' '[a]' '~'
  ':x' ":'x'" '\!touch pwned' '\t' 'a\' '%s%n' '{a,b}' '#a' '!a' $'a\nb' $'a\tb' ñandú)
# All of these in one, for a quick test.
name_of_all='-x "'"it's"'" $(touch pwned) `touch pwned` ;touch pwned |touch pwned &touch pwned a=b * ? [a] ~ :x :'"'x'"' \!touch pwned'
name_of_all+=' \t %s%n {a,b} #a !a '$'\n \t ñandú \\'

# Names that could act on a terminal: escape sequences (C0, C1 as UTF-8 and as a byte), DEL, bidirectional
# controls, bytes that are not UTF-8, a newline.
terminal_names=($'\e[31mred' $'\e]0;title\a' $'a\rb' $'a\bb' $'\x7f' $'\xc2\x9b31m' $'\x9b31m' $'\xe2\x80\xaetxt' $'\xe2\x81\xa6x' $'\xd8\x9cx' $'a\xff' $'\xed\xa0\x80'
  $'a\nfb-backfill: all is well')
terminal_name=$(IFS=; printf %s "${terminal_names[*]}")

# A cohort, a syllabus, an answer and a review for each troublesome slug; slugs longer than one character appear twice.
hostile_slugs() {
  sql "
    CREATE TABLE hostile AS SELECT row_number() OVER () AS n, slug FROM (
      SELECT 'a' || chr(code) || 'b' AS slug FROM generate_series(1, 160) AS code
      UNION ALL SELECT chr(code) FROM generate_series(1, 160) AS code
      UNION ALL SELECT unnest(ARRAY['', '\\.', E'\\n\\\\.\\n', E'\\\\.\\nDROP TABLE feedback_answer;\\n', E'\\\\N', 'NULL', '\"\"', E'\\r\\n',
        '''; DROP TABLE feedback_answer; --', '\$\$; DROP TABLE feedback_answer; --', '\\! touch pwned', E'\\n\\\\! touch pwned\\n', '\$(touch pwned)', '\`touch pwned\`',
        ':x :''x'' :\"x\"', '{model} {table}', '%s %n \$1', E'\\\\x41 \\\\101 \\\\t \\\\', E'a\\tb\\tc', 'COPY t FROM STDIN;',
        E'\\u202ax\\u202e\\u2066\\u200f\\u061c', E'\\u2028\\u2029\\ufeff\\ufffe\\u00ad', repeat(E'\\U0001f4a9', 100), repeat('\\', 100), repeat(E'\\n', 100)])
    ) AS s;
    INSERT INTO admissions_syllabus (id, slug) SELECT 1000 + n, slug FROM hostile;
    INSERT INTO admissions_syllabusversion (id, version, syllabus_id) SELECT 1000 + n, 1, 1000 + n FROM hostile;
    INSERT INTO admissions_cohort (id, slug, syllabus_version_id) SELECT 1000 + n, slug, 1000 + n FROM hostile;
    INSERT INTO feedback_answer (id, cohort_id) SELECT 1000 + n, 1000 + n FROM hostile;
    INSERT INTO feedback_review (id, cohort_id) SELECT 1000 + n, 1000 + n FROM hostile"
}

# What the receipts for these must contain, from the database itself.
database_says() {
  sql "SELECT json_build_object('status', 'updated', 'model', model, 'id', t.id::text, 'cohort_id', c.id::text, 'cohort', c.slug,
         'syllabus_id', s.id::text, 'syllabus', s.slug, 'detail', NULL)
       FROM (SELECT 'answer' AS model, id, cohort_id, syllabus_id FROM feedback_answer WHERE id >= 1000
             UNION ALL SELECT 'review', id, cohort_id, syllabus_id FROM feedback_review WHERE id >= 1000) AS t
       JOIN admissions_cohort AS c ON c.id = t.cohort_id JOIN admissions_syllabus AS s ON s.id = t.syllabus_id
       ORDER BY model, t.id" | jq -Sc .
}

# bats test_tags=server
@test "slugs with every character are in the receipts as in the database, without side effects" {
  sample_database
  hostile_slugs
  before=$(state)
  oracle_state > expected
  run -0 --separate-stderr fb-backfill --receipts r.tsv --batch-size 100
  assert_equal "$(messages)" ''
  assert_harmless <<< "$output"
  assert_equal "$(grep -c '  ✓ ' <<< "$output")" "$(($(wc -l < r.tsv) - 1))"   # one line each
  run -0 diff expected <(state)
  database_says > expected.json
  run -0 diff expected.json <(decoded < r.tsv | jq -Sc 'select((.id | tonumber) >= 1000)')
  [ "$(wc -l < expected.json)" -gt 600 ]
  # the same through CSV
  fb-resolve --sql | psql -Xq > cohorts.tsv
  psql -Xqc "COPY (SELECT c.id AS cohort_id, c.slug AS cohort, s.id AS syllabus_id, s.slug AS syllabus FROM admissions_cohort AS c
    LEFT JOIN admissions_syllabusversion AS v ON v.id = c.syllabus_version_id LEFT JOIN admissions_syllabus AS s ON s.id = v.syllabus_id)
    TO STDOUT (FORMAT csv, HEADER)" > cohorts.csv
  { lines 'model\tid\tcohort_id'; cut -f 2-4 r.tsv | tail -n +2; } > candidates.tsv
  fb-resolve --cohorts cohorts.tsv candidates.tsv > plan.tsv
  fb-resolve --cohorts cohorts.csv candidates.tsv > plan-by-csv.tsv
  run -0 diff plan.tsv plan-by-csv.tsv
  # and back
  run -0 --separate-stderr fb-backfill --undo r.tsv
  assert_harmless <<< "$output"
  assert_equal "$(state)" "$before"
  [ ! -e pwned ]
}

# bats test_tags=server
@test "PostgreSQL's messages with every character: one line in receipts and report, nothing acts on the terminal" {
  sample_database
  hostile_slugs
  sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN RAISE ''<%>'', (SELECT slug FROM admissions_cohort WHERE id = NEW.cohort_id); END';
       CREATE TRIGGER refuse BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION refuse()"
  count=$(sql 'SELECT count(*) FROM feedback_answer WHERE cohort_id >= 1000')
  run -1 --separate-stderr fb-backfill --model answer --receipts r.tsv
  assert_harmless <<< "$output"
  assert_harmless <<< "$stderr"
  assert_equal "$(grep -c '^  ✗ Answer 1...:' <<< "$output")" "$count"
  assert_equal "$(grep -c ^failed.answer.1...$'\t' r.tsv)" "$count"
  # the message is complete, except for white space
  run -0 bash -c "python3 '$BATS_TEST_DIRNAME/copytext.py' decode < r.tsv | jq -r '.[] | select(.cohort == \"\\u001b\" or .cohort == \"\\u009b\") | .detail' | od -An -c | tr -d ' \n'"
  assert_output 'P0001<033>\nP0001<302233>\n'
  run -1 --separate-stderr bash -c 'fb-report --json r.tsv'
  assert_harmless <<< "$output"
  jq . <<< "$output"
}

# Makes every program quote these values: from a record, as an option, as an argument.
quote_values() { # VALUE...
  cases "$@" << 'END'
import os
import re
from cases import *
from copytext import harm
for value in map(os.fsencode, sys.argv[1:]):
    written = value.replace(b"\n", rb"\n")
    write("rows.tsv", header("rows"), record("rows", id=written), record("rows", model=written))
    all_ran = [Ran("fb-extract", "rows.tsv")]
    equal((all_ran[0].status, len(all_ran[0].messages)), (1, 2), value)
    for wrong in b"-", b"--", b"--undo=", b"--model=", b"--format=", b"--limit=":
        for program in PROGRAMS + ["fb-backfill"]:
            all_ran.append(Ran(program, wrong + value))
            equal((all_ran[-1].status, all_ran[-1].out), (2, b""), program, wrong + value)
    for ran in all_ran:
        equal(harm(ran.err), None, ran.command, ran.err)
        equal(re.search(b"^fb-backfill: all is well", ran.err, re.M), None, ran.command, ran.err)
END
}

@test "a value that a message quotes cannot act on the terminal" { quote_values "$terminal_name"; }
# bats test_tags=slow
@test "a value that a message quotes cannot act on the terminal: each alone" { quote_values "${terminal_names[@]}"; }

# Runs commands on a missing file with such a name, and on a folder.
name_files() { # NAME... < commands
  mapfile -t commands
  cases "${#commands[@]}" "${commands[@]}" "$@" << 'END'
import os
import re
from cases import *
from copytext import harm
count, *words = sys.argv[1:]
commands = [command.split() for command in words[:int(count)]]
for name in map(os.fsencode, words[int(count):]):
    os.makedirs(b"folder/" + name)
    for command in commands:
        for file in name + b"/missing", b"folder/" + name:
            ran = Ran(*command, file)
            equal((ran.status, ran.out, harm(ran.err)), (2, b"", None), command, file, ran.err)
            equal(re.search(b"^fb-backfill: all is well", ran.err, re.M), None, command, file, ran.err)
END
}
files_of_programs() { # NAME...
  : > empty
  printf '%s\n' fb-extract 'fb-resolve --cohorts' 'fb-resolve --cohorts empty' fb-apply 'fb-apply --undo' fb-report 'fb-report --plan' \
    'fb-extract --rejects empty' | name_files "$@"
}
files_of_backfill() { # NAME...
  make_plan > plan.tsv
  printf '%s\n' 'fb-backfill --apply' 'fb-backfill --undo' 'fb-backfill --apply plan.tsv --receipts' 'fb-backfill --dry-run --plan' \
    fb-backfill | name_files "$@"
  # bash depends on the locale
  rm -r folder
  LC_ALL=C name_files "$@" <<< 'fb-backfill --apply'
}

@test "a file's name cannot act on the terminal: the programs" { files_of_programs "$terminal_name"; }
# bats test_tags=server
@test "a file's name cannot act on the terminal: fb-backfill" {
  sample_database
  files_of_backfill "$terminal_name"
}
# bats test_tags=server,slow
@test "a file's name cannot act on the terminal: each alone" {
  sample_database
  files_of_programs "${terminal_names[@]}"
  rm -r folder
  files_of_backfill "${terminal_names[@]}"
}

@test "a file's name is a name, and nothing else: the programs" {
  mkdir here
  cases "${names[@]}" << 'END'
import os
from cases import *
rows = header("rows") + record("rows") + b"bad\n"
candidates = header("candidates") + record("candidates") + record("candidates", id=2, cohort_id=8)
cohorts = header("cohorts") + record("cohorts") + record("cohorts", cohort_id=8, syllabus_id=r"\N", syllabus=r"\N")
plan = header("plan") + record("plan")
write("candidates", candidates)
write("cohorts", cohorts)
os.chdir("here")
def told(table, *command):
    write(name, table)
    return Ran(*command)
for name in map(os.fsencode, sys.argv[1:]):
    ran = told(rows, "fb-extract", "--rejects", b"r" + name, "--", name)
    equal((ran.status, ran.records, open(b"r" + name, "rb").read()), (1, record("candidates"), b"bad\n"), name)
    ran = told(candidates, "fb-resolve", "--unresolved", b"u" + name, "--cohorts", "../cohorts", "--", name)
    equal((ran.status, ran.records), (0, record("plan")), name)
    equal(open(b"u" + name, "rb").readlines()[1:], [line("answer", 2, 8, "no-syllabus")], name)
    ended(told(cohorts, "fb-resolve", "--cohorts", name, "../candidates"), 0, record("plan"), [], name)
    ended(told(plan, "fb-apply", "--", name), 0, record("plan"), [], name)
    ran = told(plan, "fb-report", "--plan", name, "--", name)
    equal((ran.status, "  [DRY RUN] Answer 1: cohort=miami → syllabus=full\n".encode() in ran.out), (0, True), name)
END
  [ ! -e here/pwned ]
}

backfill_files() { # NAME...
  before=$(state)
  fb-backfill --receipts r.tsv --quiet
  after=$(state)
  fb-backfill --undo r.tsv --quiet
  mkdir here; cd here
  for name in "$@"; do
    fb-backfill --dry-run --plan "$name" --quiet
    # over several connections, so the plan is split and the receipts are joined
    run -0 --separate-stderr fb-backfill --apply "$name" --receipts "$name.r" --jobs 2
    assert_equal "$(messages)" ''
    assert_line '✓ Successfully updated 7 records in total'
    run -0 cmp -- ../r.tsv "$name.r"
    run -0 --separate-stderr fb-backfill --undo "$name.r" --receipts "u$name"
    assert_equal "$(messages)" ''
    assert_line '✓ Successfully reverted 7 records in total'
  done
  assert_equal "$(state)" "$before"
  fb-backfill --quiet
  assert_equal "$(state)" "$after"
  [ ! -e pwned ]
}

# bats test_tags=server
@test "a file's name is a name, and nothing else: fb-backfill" {
  sample_database
  backfill_files "$name_of_all" NR=1
}
# bats test_tags=server,slow
@test "a file's name is a name, and nothing else: fb-backfill, each alone" {
  sample_database
  backfill_files "${names[@]}"
}

backfill_in_folders() { # NAME...
  before=$(state)
  for name in "$@"; do
    mkdir -p -- "$name"
    TMPDIR=$name run -0 --separate-stderr fb-backfill --jobs 2 --receipts r.tsv
    assert_equal "$(messages)" ''
    assert_line '✓ Successfully updated 7 records in total'
    TMPDIR=$PWD/$name run -0 --separate-stderr fb-backfill --undo r.tsv
    assert_line '✓ Successfully reverted 7 records in total'
    rm r.tsv
    run -0 ls -A -- "$name"
    assert_output ''
  done
  assert_equal "$(state)" "$before"
  [ ! -e pwned ]
}

# bats test_tags=server
@test "the temporary folder's name is a name, and nothing else" {
  sample_database
  backfill_in_folders "$name_of_all"
}
# bats test_tags=server,slow
@test "the temporary folder's name is a name, and nothing else: each alone" {
  sample_database
  backfill_in_folders "${names[@]}"
}

# bats test_tags=server
@test "a trigger's messages about a row are not shown unescaped" {
  sample_database
  sql "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE WARNING E''\\x1b[31m %'', OLD.id; RETURN NEW; END'"
  sql 'CREATE TRIGGER shout BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION shout()'
  run -0 --separate-stderr fb-backfill
  assert_equal "$(messages)" ''
  assert_line 'Updated 5 Answer records'
}
