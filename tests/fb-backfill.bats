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

@test "nothing of a run stays in TMPDIR" {
  sample_database
  mkdir tmp
  export TMPDIR=$PWD/tmp
  fb-backfill --dry-run > /dev/null
  fb-backfill --jobs 2 > /dev/null
  fb-backfill --check
  PGPORT=1 run -2 fb-backfill
  run -0 ls -A tmp
  assert_output ''
}

@test "a temporary folder with blanks, quotes and backslashes in its name" {
  sample_database
  mkdir "it's a \"tmp\" :x\\n"
  TMPDIR="$PWD/it's a \"tmp\" :x\\n" run -0 fb-backfill --jobs 2
  run -0 diff "$original/run.txt" - <<< "$output"
}

@test "no connection: exit 2, and nothing was changed" {
  PGPORT=1 run -2 fb-backfill
  assert_output --partial 'fb-backfill: the snapshot could not be taken: nothing was changed'
  PGPORT=1 run -2 fb-backfill --check
}

@test "a table is missing: exit 2, and nothing was changed" {
  sample_database
  sql 'DROP TABLE feedback_review'
  before=$(sql 'SELECT t FROM feedback_answer AS t ORDER BY id')
  run -2 --separate-stderr fb-backfill --plan plan.tsv
  [[ $stderr == *'relation "feedback_review" does not exist'* ]]
  [ ! -e plan.tsv ]
  assert_equal "$(sql 'SELECT t FROM feedback_answer AS t ORDER BY id')" "$before"
}

@test "a program that dies at once ends it, and nobody waits for it" {
  sample_database
  before=$(state)
  for program in fb-extract fb-resolve fb-apply psql fb-report; do
    mkdir $program && cp "$project"/bin/fb-* $program
    printf '#!/bin/sh\ncase "$*" in *--sql*|*--print-models*) exec %s "$@" ;; esac\nexit 2\n' "$project/bin/$program" > $program/$program
    chmod +x $program/$program
    run -2 env PATH="$PWD/$program:$PATH" timeout 20 $program/fb-backfill
    [ $program = fb-report ] || assert_equal "$(state)" "$before"
  done
}

@test "--plan leaves exactly what --apply then does" {
  sample_database
  fb-backfill --dry-run --plan plan.tsv > /dev/null
  sql 'UPDATE admissions_cohort SET syllabus_version_id = 3'   # would be another plan now
  fb-backfill --apply plan.tsv --receipts r.tsv > report
  run -0 diff "$original/run.txt" report
  run -0 diff <(tail -n +2 plan.tsv) <(grep ^updated r.tsv | cut -f 2-7)
  fb-backfill --undo r.tsv > /dev/null
  fb-backfill --apply - < plan.tsv > report
  run -0 diff "$original/run.txt" report
}

@test "earlier receipts are kept" {
  sample_database
  fb-backfill --receipts r.tsv > /dev/null
  cp r.tsv first.tsv
  run -0 --separate-stderr fb-backfill --receipts r.tsv
  [[ $stderr == *'earlier receipts are kept'* ]]
  run -0 cmp first.tsv r.tsv.~1~
  assert_equal "$(wc -l < r.tsv)" 1
}

@test "receipts never replace what is read, and only a file keeps them" {
  sample_database
  fb-backfill --limit 1 --receipts r.tsv > /dev/null
  cp r.tsv copy.tsv
  ln -s r.tsv link.tsv
  before=$(state)
  run -2 fb-backfill --undo r.tsv --receipts link.tsv
  assert_output 'fb-backfill: link.tsv: the receipts of this run need a file of their own'
  run -2 fb-backfill --plan new.tsv --receipts new.tsv
  run -2 fb-backfill --receipts /dev/full
  assert_output 'fb-backfill: /dev/full: receipts can only be kept in a regular file'
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
  assert_output 'fb-backfill: no??[2J: No such file or directory'
}

@test "earlier receipts of jobs that were interrupted are kept" {
  sample_database
  echo 'the only way back' > r.tsv.2
  run -0 --separate-stderr fb-backfill --receipts r.tsv --jobs 2
  [[ $stderr == *'r.tsv.2: the earlier receipts are kept beside it'* ]]
  run -0 cat r.tsv.2.~1~
  assert_output 'the only way back'
  run -0 grep -c ^updated r.tsv
  assert_output 7
}

@test "receipts under a name that awk takes for something else" {
  sample_database
  fb-backfill --receipts run=1.tsv --jobs 2 > /dev/null < /dev/null
  run -0 grep -c ^updated run=1.tsv
  assert_output 7
}

