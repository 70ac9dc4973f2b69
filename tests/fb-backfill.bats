# What a run does, keeps and prints, and what ends it. progress, log, json, process-faults have their own files.
# bats file_tags=server
load helper

original=$BATS_TEST_DIRNAME/original

@test "the report is the original's, byte for byte" {
  sample_database
  fb-backfill --dry-run > report;                run -0 diff "$original/dry-run.txt" report
  fb-backfill --dry-run --model review > report; run -0 diff "$original/model-review-dry-run.txt" report
  fb-backfill --limit 2 --receipts r > report;   run -0 diff "$original/limit-2.txt" report
  fb-backfill --undo r > report
  fb-backfill > report;                          run -0 diff "$original/run.txt" report
  fb-backfill > report;                          run -0 diff "$original/nothing-left.txt" report
}

@test "failed records: the original's report, exit 1" {
  sample_database
  sql "CREATE FUNCTION frozen() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN IF NEW.id % 2 = 1 THEN RAISE EXCEPTION ''record is frozen''; END IF; RETURN NEW; END'"
  sql "CREATE TRIGGER frozen BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION frozen()"
  run -1 --separate-stderr fb-backfill --model answer
  run -0 diff "$original/errors.txt" - <<< "$output"
}

@test "nothing is left in TMPDIR, whatever characters are in its name" {
  sample_database
  export TMPDIR="$PWD/it's a \"tmp\" :x\\n"
  mkdir "$TMPDIR"
  fb-backfill --dry-run > /dev/null
  run -0 --separate-stderr fb-backfill --jobs 2
  run -0 diff "$original/run.txt" - <<< "$output"
  fb-backfill --check
  run -2 fb-backfill --apply nowhere
  run -2 fb-backfill --model answer --table answer=nowhere
  run -0 ls -A "$TMPDIR"
  assert_output ''
}

@test "--plan leaves exactly what --apply then does" {
  sample_database
  fb-backfill --dry-run --plan plan.tsv > /dev/null
  sql 'UPDATE admissions_cohort SET syllabus_version_id = 3'   # a new plan would differ now
  fb-backfill --apply plan.tsv --receipts r.tsv > report
  run -0 diff "$original/run.txt" report
  run -0 diff <(tail -n +2 plan.tsv) <(grep ^updated r.tsv | cut -f 2-7)
  fb-backfill --undo r.tsv > /dev/null
  fb-backfill --apply - < plan.tsv > report
  run -0 diff "$original/run.txt" report
}

@test "earlier receipts are kept, even those of interrupted jobs" {
  sample_database
  fb-backfill --limit 1 --receipts r.tsv > /dev/null
  cp r.tsv first.tsv
  echo 'the only way back' > r.tsv.2
  run -0 --separate-stderr fb-backfill --receipts r.tsv --jobs 2
  [[ $stderr == *'r.tsv: earlier receipts renamed to r.tsv.~1~'* ]]
  [[ $stderr == *'r.tsv.2: earlier receipts renamed to r.tsv.2.~1~'* ]]
  run -0 cmp first.tsv r.tsv.~1~
  run -0 cat r.tsv.2.~1~
  assert_output 'the only way back'
  assert_equal "$(grep -c ^updated r.tsv)" 5
}

@test "receipts never overwrite input, and must go to a regular file" {
  sample_database
  fb-backfill --limit 1 --receipts r.tsv > /dev/null
  cp r.tsv copy.tsv
  ln -s r.tsv link.tsv
  before=$(state)
  run -2 fb-backfill --undo r.tsv --receipts link.tsv
  assert_output 'fb-backfill: link.tsv: is already used as input or plan; choose another --receipts file: nothing was changed'
  run -2 fb-backfill --plan new.tsv --receipts new.tsv
  run -2 fb-backfill --receipts /dev/full
  assert_output 'fb-backfill: /dev/full: is not a regular file, so it cannot keep receipts: nothing was changed'
  run -2 fb-backfill --receipts nowhere/r.tsv
  assert_output --partial 'nothing was changed'
  run -2 fb-backfill --jobs 2 --receipts nowhere/r.tsv
  assert_equal "$(state)" "$before"
  run -0 cmp r.tsv copy.tsv
  run -0 bash -c 'ls *.tsv*'
  assert_output "$(lines copy.tsv link.tsv r.tsv)"
}

@test "a file's name cannot act on a terminal" {
  run -2 fb-backfill --apply $'no\n\e[2J'
  assert_output 'fb-backfill: no\x0a\x1b[2J: No such file or directory'
}

