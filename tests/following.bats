# fb-report --follow: what it reads about a run, and what it prints. Only fb-report runs here, not fb-backfill.
load helper

plan='model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus'
receipts="status\t$plan\tdetail"

setup() {
  cd "$BATS_TEST_TMPDIR"
  mkfifo facts
  : > messages
  lines "$plan" 'answer\t1\t1\ta\t10\tx' 'answer\t2\t1\ta\t10\tx' 'review\t3\t1\ta\t10\tx' > plan.tsv
}
# Starts fb-report; `say` sends it facts, and `over` ends the run.
begin() { # OPTION...
  fb-report --follow messages "$@" < facts > out 2> err &
  pid=$!
  exec 7> facts
}
say() { printf '%s\t%s\n' "$@" >&7; }
over() { # STATUS
  exec 7>&-
  status=0; wait "$pid" || status=$?
  assert_equal "$status" "$1"
}
shows() { grep -qE -- "$1" "$2"; }   # PATTERN FILE
receipt() { printf 'updated\t%s\t%s\t1\ta\t10\tx\t\\N\n' "$@"; }

@test "a run: receipts are reported as they are written, two files as one, with their names and lines" {
  begin --object object.json
  say action run database 'app on here:5432 as me' phase applying count plan.tsv name receipts.tsv follow r.1 follow r.2
  lines "$receipts" > r.1
  printf 'updated\tanswer\t1\t1\ta' >> r.1   # a line counts when it is complete
  sleep 0.2
  printf '\t10\tx\t\\N\n' >> r.1
  wait_until shows '✓ Answer 1' out
  { lines "$receipts" 'failed\tanswer\t2\t1\ta\t10\tx\t23503 no'; receipt review 3; } > r.2
  say receipts "$PWD/receipts.tsv" next 'fb-backfill --undo receipts.tsv' status 0
  over 1
  run -0 cat out
  assert_line 'Found 2 Answer records to process'
  assert_line '  ✗ Answer 2: no'
  assert_line '✓ Successfully updated 2 records in total'
  run -0 cat err
  assert_output "$(lines 'fb-report: receipts.tsv:3: answer 2 failed: 23503 no')
fb-backfill: 2 rows updated in app on here:5432 as me; receipts in $PWD/receipts.tsv; take them back with: fb-backfill --undo receipts.tsv"
  assert_equal "$(jq -c '[.action, .status, .error, .database, .plan, .undone, .receipts, .total, .failed]' object.json)" \
    "[\"run\",1,null,\"app on here:5432 as me\",null,[],[\"$PWD/receipts.tsv\"],2,1]"
  assert_equal "$(jq -c '.seconds >= 0 and .seconds < 60 and .finished >= .started' object.json)" true
  [ ! -e messages ]   # all were printed
}

@test "messages are passed on line by line, safe for a terminal, until the hush" {
  begin
  say hush 100000
  printf 'psql: ERROR: \e[2J\xff\t\u202eit\nhalf' >> messages
  wait_until shows 'ERROR' err
  refute grep -q half err
  printf ' of it\n' >> messages
  wait_until shows '^half of it$' err
  say hush "$(wc -c < messages)"
  say say 'fb-backfill: two\nlines \\ and a TAB\t'
  wait_until shows 'fb-backfill: two' err
  echo 'ERROR: missing data' >> messages
  say hush nonsense nokey
  printf 'no TAB\n\nsay\tends in \\\nsay\tNUL\\\0\n' >&7
  say status x status 0
  over 0
  run -0 cat -v err
  assert_output "$(lines 'psql: ERROR: \\x1b[2J\\xff\t\\xe2\\x80\\xaeit' 'half of it' 'fb-backfill: two\\x0alines \\ and a TAB\t' 'ends in \\' 'NUL\\' 'fb-backfill: 0 rows updated')"
}

@test "a last message without a newline is passed on, too" {
  begin
  printf 'the end' >> messages
  say status 2
  over 2
  assert_equal "$(cat err)" 'the end'
  # a file that cannot be read
  mkdir folder
  run -2 fb-report --quiet --follow folder < /dev/null
  assert_output ''
}

@test "the run ends without a status: exit 2, and what was done is reported" {
  begin
  { lines "$receipts"; receipt answer 1; } > r.tsv
  say action apply count plan.tsv follow r.tsv phase applying
  over 2
  run -0 cat out
  assert_line '✗ Stopped: updated 1 of 3 records in total: unknown reason'
  assert_equal "$(cat err)" 'fb-backfill: 1 of 3 records are committed; no batch was partly applied; run the same command again to continue'
}

