# Whatever slugs, messages and file names hold: none of it becomes SQL, a psql command, shell or an
# option, none of it acts on a terminal, and all of it comes back as it was.

load helper

assert_harmless() { python3 "$BATS_TEST_DIRNAME/copytext.py" harmless; }
decoded() { python3 "$BATS_TEST_DIRNAME/copytext.py" decode | jq -Sc '.[]'; }

# Names that a shell, psql, awk, printf or an option parser could take for something else.
names=('a b' "it's" 'a"b' -x --undo=x '$(touch pwned)' '`touch pwned`' ';touch pwned' '|touch pwned' '&touch pwned' 'a=b' 'NR=1' '*' '?' '[a]' '~'
  ':x' ":'x'" '\!touch pwned' '\t' 'a\' '%s%n' '{a,b}' '#a' '!a' $'a\nb' $'a\tb' ñandú)

# Names that could act on a terminal: escape sequences (C0, C1 as UTF-8 and as a byte), DEL, bidirectional
# controls, bytes that are no UTF-8, a line of their own.
terminal_names=($'\e[31mred' $'\e]0;title\a' $'a\rb' $'a\bb' $'\x7f' $'\xc2\x9b31m' $'\x9b31m' $'\xe2\x80\xaetxt' $'\xe2\x81\xa6x' $'\xd8\x9cx' $'a\xff' $'\xed\xa0\x80'
  $'a\nfb-backfill: all is well')

# A cohort, a syllabus, an answer and a review for each slug that could be trouble; all slugs of more than a character twice.
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

# What the receipts of all that must say, from the database itself.
database_says() {
  sql "SELECT json_build_object('status', 'updated', 'model', model, 'id', t.id::text, 'cohort_id', c.id::text, 'cohort', c.slug,
         'syllabus_id', s.id::text, 'syllabus', s.slug, 'detail', NULL)
       FROM (SELECT 'answer' AS model, id, cohort_id, syllabus_id FROM feedback_answer WHERE id >= 1000
             UNION ALL SELECT 'review', id, cohort_id, syllabus_id FROM feedback_review WHERE id >= 1000) AS t
       JOIN admissions_cohort AS c ON c.id = t.cohort_id JOIN admissions_syllabus AS s ON s.id = t.syllabus_id
       ORDER BY model, t.id" | jq -Sc .
}

@test "slugs with every character come back in the receipts as the database has them, and nothing else happens" {
  sample_database
  hostile_slugs
  before=$(state)
  oracle_state > expected
  run -0 --separate-stderr fb-backfill --receipts r.tsv --batch-size 100
  assert_equal "$stderr" ''
  assert_harmless <<< "$output"
  assert_equal "$(grep -c '  ✓ ' <<< "$output")" "$(($(wc -l < r.tsv) - 1))"   # a line each
  run -0 diff expected <(state)
  database_says > expected.json
  run -0 diff expected.json <(decoded < r.tsv | jq -Sc 'select((.id | tonumber) >= 1000)')
  [ "$(wc -l < expected.json)" -gt 600 ]
  # the same by way of CSV
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
  # the message is whole, but for its white space
  run -0 bash -c "python3 '$BATS_TEST_DIRNAME/copytext.py' decode < r.tsv | jq -r '.[] | select(.cohort == \"\\u001b\" or .cohort == \"\\u009b\") | .detail' | od -An -c | tr -d ' \n'"
  assert_output 'P0001<033>\nP0001<302233>\n'
  run -1 --separate-stderr bash -c 'fb-report --json r.tsv'
  assert_harmless <<< "$output"
  jq . <<< "$output"
}

@test "a value that a message quotes cannot act on the terminal" {
  for name in "${terminal_names[@]}"; do
    printf 'model\tid\tcohort_id\tsyllabus_id\nanswer\t%b\t7\t\\N\n%b\t1\t7\t\\N\n' "${name/$'\n'/\\\\n}" "${name/$'\n'/\\\\n}" > rows.tsv
    run -1 --separate-stderr fb-extract rows.tsv
    assert_equal "$(wc -l <<< "$stderr")" 2
    echo "$stderr" >> messages
    for wrong in "-$name" "--$name" "--undo=$name" "--model=$name" "--format=$name" "--limit=$name"; do
      for program in fb-extract fb-resolve fb-apply fb-report fb-backfill; do
        run -2 --separate-stderr "$program" "$wrong"
        assert_output ''
        echo "$stderr" >> messages
      done
    done
  done
  assert_harmless < messages
  run -1 grep -x 'fb-backfill: all is well.*' messages
}