@test "fb-report is killed: that is reported, the run finishes, and no process is left" {
  sample_database
  hold 'SELECT FROM feedback_review WHERE id = 2 FOR UPDATE;'
  setsid fb-backfill --batch-size 1 --lock-timeout 0 --receipts r.tsv > /dev/null 2> err &
  leader=$!
  wait_until has_lines r.tsv 7
  kill -KILL "$(members "$leader" | awk '$2 == "fb-report" { print $1 }')"
  release
  status=0; wait "$leader" || status=$?
  assert_equal "$(members "$leader")" ''
  assert_equal "$status" 2
  run -0 cat err
  assert_line 'fb-backfill: fb-report ended before the run: the report is incomplete, but the run itself is complete'
  assert_equal "$(grep -c ^updated r.tsv)" 7
}

@test "--jobs does the same over several connections" {
  sample_database
  before=$(state)
  fb-backfill --receipts one.tsv > /dev/null
  after=$(state)
  fb-backfill --undo one.tsv --jobs 2 > /dev/null
  assert_equal "$(state)" "$before"
  fb-backfill --jobs 3 --receipts three.tsv > report
  run -0 diff "$original/run.txt" report
  assert_equal "$(state)" "$after"
  run -0 diff one.tsv three.tsv
  # also with a single record, which is for one job
  fb-backfill --undo one.tsv --quiet
  fb-backfill --limit 1 --model answer --jobs 2 --receipts four.tsv --quiet
  assert_equal "$(grep -c ^updated four.tsv)" 1
  run -0 bash -c 'echo three.tsv* four.tsv*'
  assert_output 'three.tsv four.tsv'
}

@test "a plan truncated in its last record: jobs reject that record as a single connection does" {
  sample_database
  make_plan > plan.tsv
  truncate -s -1 plan.tsv
  for jobs in 1 2; do
    run -1 --separate-stderr fb-backfill --apply plan.tsv --jobs $jobs --receipts r.$jobs
    [[ $stderr == *': incomplete record'* ]]
    # the second run finds the rows of the first already set
    assert_equal "$(grep -c "^$([ $jobs = 1 ] && echo updated || echo skipped)" r.$jobs)" 6
  done
}

@test "--jobs opens that many connections, and leaves nothing but the receipts" {
  sample_database
  sql "CREATE TABLE seen (pid integer);
       CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO seen VALUES (pg_backend_pid()); RETURN NULL; END';
       CREATE TRIGGER see AFTER UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION see();
       CREATE TRIGGER see AFTER UPDATE ON feedback_review FOR EACH ROW EXECUTE FUNCTION see()"
  # numbers are decimal, whatever they begin with
  fb-backfill --jobs 03 --batch-size 010 --lock-timeout 08000 --receipts r.tsv > /dev/null
  run -0 sql 'SELECT pid, count(*) FROM seen GROUP BY pid ORDER BY count(*) DESC'
  assert_equal "$(cut -d '|' -f 2 <<< "$output")" "$(lines 3 3 1)"
  run -0 ls
  assert_output r.tsv
}

@test "--quiet is silent, --summary short, --json one object" {
  sample_database
  run -0 fb-backfill --dry-run --quiet
  assert_output ''
  run -0 fb-backfill --dry-run --quiet --json
  assert_equal "$(jq .total <<< "$output")" 7
  run -0 fb-backfill --dry-run --summary
  refute_output --partial '[DRY RUN]'
  assert_line 'Would update 5 Answer records'
  run -0 bash -c 'fb-backfill --json | jq -c "[.models.answer.found, .models.answer.updated, .total]"'
  assert_output '[5,5,7]'
}

@test "--check counts what is left, and exits 1 while there is any" {
  sample_database
  run -1 --separate-stderr fb-backfill --check
  assert_output "$(lines 'Answer: 5 eligible, 1 with a cohort without a syllabus' 'Review: 2 eligible, 1 with a cohort without a syllabus')"
  run -1 fb-backfill --check --json --model review
  assert_equal "$(jq -c .models <<< "$output")" '{"review":{"eligible":2,"no_syllabus":1}}'
  fb-backfill > /dev/null
  run -0 --separate-stderr fb-backfill --check
  assert_output "$(lines 'Answer: 0 eligible, 1 with a cohort without a syllabus' 'Review: 0 eligible, 1 with a cohort without a syllabus')"
}

@test "the reader of the report goes away: the run finishes anyway" {
  sample_database
  # a report larger than a pipe and what head reads
  sql "INSERT INTO feedback_answer (id, cohort_id) SELECT 100 + n, 1 FROM generate_series(1, 5000) AS n"
  run -2 --separate-stderr bash -c 'set -o pipefail; fb-backfill --receipts r.tsv | head -n 3 > /dev/null; exit ${PIPESTATUS[0]}'
  [[ $stderr == *'could not write the report: '*'; the run itself is complete'* ]]
  run -0 fb-backfill --check
  assert_equal "$(grep -c ^updated r.tsv)" 5007
}