@test "the run stopped: the reason, and where its receipts are" {
  begin
  { lines "$receipts"; receipt answer 1; } > r.tsv
  say action apply count plan.tsv follow r.tsv error 'ERROR:  no\nmore' status 2 in-doubt yes receipts r.1 receipts r.2 undone u
  over 2
  run -0 cat out
  assert_line '✗ Stopped: updated 1 of 3 records in total: ERROR:  no\x0amore'
  assert_equal "$(cat err)" 'fb-backfill: 1 of 3 records are committed; receipts in r.1 and r.2'
  # an undo, as JSON
  : > messages
  begin --json --undo
  { lines "$receipts"; receipt answer 1; receipt answer 2; } > r.tsv
  lines "$receipts" 'reverted\tanswer\t1\t1\ta\t10\tx\t\\N' > u.tsv
  say action undo count r.tsv follow u.tsv error gone undone /r.tsv status 2
  over 2
  assert_equal "$(jq -c '[.error, .undone, .models.answer.found, .models.answer.reverted, .total]' out)" '["gone",["/r.tsv"],2,1,1]'
  : > messages
  begin --undo
  say action undo count r.tsv follow u.tsv error gone status 2
  over 2
  run -0 cat out
  assert_line '✗ Stopped: reverted 1 of 2 records in total: gone'
}

@test "receipts that do not match the records: exit 2, whatever status fb-backfill reports" {
  begin --quiet
  { lines "$receipts"; receipt answer 1; receipt answer 2; } > r.tsv
  say count plan.tsv follow r.tsv status 0
  over 2
  assert_equal "$(head -n 1 err)" 'fb-report: the receipts do not match the records'
  [ ! -s out ]
  # nor an invalid one
  : > messages
  begin
  { lines "$receipts"; receipt answer 1; receipt answer 2; receipt quiz 3; } > r.tsv
  say count plan.tsv follow r.tsv status 1
  over 2
  # the number of records is unknown
  : > messages
  begin
  say follow r.tsv status 2 error why
  over 2
  run -0 cat out
  assert_line '✗ Stopped: updated 2 records in total, 1 rejected: why'
  # all are there
  : > messages
  begin --json
  { lines "$receipts"; receipt answer 1; receipt answer 2; receipt review 3; } > r.tsv
  say count plan.tsv follow r.tsv status 0
  over 0
  [ ! -s err ]
  : > messages
  begin --summary
  { lines "$receipts"; receipt answer 1; receipt answer 2; receipt review 3; } > r.tsv
  say count plan.tsv follow r.tsv status 0
  over 0
}

@test "nothing to follow: a run that stopped before any records says why, and its object has no models" {
  begin --json
  say action run error 'no server' status 2 undone a undone b
  over 2
  assert_equal "$(jq -c .undone out)" '["a","b"]'
  assert_equal "$(jq -c '[.status, .error, .models, .total, .dry_run]' out)" '[2,"no server",{},0,false]'
  [ ! -s err ]
  : > messages
  begin
  say action run follow never.tsv status 2
  over 2
  [ ! -s out ]
  # counted, and then nothing
  : > messages
  begin --json
  say action run count plan.tsv follow never.tsv status 2
  over 2
  assert_equal "$(jq -c '[.models.answer.found, .total]' out)" '[2,0]'
}

@test "a dry run and a count" {
  begin --by-cohort --object o
  say action dry-run count plan.tsv follow plan.tsv database d next 'fb-backfill --apply p' status 0
  over 0
  assert_equal "$(cat err)" 'fb-backfill: 3 rows would be updated in d; carry it out with: fb-backfill --apply p'
  assert_equal "$(jq -c '[.dry_run, .cohorts[0].records.answer]' o)" '[true,2]'
  : > messages
  lines 'model\tcohort_id\tcohort\tsyllabus_id\tsyllabus\trows' 'answer\t1\ta\t10\tx\t3' > c.tsv
  begin
  say action check follow c.tsv name 'the answer' status 0
  over 1
  assert_equal "$(cat err)" 'fb-backfill: 3 rows still to be updated'
  # an invalid status means exit 2
  : > messages
  echo 'x' >> c.tsv
  begin
  say action check follow c.tsv name 'the answer' status 0
  over 2
  assert_equal "$(head -n 1 err)" 'fb-report: the answer:3: expected 6 fields, found 1'
}