@test "a member of the report's pipe is killed: that is said, all is carried out, and nobody is left" {
  sample_database
  sql "INSERT INTO feedback_answer (id, cohort_id) SELECT 100 + n, 1 FROM generate_series(1, 200) AS n"
  for victim in fb-report tail; do
    sql 'UPDATE feedback_answer SET syllabus_id = NULL'
    setsid fb-backfill --model answer --batch-size 10 --pause 50 --jobs 2 --receipts r.tsv > /dev/null 2> err &
    leader=$!
    for _ in {1..200}; do
      [ "$(cat r.tsv.1 2> /dev/null | wc -l)" -gt 20 ] && pid=$(members "$leader" | awk -v name="$victim" '$2 == name { print $1 }') && [ "$pid" ] && break
      sleep 0.02
    done
    kill -KILL "$pid"
    status=0; wait "$leader" || status=$?
    assert_equal "$(members "$leader")" ''
    assert_equal "$status" 2
    run -0 cat err
    assert_line 'fb-backfill: the report could not be written, but all was carried out'
    assert_equal "$(grep -c ^updated r.tsv)" 206
  done
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
  run -0 bash -c 'ls three.tsv*'
  assert_output three.tsv
}

@test "a plan that was cut off in its last record: jobs reject that as one connection does" {
  sample_database
  make_plan > plan.tsv
  truncate -s -1 plan.tsv
  for jobs in 1 2 3; do
    run -1 --separate-stderr fb-backfill --apply plan.tsv --jobs $jobs --receipts r.tsv
    [[ $stderr == *': cut off'* ]]
    assert_equal "$(grep -c ^updated r.tsv)" 6
    fb-backfill --undo r.tsv --quiet
    rm r.tsv
  done
}

@test "--jobs are as many connections, and leave nothing but the receipts" {
  sample_database
  sql "CREATE TABLE seen (pid integer);
       CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO seen VALUES (pg_backend_pid()); RETURN NULL; END';
       CREATE TRIGGER see AFTER UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION see();
       CREATE TRIGGER see AFTER UPDATE ON feedback_review FOR EACH ROW EXECUTE FUNCTION see()"
  fb-backfill --jobs 3 --receipts r.tsv > /dev/null
  run -0 sql 'SELECT pid, count(*) FROM seen GROUP BY pid ORDER BY count(*) DESC'
  assert_equal "$(cut -d '|' -f 2 <<< "$output")" "$(lines 3 3 1)"
  run -0 ls
  assert_output r.tsv
}

@test "--quiet is silent, --summary short, --json one object" {
  sample_database
  run -0 fb-backfill --dry-run --quiet
  assert_output ''
  run -0 fb-backfill --dry-run --summary
  refute_output --partial '[DRY RUN]'
  assert_line 'Would update 5 Answer records'
  run -0 bash -c 'fb-backfill --json | jq -c "[.models.answer.found, .models.answer.updated, .total]"'
  assert_output '[5,5,7]'
}

@test "--check counts what is left, and exits 1 while there is any" {
  sample_database
  run -1 fb-backfill --check
  assert_output "$(lines 'Answer: 5 eligible, 1 with a cohort without a syllabus' 'Review: 2 eligible, 1 with a cohort without a syllabus')"
  run -1 fb-backfill --check --json --model review
  assert_equal "$(jq -c .models <<< "$output")" '{"review":{"eligible":2,"no_syllabus":1}}'
  fb-backfill > /dev/null
  run -0 fb-backfill --check
  assert_output "$(lines 'Answer: 0 eligible, 1 with a cohort without a syllabus' 'Review: 0 eligible, 1 with a cohort without a syllabus')"
}

@test "the reader of the report goes away: the run is carried out all the same" {
  sample_database
  sql "INSERT INTO feedback_answer (id, cohort_id) SELECT 100 + n, 1 FROM generate_series(1, 20000) AS n"
  run -2 --separate-stderr bash -c 'set -o pipefail; fb-backfill --receipts r.tsv | head -n 3 > /dev/null; exit ${PIPESTATUS[0]}'
  [[ $stderr == *'the report could not be written, but all was carried out'* ]]
  run -0 fb-backfill --check
  assert_equal "$(grep -c ^updated r.tsv)" 20007
}

