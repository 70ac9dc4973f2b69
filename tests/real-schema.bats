# The promises of the issue and the README, on the real schema with the example's data, with fb-backfill and
# with the pipeline by hand, compared with what one plain UPDATE leaves.
# bats file_tags=server
load helper

setup() {
  cd "$BATS_TEST_TMPDIR"
  example_database
}

# The whole pipeline by hand, with small batches, so that there are several.
by_hand() {
  make_plan > plan.tsv
  fb-apply --batch-size 37 "$@" plan.tsv | psql -Xq > receipts.tsv
}

# The ids that a run would set, in order: `model id`.
eligible() {
  sql "SELECT model || ' ' || t.id
       FROM (SELECT 'answer' AS model, id, cohort_id, syllabus_id FROM feedback_answer
             UNION ALL SELECT 'review', id, cohort_id, syllabus_id FROM feedback_review) AS t
       JOIN admissions_cohort AS c ON c.id = t.cohort_id
       WHERE t.syllabus_id IS NULL AND c.syllabus_version_id IS NOT NULL ORDER BY model, t.id"
}

nth_answer() { eligible | grep answer | sed -n "$1p" | cut -d ' ' -f 2; }

# The syllabuses of all rows must agree with the receipts, row by row.
receipts_agree() { # receipts
  local model
  for model in answer review; do
    grep "^updated.$model" "$1" | cut -f 3,6 | sort > said
    sql "COPY (SELECT t.id, t.syllabus_id FROM feedback_$model AS t JOIN before_$model AS b USING (id)
         WHERE t.syllabus_id IS DISTINCT FROM b.syllabus_id) TO STDOUT" | sort > did
    run -0 diff said did
  done
}
remember() {
  sql 'CREATE TABLE before_answer AS SELECT id, syllabus_id FROM feedback_answer'
  sql 'CREATE TABLE before_review AS SELECT id, syllabus_id FROM feedback_review'
}

@test "the example contains each hard case" {
  [ "$(eligible | grep -c answer)" -gt 100 ]
  [ "$(eligible | grep -c review)" -gt 20 ]
  for condition in 't.syllabus_id IS NOT NULL AND t.syllabus_id = v.syllabus_id' 't.syllabus_id <> v.syllabus_id' \
      't.cohort_id IS NULL' 't.cohort_id IS NOT NULL AND v.id IS NULL' 't.syllabus_id IS NULL AND s.id IS NOT NULL AND s.slug IS NULL' \
      "t.comment LIKE E'%\n%'" "t.comment LIKE E'%\t%'" "t.comment LIKE '%\\\\%'"; do
    run -0 sql "SELECT count(*) > 0 FROM feedback_answer AS t LEFT JOIN admissions_cohort AS c ON c.id = t.cohort_id
      LEFT JOIN admissions_syllabusversion AS v ON v.id = c.syllabus_version_id
      LEFT JOIN admissions_syllabus AS s ON s.id = v.syllabus_id WHERE $condition"
    assert_output t
  done
}

@test "a run leaves what one plain UPDATE leaves, all columns of all tables: fb-backfill" {
  oracle_state > expected
  fb-backfill > /dev/null
  state > got
  run -0 diff expected got
}

@test "a run leaves what one plain UPDATE leaves, all columns of all tables: by hand" {
  oracle_state > expected
  by_hand
  state > got
  run -0 diff expected got
}

@test "a run leaves what one plain UPDATE leaves: --jobs 2, small batches" {
  oracle_state > expected
  fb-backfill --jobs 2 --batch-size 10 > /dev/null
  state > got
  run -0 diff expected got
}