# bats test_tags=native
@test "progress without a terminal: whole lines, now and then and on SIGUSR1" {
  begin --progress always
  say phase reading
  wait_until shows '^fb-backfill: reading, 0:0[0-9] so far$' err
  lines "$receipts" x > short.tsv
  say follow short.tsv phase other
  wait_until shows '^fb-backfill: other 1, [0-9]+/s, 0:0[0-9] so far, 0 failed$' err
  lines "$receipts" > r.tsv
  say count plan.tsv follow r.tsv phase applying
  wait_until shows '^fb-backfill: applying 1 of 3 \(33%\), [0-9]+/s, [0-9]:[0-9]+ left, 0 failed$' err
  receipt answer 1 >> r.tsv
  lines 'failed\tanswer\t2\t1\ta\t10\tx\t23503 no' >> r.tsv
  told() { kill -USR1 "$pid"; shows '^fb-backfill: applying 3 of 3 \(100%\), [0-9]+/s, [0-9]+:[0-9]{2} left, 1 failed$' err; }
  wait_until told
  # a file that cannot be read is not counted
  say follow /nowhere phase applying phase ''
  say status 1
  over 2   # x is not a receipt
  refute grep -q $'[\r\e]' err
}

# bats test_tags=native
@test "progress on a terminal is redrawn in place, erased before other output, and leaves nothing" {
  requires python3
  TERM=xterm python3 "$BATS_TEST_DIRNAME/terminal.py" raw 60 bash -c 'fb-report --follow "$PWD/messages" --color never < facts' > sent &
  pid=$!
  exec 7> facts
  say phase reading
  wait_until shows 'reading, 0:0[0-9] so far' sent
  echo 'a message' >> messages
  wait_until shows 'a message' sent
  lines "$receipts" > r.tsv
  say count plan.tsv follow r.tsv phase applying database d
  wait_until shows 'applying 0 of 3' sent
  lines 'failed\tanswer\t1\t1\ta\t10\tx\t23503 no' >> r.tsv
  wait_until shows 'Answer 1: no' sent
  wait_until shows 'applying 1 of 3' sent
  kill -USR1 "$(pgrep -x -f "fb-report --follow $PWD/messages --color never")"
  { receipt answer 2; receipt review 3; } >> r.tsv
  say status 0
  over 1
  python3 "$BATS_TEST_DIRNAME/terminal.py" screen 60 < sent > screen
  run -0 cat screen
  refute_line --regexp '^(reading|applying)'
  assert_line 'a message'
  assert_line 'fb-report: r.tsv:2: answer 1 failed: 23503 no'
  assert_line '✓ Successfully updated 2 records in total'
  assert_line --partial 'fb-backfill: keep the receipts'
  # no line is wider than the terminal
  refute grep -qE $'\r[a-z][^\r\e]{60}' sent
}

# bats test_tags=native
@test "after an undo a terminal is reminded of the application's caches, but not to keep the receipts" {
  requires python3
  { lines "$receipts"; receipt answer 1 | sed s/updated/reverted/; } > r.tsv
  : > messages
  TERM=xterm python3 "$BATS_TEST_DIRNAME/terminal.py" raw 80 bash -c 'fb-report --undo --follow "$PWD/messages" --color never < facts' > sent &
  pid=$!
  exec 7> facts
  say action undo follow r.tsv status 0
  over 0
  grep -q 'What the application has cached of these rows is now stale' sent
  refute grep -q 'keep the receipts' sent
}

@test "standard output cannot be written: everything else is still reported, exit 2" {
  { lines "$receipts"; receipt answer 1; receipt answer 2; receipt review 3; } > r.tsv
  for dry in '' yes; do
    fb-report --follow messages --object o < facts > /dev/full 2> err &
    pid=$!
    exec 7> facts
    if [ "$dry" ]; then say count plan.tsv follow plan.tsv status 0; else say count plan.tsv follow r.tsv status 0; fi
    over 2
    run -0 cat err
    if [ "$dry" ]; then
      assert_line 'fb-report: standard output: could not write the report: No space left on device'
    else
      assert_line 'fb-report: standard output: could not write the report: No space left on device; the run itself is complete'
    fi
    assert_equal "$(jq .total o)" 3
    : > messages
  done
  # of a run that stopped anyway
  fb-report --follow messages < facts > /dev/full 2> err &
  pid=$!
  exec 7> facts
  say count plan.tsv follow r.tsv status 2
  over 2
  assert_equal "$(head -n 1 err)" 'fb-report: standard output: could not write the report: No space left on device'
  # of a count, which changes nothing
  lines 'model\tcohort_id\tcohort\tsyllabus_id\tsyllabus\trows' 'answer\t1\ta\t10\tx\t3' > c.tsv
  : > messages
  fb-report --follow messages < facts > /dev/full 2> err &
  pid=$!
  exec 7> facts
  say action check follow c.tsv status 0
  over 2
  assert_equal "$(cat err)" 'fb-report: standard output: could not write the report: No space left on device'
  # the reader is gone, and the report is larger than a buffer
  : > messages
  { lines "$receipts"; seq 5000 | sed 's/.*/updated\tanswer\t&\t1\ta\t10\tx\t\\N/'; } > r.tsv
  bash -c 'fb-report --follow messages < facts 2> err | true; echo ${PIPESTATUS[0]} > status' &
  pid=$!
  exec 7> facts
  say follow r.tsv status 0
  exec 7>&-
  wait "$pid"
  assert_equal "$(cat status)" 2
  run -0 cat err
  assert_line 'fb-report: standard output: could not write the report: Broken pipe; the run itself is complete'
}