# Answers with a long slug, so that the script does not fit into a pipe and is still being written when a run is interrupted.
many_answers() {
  sql "INSERT INTO admissions_cohort VALUES (9, repeat('long', 37), 2);
       INSERT INTO feedback_answer (id, cohort_id) SELECT 100 + n, 9 FROM generate_series(1, 2000) AS n"
}

@test "interrupted, it finishes the open batch and says what is committed; the same command continues from there" {
  sample_database
  many_answers
  mkdir tmp
  left=2007
  for signal in INT TERM HUP; do
    # two batches before the third, which waits for a row
    hold "SELECT FROM feedback_answer WHERE id = (SELECT id FROM feedback_answer WHERE syllabus_id IS NULL AND id > 100 ORDER BY id OFFSET 125 LIMIT 1) FOR UPDATE;"
    # no signal may be ignored: bash ignores SIGINT in the background, and nohup SIGHUP
    TMPDIR=$PWD/tmp setsid env --default-signal fb-backfill --batch-size 50 --lock-timeout 0 --receipts "r.$signal" > /dev/null 2> "err.$signal" &
    pid=$!
    wait_until backends_waiting
    # Ctrl-C and a hang-up go to the whole group, as from a terminal; the other signal only to fb-backfill
    if [ "$signal" = TERM ]; then kill -TERM "$pid"; else kill -s "$signal" -- "-$pid"; fi
    wait_until ending "$pid" "err.$signal"
    release
    status=0; wait "$pid" || status=$?
    assert_equal "$status" $((128 + $(kill -l $signal)))
    assert_equal "$(members "$pid")" ''
    committed=$(grep -c ^updated "r.$signal")
    [ "$committed" -ge 150 ] && [ "$committed" -lt "$left" ]
    run -0 cat "err.$signal"
    assert_line "fb-backfill: interrupted by SIG$signal: finishing the open batch; interrupt again to roll it back"
    assert_line --partial "fb-backfill: $committed of $left records are committed"
    left=$((left - committed))
    assert_line --partial "receipts in $PWD/r.$signal; take them back with: fb-backfill --undo r.$signal"
    refute_output --partial 'ERROR'
    run -0 ls -A tmp
    assert_output ''
  done
  # the receipts and the database agree
  run -0 sql 'SELECT count(*) FROM feedback_answer WHERE syllabus_id IS NOT NULL AND id <> 8'
  assert_output "$(cat r.INT r.TERM r.HUP | grep -c '^updated.answer')"
  fb-backfill --quiet
  run -0 fb-backfill --check
}
# It has begun to stop: it says so, or no longer writes the script.
ending() { grep -q interrupted "$2" || ! members "$1" | grep -q ' fb-apply$'; } # PID MESSAGES

@test "names with an equals sign; jobs' receipts never overwrite input" {
  sample_database
  mkdir day=1
  fb-backfill --quiet --receipts day=1.tsv --jobs 2 --model answer < /dev/null   # not an assignment for awk
  assert_equal "$(grep -c ^updated day=1.tsv)" 5
  fb-backfill --quiet --undo day=1.tsv
  fb-backfill --quiet --receipts day=1/r.1
  run -0 fb-backfill --dry-run --summary
  cp day=1/r.1 copy
  run -2 fb-backfill --undo "$PWD/day=1/r.1" --receipts day=1/r --jobs 2
  assert_line "fb-backfill: day=1/r.1: is already used as input or plan; choose another --receipts file: nothing was changed"
  run -0 cmp copy day=1/r.1
  run -2 fb-backfill --plan ./x --receipts x
  run -0 fb-backfill --undo "$PWD/day=1/r.1" --summary
  assert_line '✓ Successfully reverted 7 records in total'
}

@test "--check waits for a lock no longer than --lock-timeout, and stops at once on a signal" {
  sample_database
  hold 'LOCK TABLE feedback_answer IN ACCESS EXCLUSIVE MODE;'
  run -2 fb-backfill --check --lock-timeout 100
  assert_line --partial 'lock timeout'
  fb-backfill --check --lock-timeout 0 2> err &
  pid=$!
  wait_until backends_waiting
  kill -TERM "$pid"
  status=0; wait "$pid" || status=$?
  assert_equal "$status" 143
  release
}

@test "contradictory options are a usage error" {
  for options in '--apply p --undo r' '--apply p --limit 3' '--undo r --model answer' '--check --dry-run' '--apply p --dry-run' '--dry-run --receipts r' \
      '--limit -1' '--limit x' '--model quiz' '--jobs 0' '--batch-size 0' '--lock-timeout' '--lock-timeout 2147483648' 'one two' '--dbname one two' '--quiet -q' '--plan p --plan q' '--receipts r --log l' '--no-receipts --receipts r' '--progress --no-progress' '--apply p --plan q' '--dry-run=no' '--receipts=' '--plan='; do
    # shellcheck disable=SC2086
    run -2 fb-backfill $options
    assert_output --partial "see 'fb-backfill --help'"
  done
}