@test "a dry run changes nothing, and --apply does what its plan says" {
  before=$(state)
  fb-backfill --dry-run --plan plan.tsv > dry.txt
  assert_equal "$(state)" "$before"
  assert_equal "$(tail -n +2 plan.tsv | cut -f 1,2 | tr '\t' ' ')" "$(eligible)"
  fb-backfill --apply plan.tsv --receipts receipts.tsv > real.txt
  run -0 diff <(tail -n +2 plan.tsv) <(grep ^updated receipts.tsv | cut -f 2-7)
  # the two reports differ only in their words
  run -0 diff <(grep -o '[AR][a-z]* [0-9]*: cohort.*' dry.txt) <(grep -o '[AR][a-z]* [0-9]*: cohort.*' real.txt)
}

@test "--model works on that model alone" {
  for model in answer review; do
    eligible | grep -v "$model" > others
    fb-backfill --model $model > /dev/null
    run -0 diff others <(eligible)
    fb-extract --sql --model $model | psql -Xq > rows.tsv
    assert_equal "$(wc -l < rows.tsv)" 1
    example_database
  done
}

@test "--limit takes the lowest ids of each model, and repeated runs walk through the table" {
  oracle_state > expected
  eligible > all
  for round in 1 2 3; do
    fb-backfill --limit 11 --receipts r.tsv 2> /dev/null > /dev/null
    grep ^updated r.tsv | cut -f 2,3 | tr '\t' ' ' > got
    run -0 diff <(grep answer all | sed -n "$((round * 11 - 10)),$((round * 11))p"; grep review all | sed -n "$((round * 11 - 10)),$((round * 11))p") got
  done
  while [ -n "$(eligible)" ]; do fb-extract --sql --limit 100 | psql -Xq | fb-extract > c.tsv
    fb-resolve --cohorts <(fb-resolve --sql | psql -Xq) c.tsv | fb-apply | psql -Xq > /dev/null; done
  run -0 diff expected <(state)
}

@test "records whose cohort has no syllabus never use up the limit, from CSV either" {
  sql 'COPY (SELECT * FROM feedback_answer ORDER BY id) TO STDOUT (FORMAT csv, HEADER)' > answers.csv
  fb-resolve --sql | psql -Xq > cohorts.tsv
  run -0 bash -c 'fb-extract --model answer answers.csv | fb-resolve --cohorts cohorts.tsv --limit 50 | tail -n +2 | cut -f 1,2 | tr "\t" " "'
  assert_output "$(eligible | grep answer | head -n 50)"
}

@test "a second run finds 0 and changes 0" {
  fb-backfill > /dev/null
  before=$(state)
  run -0 fb-backfill --receipts r.tsv
  assert_equal "$(grep Found <<< "$output")" "$(lines 'Found 0 Answer records to process' 'Found 0 Review records to process')"
  assert_equal "$(wc -l < r.tsv)" 1
  by_hand
  assert_equal "$(wc -l < receipts.tsv)" 1
  assert_equal "$(state)" "$before"
}