# bats test_tags=native
@test "interrupted reads, a terminal without a width, and failed allocations" {
  requires python3
  { lines "$receipts"; receipt answer 1; receipt answer 2; receipt review 3; } > r.tsv
  say 7> said count plan.tsv follow r.tsv status 0
  LD_PRELOAD=$project/build/faults.so FAULT_CHUNK=1 FAULT_EINTR=yes fb-report --follow messages < said > out
  run -0 cat out
  assert_line '✓ Successfully updated 3 records in total'
  given_up=0
  for at in {1..40}; do   # libcsv retries with less
    : > messages
    run env LD_PRELOAD="$project/build/faults.so" FAULT_CALL=memory FAULT_AT=$at fb-report --follow messages < said
    if [[ $output == *'out of memory'* ]]; then assert_equal "$status" 2; given_up=$((given_up + 1)); else assert_equal "$status" 0; fi
  done
  [ "$given_up" -gt 10 ]
  : > messages
  TERM=xterm python3 "$BATS_TEST_DIRNAME/terminal.py" raw 0 bash -c 'fb-report --follow messages < facts' > sent &
  pid=$!
  exec 7> facts
  say phase reading
  wait_until shows 'reading, 0:0[0-9] so far' sent
  say status 0
  over 0
}

@test "options that require --follow or cannot be combined with it; a missing file of messages" {
  for options in '--follow messages plan.tsv' '--follow messages --plan plan.tsv' '--quiet' '--object o' '--progress never' \
      '--follow messages --progress sometimes'; do
    # shellcheck disable=SC2086
    run -2 fb-report $options < /dev/null
    assert_output --partial "see 'fb-report --help'"
  done
  run -2 fb-report --follow nowhere < /dev/null
  assert_output 'fb-report: nowhere: No such file or directory'
  run -2 fb-report --follow messages --progress never --object /nowhere/o < /dev/null
  assert_output 'fb-report: /nowhere/o: No such file or directory'
}

# bats test_tags=native
@test "it ignores the signals that end a run: the report is complete when the run is" {
  begin
  { lines "$receipts"; receipt answer 1; } > r.tsv
  say action run count r.tsv follow r.tsv
  wait_until shows '✓ Answer 1' out
  for signal in INT TERM HUP; do kill -s "$signal" "$pid"; done
  say status 0
  over 0
  run -0 cat out
  assert_line '✓ Successfully updated 1 records in total'
}

@test "the lines of several files are those of each, unless they have one name; what is told meanwhile does no harm" {
  begin --undo --dry-run --summary
  folder=$(printf '%0200d' 0)
  mkdir "$folder"
  { lines "$receipts"; printf 'updated\tanswer\t1'; } > "$folder/a"
  { lines "$receipts" 'oops'; receipt answer 2; } > "$folder/b"
  say phase "$(printf '%0300d' 0)" follow "$folder/a"
  sleep 0.3
  for name in b b b b b b; do say follow "$folder/$name"; done
  say status 0
  over 1
  assert_equal "$(head -n 2 err)" "fb-report: $folder/a:2: incomplete record (no newline at the end)
fb-report: $folder/b:2: expected 8 fields, found 1"
}

@test "an object that cannot be written hides nothing" {
  begin --object /nonexistent/object
  { lines "$receipts"; receipt answer 1; } > r.tsv
  say action run count r.tsv follow r.tsv database d receipts r.tsv status 0
  over 2
  assert_equal "$(cat err)" 'fb-backfill: 1 row updated in d; receipts in r.tsv
fb-report: /nonexistent/object: No such file or directory'
}

@test "records that fb-apply rejected, and named, are counted" {
  lines 'oops' >> plan.tsv
  { lines "$receipts"; receipt answer 1; receipt answer 2; receipt review 3; } > r.tsv
  begin --summary
  say action apply count plan.tsv follow r.tsv status 1
  over 1
  run -0 cat out
  assert_line '✓ Successfully updated 3 records in total, 1 rejected'
  refute grep -q 'fields' err
}
