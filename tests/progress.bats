# Progress: a line on the terminal that nothing else mixes with, and that leaves no trace; none without a terminal.
# bats file_tags=server
load helper

# sent runs a command on a terminal, and prints the bytes sent to it; from these, the text that is visible at the end.
sent() { TERM=${TERM_HERE-xterm} python3 "$BATS_TEST_DIRNAME/terminal.py" raw "$@"; }   # COLUMNS COMMAND...
screen() { python3 "$BATS_TEST_DIRNAME/terminal.py" screen "$1"; } # COLUMNS < SENT
# The lines of progress in what was sent.
drawn() { tr '\r' '\n' | sed -n 's/^\([a-z].*\)\x1b\[K.*/\1/p'; }
shows() { grep -qE -- "$1" "$2"; } # pattern file

# Answers with such ids cannot be set.
freeze() { # CONDITION
  sql "CREATE FUNCTION frozen() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN IF NEW.$1 THEN RAISE EXCEPTION ''record is frozen''; END IF; RETURN NEW; END';
       CREATE TRIGGER frozen BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION frozen()"
}

@test "applying: done of total, rate, time left, failed; done means committed; SIGUSR1 prints it without a terminal" {
  sample_database
  freeze 'id = 2'
  hold 'SELECT FROM feedback_review WHERE id = 1 FOR UPDATE;'
  # Answers 1 and 2 are a batch, 3 and 6, and 7 with the review, which it waits for.
  sent 80 fb-backfill --lock-timeout 0 --batch-size 2 --summary > out &
  pids=($!)
  wait_until shows 'applying 4 of 7 \(57%\), [0-9]+/s, [0-9]+:[0-9]{2} left, 1 failed' out
  # Four are left for another run: its first job fails with 2 and waits for 7, its second waits for the review.
  fb-backfill --lock-timeout 0 --batch-size 1 --jobs 2 --summary --receipts r.tsv > report 2> err &
  pids+=($!)
  wait_until backends_waiting 3
  told() { kill -USR1 "${pids[1]}"; shows "$1" err; }
  wait_until told '^fb-backfill: applying 1 of 4 \(25%\), [0-9]+/s, [0-9]+:[0-9]{2} left, 1 failed$'
  release
  for pid in "${pids[@]}"; do wait "$pid" || [ $? = 1 ]; done
  drawn < out | grep applying > progress
  run -1 grep -vE '^applying [0-7] of 7 \([0-9]+%\), [0-9]+/s, [0-9]+:[0-5][0-9] (left|so far), [01] failed$' progress
  run -0 sort -c -s -n -k 2,2 progress
  run -1 grep 'applying 5' progress
  run -1 grep -vE '^fb-(backfill: (applying|[0-9]+ rows)|report: .* failed)' err
  run -1 grep $'[\r\e]' err report
}

@test "reading, resolving and counting are shown and printed as well" {
  sample_database
  for table in admissions_syllabus feedback_answer; do
    hold "LOCK TABLE $table IN ACCESS EXCLUSIVE MODE;"
    sent 80 fb-backfill --dry-run --lock-timeout 0 --quiet > drawn.dry & pids=($!)
    sent 80 fb-backfill --check --lock-timeout 0 --quiet > drawn.check & pids+=($!)
    fb-backfill --dry-run --lock-timeout 0 --quiet 2> told.dry & pids+=($!)
    wait_until shows 'reading, [0-9]+:[0-9]{2} so far' drawn.dry
    wait_until shows 'counting, [0-9]+:[0-9]{2} so far' drawn.check
    told() { kill -USR1 "${pids[2]}"; shows '^fb-backfill: reading, [0-9]+:[0-9]{2} so far' told.dry; }
    wait_until backends_waiting 3
    wait_until told
    release
    wait "${pids[0]}"; wait "${pids[1]}" || [ $? = 1 ]; wait "${pids[2]}"
  done
}

# Sends signals until it ends; after a minute, they have prevented it from ending.
signal_until_end() { # PID
  local end=$((SECONDS + 60))
  while kill -USR1 "$1" 2> /dev/null; do
    (( SECONDS < end )) || return
    sleep 0.01
  done
}
# Bash 5.2 prints an error, and loses the signal, if it arrives just when a command substitution is read.
assert_progress_and_failures() { # FILE
  run -1 grep -vE "^fb-(backfill: (starting|reading|resolving|applying|[0-9]+ rows)|report: .* failed)|trap: line .* looking for matching" "$1"
}

@test "many signals, at any moment, change nothing" {
  sample_database
  freeze 'id % 2 = 1'
  hold 'SELECT FROM feedback_review WHERE id = 2 FOR UPDATE;'
  fb-backfill --batch-size 1 --lock-timeout 0 --summary --receipts r.tsv > report 2> err &
  pid=$!
  wait_until has_lines r.tsv 1   # earlier, it may not handle signals yet
  told() { kill -USR1 "$pid"; [ "$(grep -c ' applying' err)" -gt 10 ]; }
  wait_until told
  release
  signal_until_end "$pid"
  status=0; wait "$pid" || status=$?
  assert_equal "$status" 1
  assert_equal "$(grep -c ^updated r.tsv)" 4
  assert_progress_and_failures err
}