@test "interrupted, it says what is committed; the same command goes on from there" {
  sample_database
  sql "INSERT INTO feedback_answer (id, cohort_id) SELECT 100 + n, 1 FROM generate_series(1, 3000) AS n"
  mkdir tmp
  left=3007
  for signal in INT TERM HUP; do
    # no signal is to be ignored: bash does that with SIGINT in the background, and nohup with SIGHUP
    TMPDIR=$PWD/tmp setsid env --default-signal fb-backfill --batch-size 50 --pause 100 --receipts "r.$signal" > /dev/null 2> "err.$signal" &
    pid=$!
    for _ in {1..200}; do [ "$(cat "r.$signal" 2> /dev/null | grep -c ^updated)" -ge 100 ] && break; sleep 0.05; done
    # Ctrl-C goes to all of them, as a terminal has it; the others to fb-backfill alone
    if [ "$signal" = INT ]; then kill -INT -- "-$pid"; else kill -s "$signal" "$pid"; fi
    status=0; wait "$pid" || status=$?
    assert_equal "$status" 2
    committed=$(grep -c ^updated "r.$signal")
    run -0 cat "err.$signal"
    assert_line 'fb-backfill: interrupted'
    assert_line --partial "fb-backfill: $committed of $left records are committed"
    left=$((left - committed))
    assert_line --partial "receipts are in r.$signal"
    run -0 ls -A tmp
    assert_output ''
  done
  # the receipts and the database agree
  run -0 sql 'SELECT count(*) FROM feedback_answer WHERE syllabus_id IS NOT NULL AND id <> 8'
  assert_output "$(cat r.INT r.TERM r.HUP | grep -c '^updated.answer')"
  fb-backfill --quiet
  run -0 fb-backfill --check
}

@test "Ctrl-C and a hang-up of the terminal do not reach the psql that prints receipts" {
  # it would cancel what it runs: the receipts, when the COMMIT before them is done
  sample_database
  setsid fb-backfill --jobs 2 --batch-size 1 --pause 300 --receipts r.tsv > /dev/null &
  leader=$!
  psqls() { members "$leader" | awk '$2 == "psql" { print $1 }'; }
  two() { [ "$(psqls | wc -l)" = 2 ] && has_lines r.tsv.1 2; }
  wait_until two
  for pid in $(psqls); do
    # SIGHUP and SIGINT are the lowest two bits
    blocked=0x$(awk '$1 == "SigBlk:" { print $2 }' "/proc/$pid/status")
    [ $((blocked & 3)) = 3 ]
    kill -HUP "$pid"
    kill -INT "$pid"
  done
  wait "$leader"
  assert_equal "$(grep -c ^updated r.tsv)" 7
}

@test "numbers are decimal, whatever they begin with" {
  sample_database
  run -0 fb-backfill --jobs 09 --batch-size 010 --lock-timeout 08 --receipts r.tsv
  assert_line '✓ Successfully updated 7 records in total'
  assert_equal "$(grep -c ^updated r.tsv)" 7
}

@test "an absolute path with an equals sign; jobs' receipts never replace what is read" {
  sample_database
  mkdir day=1
  fb-backfill --quiet --receipts day=1/r.1
  run -0 fb-backfill --dry-run --summary
  cp day=1/r.1 copy
  run -2 fb-backfill --undo "$PWD/day=1/r.1" --receipts day=1/r --jobs 2
  assert_output "fb-backfill: day=1/r.1: the receipts of this run need a file of their own: nothing was changed"
  run -0 cmp copy day=1/r.1
  run -2 fb-backfill --plan ./x --receipts x
  run -0 fb-backfill --undo "$PWD/day=1/r.1" --summary
  assert_line '✓ Successfully reverted 7 records in total'
}

@test "--check waits for a lock no longer than it is told, and ends at once when it is" {
  sample_database
  hold 'LOCK TABLE feedback_answer IN ACCESS EXCLUSIVE MODE;'
  run -2 fb-backfill --check --lock-timeout 100
  assert_line --partial 'lock timeout'
  fb-backfill --check --lock-timeout 0 2> err &
  pid=$!
  wait_until backends_waiting
  kill -TERM "$pid"
  status=0; wait "$pid" || status=$?
  assert_equal "$status" 2
  release
}

@test "what makes no sense together is a usage error" {
  for options in '--apply p --undo r' '--apply p --limit 3' '--undo r --model answer' '--check --dry-run' '--dry-run --receipts r' \
      '--limit -1' '--limit x' '--model quiz' '--jobs 0' '--batch-size 0' '--lock-timeout' '--lock-timeout 2147483648' 'operand' '--apply p --plan q' '--dry-run=no' '--receipts=' '--plan='; do
    # shellcheck disable=SC2086
    run -2 fb-backfill $options
    assert_output --partial "see 'fb-backfill --help'"
  done
}