@test "a missing syllabus and a frozen row fail alone" {
  remember
  frozen=$(nth_answer 40)
  sql "CREATE FUNCTION frozen() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN IF OLD.id = $frozen THEN RAISE EXCEPTION E''this one\nis frozen''; END IF; RETURN NEW; END'"
  sql 'CREATE TRIGGER frozen BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION frozen()'
  make_plan > plan.tsv
  dangling=$(nth_answer 45)
  awk -F '\t' -v OFS='\t' -v id="$dangling" '$1 == "answer" && $2 == id { $5 = 999999 } 1' plan.tsv > bad.tsv
  cp bad.tsv plan.tsv
  run -1 --separate-stderr fb-backfill --apply plan.tsv --receipts receipts.tsv
  assert_line "  ✗ Answer $dangling: syllabus 999999 does not exist"
  assert_line "  ✗ Answer $frozen: this one is frozen"
  assert_line 'Errors: 2'
  assert_equal "$(eligible | sort)" "$(printf 'answer %s\n' "$frozen" "$dangling" | sort)"
  assert_equal "$(grep ^failed receipts.tsv | cut -f 3,8 | cut -c 1-"$((${#frozen} + 7))")" "$(printf '%s\tP0001 \n%s\t23503 ' "$frozen" "$dangling")"
  receipts_agree receipts.tsv
}

@test "a missing syllabus by hand, in a batch of any size" {
  make_plan --limit 20 > plan.tsv
  dangling=$(nth_answer 7)
  awk -F '\t' -v OFS='\t' -v id="$dangling" '$1 == "answer" && $2 == id { $5 = 999999 } 1' plan.tsv > bad.tsv
  for size in 1 10 5000; do
    eligible > before
    fb-apply --batch-size $size bad.tsv | psql -Xq > r.tsv
    assert_equal "$(grep -v ^updated r.tsv | cut -f 1-3 | tr '\t' ' ')" "$(lines 'status model id' "failed answer $dangling")"
    run -0 diff <(cut -f 1,2 bad.tsv | tr '\t' ' ' | grep -vx -e 'model id' -e "answer $dangling") <(eligible | diff before - | sed -n 's/^< //p')
    fb-apply --undo r.tsv | psql -Xq > /dev/null
  done
}

@test "a row locked for longer than the lock timeout fails alone" {
  remember
  locked=$(nth_answer 30)
  hold "UPDATE feedback_answer SET comment = 'being edited' WHERE id = $locked;"
  run -1 --separate-stderr fb-backfill --lock-timeout 200 --receipts receipts.tsv
  assert_line "  ✗ Answer $locked: canceling statement due to lock timeout"
  assert_line 'Errors: 1'
  assert_equal "$(eligible)" "answer $locked"
  receipts_agree receipts.tsv
  release
  fb-backfill > /dev/null
  assert_equal "$(eligible)" ''
}

@test "a row locked: by hand" {
  locked=$(nth_answer 1)
  hold "SELECT 1 FROM feedback_answer WHERE id = $locked FOR UPDATE;"
  by_hand --lock-timeout 100
  assert_equal "$(grep ^failed receipts.tsv | cut -f 3,8)" "$(printf '%s\t55P03 canceling statement due to lock timeout' "$locked")"
  release
  assert_equal "$(eligible)" "answer $locked"
}

@test "many locked rows do not each wait for the full lock timeout" {
  hold 'SELECT 1 FROM feedback_answer FOR UPDATE;'
  start=$SECONDS
  run -1 fb-backfill --model answer --lock-timeout 1500 --receipts r.tsv
  # with the full timeout each, 200 records would take 300 s
  [ $((SECONDS - start)) -lt 150 ]
  assert_equal "$(grep -c ^failed r.tsv)" "$(eligible | grep -c answer)"
  release
}

@test "a locked table stops the run: nothing is done, exit 2" {
  hold 'LOCK TABLE feedback_answer IN EXCLUSIVE MODE;'
  before=$(state)
  run -2 --separate-stderr fb-backfill --lock-timeout 100
  [[ $stderr == *'canceling statement due to lock timeout'* ]]
  [[ $stderr == *'nothing was changed'* ]]
  release
  assert_equal "$(state)" "$before"
}

@test "rows that the application edits between plan and apply are not changed" {
  remember
  make_plan > plan.tsv
  a=$(nth_answer 1) b=$(nth_answer 2) c=$(nth_answer 3) d=$(nth_answer 4)
  psql -Xq -v ON_ERROR_STOP=1 << SQL   # a second session
UPDATE feedback_answer SET syllabus_id = (SELECT max(id) FROM admissions_syllabus) WHERE id = $a;
UPDATE feedback_answer SET cohort_id = (SELECT max(id) FROM admissions_cohort WHERE id <> cohort_id) WHERE id = $b;
DELETE FROM feedback_answer WHERE id = $c;
UPDATE feedback_answer SET cohort_id = NULL WHERE id = $d;
SQL
  edited=$(sql "SELECT t FROM feedback_answer AS t WHERE id IN ($a, $b, $c, $d) ORDER BY id")
  run -0 fb-backfill --apply plan.tsv --receipts receipts.tsv
  assert_line "  - Answer $a: skipped, already-set"
  assert_line "  - Answer $b: skipped, cohort-changed"
  assert_line "  - Answer $c: skipped, gone"
  assert_line "  - Answer $d: skipped, cohort-changed"
  assert_line 'Skipped: 4 (already-set 1, cohort-changed 2, gone 1)'
  assert_equal "$(sql "SELECT t FROM feedback_answer AS t WHERE id IN ($a, $b, $c, $d) ORDER BY id")" "$edited"
}

@test "a row that is being edited when its batch is applied: the edit wins" {
  a=$(nth_answer 5) b=$(nth_answer 6)
  hold "UPDATE feedback_answer SET syllabus_id = (SELECT max(id) FROM admissions_syllabus) WHERE id = $a;
        UPDATE feedback_answer SET comment = 'edited meanwhile' WHERE id = $b;"
  fb-backfill --receipts r.tsv > /dev/null &
  pid=$!
  # it waits for the lock
  wait_until backends_waiting
  echo 'COMMIT;' >&4
  release
  wait "$pid"
  assert_equal "$(awk -F '\t' -v id="$a" '$2 == "answer" && $3 == id { print $1, $8 }' r.tsv)" 'skipped already-set'
  run -0 sql "SELECT syllabus_id = (SELECT max(id) FROM admissions_syllabus) FROM feedback_answer WHERE id = $a"
  assert_output t
  run -0 sql "SELECT comment, syllabus_id IS NOT NULL FROM feedback_answer WHERE id = $b"
  assert_output 'edited meanwhile|t'
}

@test "undo takes back exactly what the run changed: fb-backfill" {
  before=$(state)
  fb-backfill --batch-size 50 --receipts r.tsv > /dev/null
  run -0 fb-backfill --undo r.tsv --receipts u.tsv
  assert_line "Reverted $(grep -c '^updated.answer' r.tsv) Answer records"
  assert_equal "$(state)" "$before"
  assert_equal "$(grep -c ^reverted u.tsv)" "$(grep -c ^updated r.tsv)"
}

@test "undo leaves alone what was edited after the run" {
  fb-backfill --receipts r.tsv > /dev/null
  row=$(awk -F '\t' '$2 == "answer" { print $3 }' r.tsv | sed -n 3p)
  sql "UPDATE feedback_answer SET syllabus_id = (SELECT min(id) FROM admissions_syllabus AS s WHERE s.id <> feedback_answer.syllabus_id) WHERE id = $row"
  edited=$(sql "SELECT t FROM feedback_answer AS t WHERE id = $row")
  run -0 fb-backfill --undo r.tsv
  assert_line "  - Answer $row: skipped, syllabus-changed"
  assert_line 'Skipped: 1 (syllabus-changed 1)'
  assert_equal "$(sql "SELECT t FROM feedback_answer AS t WHERE id = $row")" "$edited"
  # and everything else is undone
  assert_equal "$(eligible | wc -l)" "$(($(wc -l < r.tsv) - 2))"
}

@test "one snapshot: changes during reading do not get into the plan" {
  # a cohort gets another version after the cohorts were read and before the rows are read. Both
  # are read in one transaction, so the plan shows the state when it began
  make_plan > expected.tsv
  cat > psql << 'END'
#!/bin/bash
# psql, with an edit between the two queries of the snapshot
if [[ "$*" == *cohorts=* ]]; then
  sed '/^\\o$/a \\\\! PGOPTIONS= psql -Xqc "UPDATE admissions_cohort SET syllabus_version_id = NULL" -c "DELETE FROM feedback_review"' | /usr/bin/env -i PATH="$REAL_PATH" $(env | grep ^PG) bash -c 'psql "$@"' psql "$@"
else
  PATH=$REAL_PATH exec psql "$@"
fi
END
  chmod +x psql
  export REAL_PATH=$PATH
  PATH=$PWD:$PATH run -0 fb-backfill --dry-run --plan plan.tsv --quiet
  run -0 sql 'SELECT count(*) FROM feedback_review'
  assert_output 0
  run -0 diff expected.tsv plan.tsv
}

@test "an extraction that fails half-way applies nothing" {
  before=$(state)
  cat > fb-extract << 'END'
#!/bin/bash
case $* in *--sql*) PATH=$REAL_PATH exec fb-extract "$@" ;; esac
PATH=$REAL_PATH fb-extract "$@" | head -n 20
kill -9 $$
END
  chmod +x fb-extract
  export REAL_PATH=$PATH
  cp "$(type -P fb-backfill)" .
  for program in fb-resolve fb-apply fb-report; do ln -s "$(type -P $program)" .; done
  run -2 ./fb-backfill
  assert_output --partial 'the plan could not be made: nothing was changed'
  assert_equal "$(state)" "$before"
}

@test "the least-privilege role: runs, jobs and undos work; other columns cannot be read, nor anything else written" {
  oracle_state > expected
  before=$(state)
  least_privilege
  # first revoke what it was granted before
  sql 'GRANT ALL ON ALL TABLES IN SCHEMA public TO feedback_backfill'
  least_privilege
  as_role fb-backfill --jobs 2 --batch-size 50 --max-failures 0 --receipts r.tsv > /dev/null
  run -0 diff expected <(state)
  as_role fb-backfill --undo r.tsv > /dev/null
  assert_equal "$(state)" "$before"
  run -1 as_role fb-backfill --check
  statements=("UPDATE feedback_answer SET comment = ''" 'UPDATE feedback_review SET cohort_id = NULL' 'DELETE FROM feedback_answer'
    'UPDATE admissions_cohort SET syllabus_version_id = NULL' 'INSERT INTO feedback_survey DEFAULT VALUES'
    'TRUNCATE feedback_review' 'SELECT * FROM auth_user' 'DELETE FROM admissions_syllabus'
    'SELECT comment FROM feedback_answer' 'SELECT comments FROM feedback_review' 'SELECT json FROM admissions_syllabusversion'
    'SELECT online_meeting_url FROM admissions_cohort' 'SELECT t FROM feedback_answer AS t')
  # before version 15 everybody may create tables in the schema public
  [ "$(sql 'SHOW server_version_num')" -lt 150000 ] || statements+=('CREATE TABLE t ()')
  for statement in "${statements[@]}"; do
    run -1 as_role sql "$statement"
    assert_output --partial 'permission denied'
  done
  assert_equal "$(state)" "$before"
}

@test "a privilege is missing: the run stops, nothing is done" {
  least_privilege
  sql "REVOKE UPDATE (syllabus_id) ON feedback_review FROM feedback_backfill"
  before=$(sql 'SELECT t FROM feedback_review AS t ORDER BY id')
  run -2 --separate-stderr as_role fb-backfill --model review
  [[ $stderr == *'permission denied for table feedback_review'* ]]
  assert_equal "$(sql 'SELECT t FROM feedback_review AS t ORDER BY id')" "$before"
}

@test "batches lock rows in the order of their ids, whatever their physical order" {
  sql "CREATE TABLE seen (n serial, id bigint);
       CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO seen (id) VALUES (OLD.id); RETURN NEW; END';
       CREATE TRIGGER see BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION see()"
  make_plan --model answer > plan.tsv
  { head -n 1 plan.tsv; tail -n +2 plan.tsv | sort -t $'\t' -k 4; } > shuffled.tsv
  fb-apply shuffled.tsv | psql -Xq > /dev/null
  run -0 sql 'SELECT count(*) > 100, count(*) FILTER (WHERE id < before) FROM (SELECT id, lag(id) OVER (ORDER BY n) AS before FROM seen) AS s'
  assert_output 't|0'
}