# bats test_tags=slow
@test "a signal just when a program ends changes nothing" {
  sample_database
  freeze 'id % 2 = 1'
  for i in {1..12}; do
    fb-backfill --summary --receipts r.tsv > report 2> err &
    pid=$!
    wait_until test -e r.tsv
    signal_until_end "$pid"
    status=0; wait "$pid" || status=$?
    assert_equal "$status" 1
    assert_equal "$(grep -c ^updated r.tsv)" 4
    assert_progress_and_failures err
    rm r.tsv
    sql 'UPDATE feedback_answer SET syllabus_id = NULL WHERE id IN (2, 6); UPDATE feedback_review SET syllabus_id = NULL WHERE id < 3'
  done
}

@test "report and messages are the same as without progress; nothing is left of the line at the end" {
  sample_database
  freeze 'id % 2 = 1'
  fb-backfill --batch-size 1 --receipts r.tsv > expected.out 2> expected.err || [ $? = 1 ]
  fb-backfill --undo r.tsv --quiet
  hold 'SELECT FROM feedback_review WHERE id = 1 FOR UPDATE;'
  sent 400 fb-backfill --batch-size 1 --lock-timeout 0 --color never --receipts r2.tsv > out &
  pid=$!
  wait_until shows 'applying 5 of 7' out
  release
  wait "$pid" || [ $? = 1 ]
  screen 400 < out > got
  # messages are printed at the next poll, and not always at the same place in the report
  run -0 diff expected.out <(grep -v ^fb- got)
  run -0 diff <(grep ^fb-report expected.err | sed s/r.tsv/r2.tsv/) <(grep ^fb-report got)
  run -0 grep -c '^fb-backfill: ' got
  assert_output 2   # what was done, and, on a terminal, a reminder
}

@test "it fits the terminal's width" {
  sample_database
  hold 'SELECT FROM feedback_review WHERE id = 1 FOR UPDATE;'
  sent 30 fb-backfill --batch-size 1 --lock-timeout 0 --summary > out &
  pid=$!
  wait_until shows 'applying 5 of 7' out
  release
  wait "$pid"
  drawn < out > progress
  run -0 grep -E '^.{29}$' progress
  run -1 grep -E '^.{30}' progress
}

@test "no progress without a terminal, with --no-progress or TERM=dumb; --progress shows it without a terminal" {
  sample_database
  fb-backfill --limit 1 --model answer --quiet --receipts r.tsv
  hold 'SELECT FROM feedback_answer WHERE id IN (1, 2) FOR UPDATE;'
  options=(--lock-timeout 0 --summary --color never)
  fb-backfill "${options[@]}" > without 2> without.err & pids=($!)
  sent 80 fb-backfill "${options[@]}" --no-progress > no-progress & pids+=($!)
  TERM_HERE=dumb sent 80 fb-backfill "${options[@]}" > dumb & pids+=($!)
  fb-backfill "${options[@]}" --undo r.tsv --progress > out 2> err & pids+=($!)
  # all of them wait; while one prints it twice, the others could have printed it
  wait_until backends_waiting 4
  twice() { [ "$(grep -c '^fb-backfill: undoing 0 of 1 (0%)' err)" -ge 2 ]; }
  wait_until twice
  release
  wait "${pids[0]}"; wait "${pids[1]}"; wait "${pids[2]}"; wait "${pids[3]}"
  run -1 grep $'[\r\e]' without without.err <(tr -d '\r' < no-progress) <(tr -d '\r' < dumb) out err
  # whole lines, at most one every ten seconds
  [ "$(grep -c undoing err)" -le "$((SECONDS / 10 + 1))" ]
}

@test "an interrupt or a failure leaves no line and no process" {
  sample_database
  mkdir tmp
  hold 'SELECT FROM feedback_review WHERE id = 1 FOR UPDATE;'
  TMPDIR=$PWD/tmp sent 200 env --default-signal sh -c 'echo $$ > pid; exec fb-backfill "$@"' sh \
    --lock-timeout 0 --batch-size 1 --summary --color never --receipts r.tsv > out &
  terminal=$!
  wait_until shows 'applying 5 of 7' out
  pid=$(< pid)
  kill -INT -- "-$pid"   # like Ctrl-C on a terminal
  release
  status=0; wait "$terminal" || status=$?
  assert_equal "$status" 130
  assert_equal "$(members "$pid")" ''
  screen 200 < out > got
  run -0 cat got
  assert_line 'fb-backfill: interrupted by SIGINT: finishing the open batch; interrupt again to roll it back'
  refute_output --partial applying
  run -0 ls -A tmp
  assert_output ''
  # psql's own message
  sql 'ALTER TABLE feedback_answer RENAME TO other'
  run -2 sent 200 fb-backfill --progress
  screen 200 <<< "$output" > got
  run -0 cat got
  assert_line --index 0 --partial 'ERROR:  relation "feedback_answer" does not exist'
  assert_equal "${lines[-1]}" 'fb-backfill: the snapshot could not be taken: nothing was changed'
}
