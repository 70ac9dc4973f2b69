# --max-failures: a run that is going wrong stops.
# bats file_tags=server
load helper
load aftermath

setup() {
  cd "$BATS_TEST_TMPDIR"
  example_database
  remember
}

# A trigger refuses the n-th answer that a run would set, for each n in a list.
refuse() { # N,N...
  sql "CREATE TABLE was.refused AS SELECT id FROM (SELECT t.id, row_number() OVER (ORDER BY t.id) AS n FROM was.answer AS t
         JOIN admissions_cohort AS c ON c.id = t.cohort_id WHERE t.syllabus_id IS NULL AND c.syllabus_version_id IS NOT NULL) AS t WHERE n IN ($1);
       CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN IF NEW.id IN (SELECT id FROM was.refused) THEN RAISE ''record is frozen''; END IF; RETURN NEW; END';
       CREATE TRIGGER refuse BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION refuse()"
}
allow() { sql 'DROP TRIGGER refuse ON feedback_answer; DROP TABLE was.refused'; }

# Applies plan.tsv in batches of ten.
apply() { fb-apply --batch-size 10 "$@" plan.tsv | psql -Xq > r.tsv; }
counts() { awk -F '\t' '{ n[$1]++ } END { print n["updated"] + 0, n["failed"] + 0 }' r.tsv; }

@test "--max-failures N stops after the batch that has more, with the receipts of all that is committed" {
  make_plan --model answer > plan.tsv
  refuse 2,15,25,28,29
  run -3 apply --max-failures 2
  assert_line --regexp 'ERROR:  stopped: 5 of 30 records so far have failed, more than --max-failures 2$'
  assert_line --partial 'HINT:  Their receipts say why.'
  assert_equal "$(counts)" '25 5'
  assert_agree 0 r.tsv
  take_back
  # two are not more than two
  run -3 apply --max-failures 1
  assert_equal "$(counts)" '18 2'
  take_back
  run -0 apply --max-failures 5
  assert_equal "$(counts)" "$(($(grep -c answer right) - 5)) 5"
  allow
  assert_finishes
}

@test "--max-failures 0 stops after the first batch with a failure, and has no effect without one" {
  make_plan --model answer > plan.tsv
  refuse 15
  run -3 apply --max-failures 0
  assert_equal "$(counts)" '19 1'
  allow
  run -0 apply --max-failures 0
  # skipped is not failed
  assert_equal "$(counts)" "$(($(grep -c answer right) - 19)) 0"
  run -0 diff <(grep answer right) <(changed)
}

@test "--max-failures N% counts from the hundredth record on" {
  make_plan --model answer > plan.tsv
  refuse "$(seq -s , 1 10)"
  run -0 apply --max-failures 10%
  assert_equal "$(counts)" "$(($(grep -c answer right) - 10)) 10"
  take_back
  run -3 apply --max-failures 9%
  assert_line --regexp 'ERROR:  stopped: 10 of 100 records so far have failed, more than --max-failures 9%$'
  assert_equal "$(counts)" '90 10'
  take_back
  allow
  refuse "$(seq -s , 1 1000)"
  run -0 apply --max-failures 100%
  assert_equal "$(counts)" "0 $(grep -c answer right)"
}

@test "an undo stops, too; so does a run whose last batch has too many" {
  make_plan --model answer --limit 30 > plan.tsv
  fb-apply --batch-size 10 plan.tsv | psql -Xq > all.tsv
  refuse 2,15,28
  run -3 bash -c 'set -o pipefail; fb-apply --undo --batch-size 10 --max-failures 1 all.tsv | psql -Xq > r.tsv'
  run -0 grep -c ^reverted r.tsv
  assert_output 18
  sql 'ALTER TABLE feedback_answer DISABLE TRIGGER refuse'
  fb-apply --undo all.tsv | psql -Xq > /dev/null
  sql 'ALTER TABLE feedback_answer ENABLE TRIGGER refuse'
  run -3 apply --max-failures 2
  assert_equal "$(counts)" '27 3'
}

@test "fb-backfill says why it stopped, how much is committed, and how to go on" {
  refuse 2,15
  run -2 --separate-stderr fb-backfill --batch-size 10 --max-failures 1 --receipts r.tsv
  [[ $stderr == *'ERROR:  stopped: 2 of 20 records so far have failed, more than --max-failures 1'* ]]
  [[ $stderr == *"fb-backfill: 18 of $(wc -l < right) records are committed"* ]]
  [[ $stderr == *"receipts in $PWD/r.tsv; take them back with: fb-backfill --undo r.tsv; "*'run the same command again to continue'* ]]
  assert_equal "$(grep -c ' failed: P0001 record is frozen' <<< "$stderr")" 2
  assert_agree 0 r.tsv
  allow
  mv r.tsv first.tsv
  run -0 fb-backfill --batch-size 10 --max-failures 1 --receipts r.tsv --quiet
  assert_agree 0 first.tsv r.tsv
  run -0 diff right changed
}

@test "with --jobs each connection counts its own failures" {
  answers=$(grep -c answer right)
  refuse "2,$((answers - 1))"
  run -1 --separate-stderr fb-backfill --model answer --jobs 2 --batch-size 10 --max-failures 1 --receipts r.tsv
  assert_equal "$(counts)" "$((answers - 2)) 2"
  fb-backfill --undo r.tsv --quiet
  # the other continues
  sql "INSERT INTO was.refused VALUES ($(nth answer 3))"
  run -2 --separate-stderr fb-backfill --model answer --jobs 2 --batch-size 10 --max-failures 1 --receipts r.tsv
  [[ $stderr == *'stopped: 2 of 10 records so far have failed'* ]]
  half=$(( (answers + 1) / 2 ))
  assert_equal "$(counts)" "$((8 + answers - half - 1)) 3"
  assert_agree 0 r.tsv
  allow
  assert_finishes
}

@test "two scripts, one after the other in a session, count for themselves" {
  make_plan --model answer --limit 20 > plan.tsv
  refuse 2,15
  { fb-apply --max-failures 2 --max-lag 3600 plan.tsv; fb-apply --max-failures 2 --max-lag 3600 plan.tsv; } | psql -Xq > r.tsv
  assert_equal "$(counts)" '18 4'
}
