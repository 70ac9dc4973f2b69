# Progress: a line on the terminal that nothing else gets into, and that leaves no trace; none without one.
load helper

# Runs a command on a terminal: what it is sent, as it comes, or what can be read on it at the end.
sent() { TERM=xterm python3 "$BATS_TEST_DIRNAME/terminal.py" raw "$@"; }   # COLUMNS COMMAND...
screen() { TERM=xterm python3 "$BATS_TEST_DIRNAME/terminal.py" screen "$@"; }
# Of what was sent, the lines of progress, one a line.
drawn() { tr '\r' '\n' | sed -n 's/^\([a-z].*\)\x1b\[K.*/\1/p'; }
shows() { grep -q -- "$1" "$2"; } # pattern file

# Answers enough for a run of three seconds, of which every 50th fails.
slow_database() {
  sample_database
  sql "INSERT INTO feedback_answer (id, cohort_id) SELECT 100 + n, 1 FROM generate_series(1, 300) AS n;
       DELETE FROM feedback_review;
       CREATE FUNCTION frozen() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN IF NEW.id % 50 = 0 THEN RAISE EXCEPTION ''record is frozen''; END IF; RETURN NEW; END';
       CREATE TRIGGER frozen BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION frozen()"
}
slow=(--batch-size 10 --pause 100)

@test "applying: done of all, rate, time left, failed so far, over one connection or several" {
  slow_database
  for jobs in 1 2; do
    # Slower still: drawing takes a tenth of the time at most, so on a slow machine there is less of it.
    sent 80 fb-backfill "${slow[@]}" --pause 400 --jobs $jobs --summary --receipts r.tsv > out || [ $? = 1 ]
    drawn < out | grep applying > progress
    run -1 grep -vE '^applying [0-9]+ of 305 \([0-9]+%\), [0-9]+/s, [0-9]+:[0-5][0-9] (left|so far), [0-6] failed$' progress
    run -0 sort -c -n -k 2,2 progress
    [ "$(cut -d ' ' -f 2 progress | sort -u | wc -l)" -gt 2 ]
    fb-backfill --undo r.tsv --quiet
    rm r.tsv
  done
}

@test "done is what is committed; SIGUSR1 tells it without a terminal, too" {
  sample_database
  hold 'SELECT FROM feedback_review WHERE id = 1 FOR UPDATE;'
  # answers are 5, two a batch: the third batch waits for the review, and the second run for the first
  sent 80 fb-backfill --lock-timeout 0 --batch-size 2 --summary > out &
  pids=($!)
  wait_until shows 'applying 4 of 7 (57%)' out
  fb-backfill --lock-timeout 0 --batch-size 2 --jobs 2 --summary --receipts r.tsv > report 2> err &
  pids+=($!)
  wait_until has_lines r.tsv.2 2
  told() { kill -USR1 "${pids[1]}"; shows "$1" err; }
  wait_until told '^fb-backfill: applying 1 of 3 (33%), '
  release
  wait "${pids[0]}"
  wait "${pids[1]}"
  run -0 drawn < out
  refute_line --partial 'applying 5'
  run -1 grep -v '^fb-backfill: applying' err
  run -1 grep $'[\r\e]' err report
}

@test "reading, resolving, counting are shown and told as well" {
  sample_database
  for table in admissions_syllabus feedback_answer; do
    rm -f hold.out
    hold "LOCK TABLE $table IN ACCESS EXCLUSIVE MODE;"
    pids=()
    sent 80 fb-backfill --dry-run --lock-timeout 0 --quiet > drawn.dry & pids+=($!)
    sent 80 fb-backfill --check --lock-timeout 0 --quiet > drawn.check & pids+=($!)
    fb-backfill --dry-run --lock-timeout 0 --quiet 2> told.dry & pids+=($!)
    [ $table = admissions_syllabus ] && now='reading cohorts 0' || now='resolving 0'
    wait_until shows "$now, 0/s, 0:0[0-9] so far" drawn.dry
    wait_until shows 'counting, 0:0[0-9] so far' drawn.check
    told() { kill -USR1 "${pids[2]}"; shows "^fb-backfill: $now, 0/s, 0:[0-9]* so far" told.dry; }
    wait_until backends_waiting 3
    wait_until told
    release
    wait "${pids[0]}"; wait "${pids[1]}" || [ $? = 1 ]; wait "${pids[2]}"
  done
}