# Runs a command on files of this name: one that is missing, and a folder.
told_of() { # name command...
  local name=$1
  shift
  mkdir -p "folder/$name"
  for file in "$name/missing" "folder/$name"; do
    run -2 --separate-stderr "$@" "$file"
    assert_output ''
    echo "$stderr" >> messages
  done
}

@test "a file's name cannot act on the terminal" {
  sample_database
  make_plan > plan.tsv
  : > empty
  for name in "${terminal_names[@]}"; do
    for command in fb-extract 'fb-resolve --cohorts' 'fb-resolve --cohorts empty' fb-apply 'fb-apply --undo' fb-report 'fb-report --plan' \
        'fb-extract --rejects empty' 'fb-backfill --apply' 'fb-backfill --undo' 'fb-backfill --apply plan.tsv --receipts' 'fb-backfill --dry-run --plan'; do
      told_of "$name" $command
    done
    run -2 --separate-stderr fb-backfill "$name"
    echo "$stderr" >> messages
  done
  # fb-backfill is bash, which goes by the locale
  export LC_ALL=C
  for name in "${terminal_names[@]}"; do told_of "$name" fb-backfill --apply; done
  assert_harmless < messages
  run -1 grep -x 'fb-backfill: all is well.*' messages
}

@test "a file's name is a name, and nothing else: the programs" {
  lines 'model\tid\tcohort_id\tsyllabus_id' 'answer\t1\t7\t\\N' bad > rows.tsv
  lines 'model\tid\tcohort_id' 'answer\t1\t7' 'answer\t2\t8' > candidates.tsv
  lines 'cohort_id\tcohort\tsyllabus_id\tsyllabus' '7\tc\t9\ts' '8\tc\t\\N\t\\N' > cohorts.tsv
  fb-resolve --cohorts cohorts.tsv candidates.tsv > plan.tsv
  mkdir here
  for name in "${names[@]}"; do
    cp rows.tsv "here/$name"; (cd here; run -1 fb-extract --rejects "r$name" -- "$name"; assert_line $'answer\t1\t7'; assert_equal "$(cat "r$name")" bad)
    cp candidates.tsv "here/$name"; (cd here; run -0 fb-resolve --unresolved "u$name" --cohorts ../cohorts.tsv -- "$name"; assert_equal "$(tail -n 1 "u$name")" $'answer\t2\t8\tno-syllabus')
    cp cohorts.tsv "here/$name"; (cd here; run -0 fb-resolve --cohorts "$name" ../candidates.tsv; assert_line $'answer\t1\t7\tc\t9\ts')
    cp plan.tsv "here/$name"; (cd here; run -0 fb-apply -- "$name"; assert_line $'1\tanswer\t1\t7\tc\t9\ts')
    (cd here; run -0 fb-report --plan "$name" -- "$name"; assert_line '  [DRY RUN] Answer 1: cohort=c → syllabus=s')
  done
  [ ! -e here/pwned ]
}

@test "a file's name is a name, and nothing else: fb-backfill" {
  sample_database
  before=$(state)
  fb-backfill --receipts r.tsv --quiet
  after=$(state)
  fb-backfill --undo r.tsv --quiet
  mkdir here; cd here
  for name in "${names[@]}"; do
    fb-backfill --dry-run --plan "$name" --quiet
    # over several connections, where the plan is split and the receipts are joined
    run -0 --separate-stderr fb-backfill --apply "$name" --receipts "$name.r" --jobs 2
    assert_equal "$stderr" ''
    assert_line '✓ Successfully updated 7 records in total'
    run -0 cmp -- ../r.tsv "$name.r"
    run -0 --separate-stderr fb-backfill --undo "$name.r" --receipts "u$name"
    assert_equal "$stderr" ''
    assert_line '✓ Successfully reverted 7 records in total'
  done
  assert_equal "$(state)" "$before"
  fb-backfill --quiet
  assert_equal "$(state)" "$after"
  [ ! -e pwned ]
}

@test "the temporary folder's name is a name, and nothing else" {
  sample_database
  before=$(state)
  for name in "${names[@]}"; do
    mkdir -p -- "$name"
    TMPDIR=$name run -0 --separate-stderr fb-backfill --jobs 2 --receipts r.tsv
    assert_equal "$stderr" ''
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

@test "what a trigger has to say about a row is not shown on the way, raw" {
  sample_database
  sql "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE WARNING E''\\x1b[31m %'', OLD.id; RETURN NEW; END'"
  sql 'CREATE TRIGGER shout BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION shout()'
  run -0 --separate-stderr fb-backfill
  assert_equal "$stderr" ''
  assert_line 'Updated 5 Answer records'
}