@test "many signals, at any moment, change nothing" {
  slow_database
  fb-backfill "${slow[@]}" --summary --receipts r.tsv > report 2> err &
  pid=$!
  wait_until has_lines r.tsv 1   # before, it may not be there yet to take them
  for (( i = 0; i < 6000; i++ )); do kill -USR1 "$pid" 2> /dev/null || break; sleep 0.01; done
  status=0; wait "$pid" || status=$?
  [ "$i" -lt 6000 ]   # the signals alone would have kept it from its end
  assert_equal "$status" 1
  assert_equal "$(grep -c ^updated r.tsv)" 299
  run -1 grep -vE '^fb-(backfill: (starting|reading|resolving|applying)|report: .* (failed|more))' err
  [ "$(grep -c ' applying' err)" -gt 10 ]
}

@test "the report and the messages are what they are without; at the end nothing is left of the line" {
  slow_database
  fb-backfill "${slow[@]}" --receipts r.tsv > expected.out 2> expected.err || true
  fb-backfill --undo r.tsv --quiet
  sent 200 fb-backfill "${slow[@]}" --color never --receipts r2.tsv > out || [ $? = 1 ]
  [ "$(drawn < out | wc -l)" -gt 2 ]
  fb-backfill --undo r2.tsv --quiet
  screen 200 fb-backfill "${slow[@]}" --color never --receipts r3.tsv > got || [ $? = 1 ]
  # messages come at the next look, and not always at the same place of the report
  run -0 diff expected.out <(grep -v ^fb-report got)
  run -0 diff expected.err <(grep ^fb-report got)
}

@test "it fits the terminal's width" {
  slow_database
  sent 30 fb-backfill "${slow[@]}" --summary > out || [ $? = 1 ]
  drawn < out > progress
  [ "$(wc -l < progress)" -gt 2 ]
  run -1 grep -E '^.{30}' progress
}

@test "no terminal, --no-progress, TERM=dumb: no trace; --progress: without a terminal, too" {
  slow_database
  fb-backfill --limit 60 "${slow[@]}" --summary --receipts r.tsv > out 2> err || [ $? = 1 ]
  run -1 grep $'[\r\e]' out err
  sent 80 fb-backfill --undo r.tsv "${slow[@]}" --no-progress --color never --summary --receipts u.tsv > out
  run -1 grep $'[\r\e]' out
  TERM=dumb python3 "$BATS_TEST_DIRNAME/terminal.py" raw 80 fb-backfill --limit 60 "${slow[@]}" --color never --summary > out || [ $? = 1 ]
  run -1 grep $'[\r\e]' out
  fb-backfill --undo r.tsv --batch-size 10 --pause 200 --progress --summary > out 2> err
  run -0 drawn < err
  assert_line --regexp '^undoing [0-9]+ of 59 '
  run -1 grep $'[\r\e]' out
}

@test "an interrupt or a failure leaves no line and no process" {
  slow_database
  mkdir tmp
  for signal in INT TERM; do
    TMPDIR=$PWD/tmp screen 200 env --default-signal sh -c 'echo $$ > pid; exec fb-backfill "$@"' sh "${slow[@]}" \
      --summary --color never --receipts r.tsv > out &
    terminal=$!
    wait_until has_lines r.tsv 50
    pid=$(< pid)
    if [ $signal = INT ]; then kill -INT -- "-$pid"; else kill -TERM "$pid"; fi   # as a terminal's Ctrl-C has it
    status=0; wait "$terminal" || status=$?
    assert_equal "$status" 2
    assert_equal "$(members "$pid")" ''
    run -0 cat out
    assert_line 'fb-backfill: interrupted'
    refute_output --partial applying
    run -0 ls -A tmp
    assert_output ''
    fb-backfill --undo r.tsv --quiet   # what psql had been sent was carried out
    rm r.tsv
  done
  # psql's own message
  PGPORT=1 run -2 screen 200 fb-backfill --progress
  assert_line --index 0 --partial 'psql: error'
  assert_equal "${lines[-1]}" 'fb-backfill: the snapshot could not be taken: nothing was changed'
}
