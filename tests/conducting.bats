# fb-backfill as a PostgreSQL client and a Unix program: options, connection, files that it keeps, interrupts.
# bats file_tags=server
load helper

receipts() { ls fb-receipts-*.tsv 2> /dev/null; }
done_in_table() { sql 'SELECT (SELECT count(*) FROM feedback_answer WHERE syllabus_id IS NOT NULL AND id <> 8)
  + (SELECT count(*) FROM feedback_review WHERE syllabus_id IS NOT NULL AND id <> 4)'; }
on_terminal() { TERM=xterm python3 "$BATS_TEST_DIRNAME/terminal.py" raw 200 "$@"; }

# ---- options

@test "options as for getopt: clustered letters, with their arguments, abbreviations, the end of options" {
  sample_database
  run -0 --separate-stderr fb-backfill -nq
  assert_output ''
  for words in '-nl2' '--dry --lim 2' '-n -l 2 --' "-n -l2 -- $PGDATABASE" "-nl2 -d $PGDATABASE" "-nl2 -dhost=$PGHOST" "-n -l 2 -h $PGHOST -p $PGPORT -U $PGUSER" \
      "-nj2 --limit=2 $PGDATABASE"; do
    # shellcheck disable=SC2086
    run -0 --separate-stderr fb-backfill $words
    assert_line 'DRY RUN: Would update 4 records in total'
  done
  run -2 fb-backfill --p x
  assert_output --partial "option '--p' is ambiguous"
  for letter in -V -?; do run -0 fb-backfill $letter; done
  assert_line --partial 'Usage: fb-backfill'
  run -2 bash -c 'fb-backfill --help > /dev/full'
  run -2 bash -c 'fb-backfill --check > /dev/full'
  run -2 fb-backfill -d $'x\e[2J\nhost=y'
  assert_output --partial 'control characters are not allowed'
  refute_output --partial $'\e'
}

@test "-m may be repeated, and accumulates; any other option given twice is a usage error" {
  sample_database
  run -0 --separate-stderr fb-backfill -n -m review -m answer --table note=feedback_answer
  assert_line 'DRY RUN: Would update 7 records in total'
  refute_output --partial Note
  run -0 --separate-stderr fb-backfill -n -m review
  assert_line 'DRY RUN: Would update 2 records in total'
  run -0 --separate-stderr fb-backfill -n -m review -m all
  assert_line 'DRY RUN: Would update 7 records in total'
  for twice in '-n --dry-run' '--limit 1 -l 2' '--check --check' '--apply a --apply b' '-q --quiet'; do
    # shellcheck disable=SC2086
    run -2 fb-backfill $twice
    assert_output --partial ' is given more than once'
  done
  run -2 fb-backfill --apply p.tsv --dry-run
  assert_line 'fb-backfill: --dry-run cannot be combined with --apply'
  run -2 fb-backfill --dry-run --receipts r.tsv
  assert_line 'fb-backfill: --receipts cannot be combined with --dry-run'
}

@test "--plan - is standard output" {
  sample_database
  run -0 --separate-stderr fb-backfill -nq --plan -
  assert_equal "$output" "$(make_plan)"
  [ ! -e - ]
}

# ---- what is kept

@test "receipts are kept unless refused; the last line says where, and how to undo the run" {
  sample_database
  before=$(state)
  run -0 --separate-stderr fb-backfill --summary
  file=$(receipts)
  [[ $file =~ ^fb-receipts-20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]-[0-5][0-9]-[0-6][0-9]Z\.tsv$ ]]
  assert_equal "$stderr" "fb-backfill: 7 rows updated in $PGDATABASE on $PGHOST:$PGPORT as $PGUSER; receipts in $PWD/$file; take them back with: fb-backfill --undo $file"
  assert_equal "$(stat -c %a "$file")" 600
  # nothing to do: no file
  mv "$file" kept.tsv
  run -0 --separate-stderr fb-backfill --summary
  assert_equal "$stderr" "fb-backfill: 0 rows updated in $PGDATABASE on $PGHOST:$PGPORT as $PGUSER"
  run -2 receipts
  # the command that it prints does undo the run: also with other models, names that need quotes, and a database
  fb-backfill --undo kept.tsv --no-receipts --quiet
  assert_equal "$(state)" "$before"
  run -0 --separate-stderr fb-backfill --table "note=\"feedback_answer\"" -m note --receipts "it's r.tsv" "$PGDATABASE"
  eval "${stderr##*take them back with: } --no-receipts --quiet"
  assert_equal "$(state)" "$before"
  run -0 --separate-stderr fb-backfill --no-receipts --quiet
  assert_equal "$stderr" ''
  run -2 receipts
}

@test "a dry run's last line has the database, and the command that applies its plan" {
  sample_database
  run -0 --separate-stderr fb-backfill -n --plan 'my plan' --summary
  assert_equal "$stderr" "fb-backfill: 7 rows would be updated in $PGDATABASE on $PGHOST:$PGPORT as $PGUSER; carry it out with: fb-backfill --apply 'my plan'"
  eval "${stderr##*carry it out with: } --receipts r.tsv --quiet"
  assert_equal "$(grep -c ^updated r.tsv)" 7
  run -0 fb-backfill --json --check
  assert_equal "$(jq -r .database <<< "$output")" "$PGDATABASE on $PGHOST:$PGPORT as $PGUSER"
}

@test "--undo takes several receipts; with --dry-run it reports what it would take back" {
  sample_database
  before=$(state)
  for n in 1 2 3; do fb-backfill --limit 1 --receipts r.$n --quiet; done
  run -0 --separate-stderr fb-backfill --undo r.1 r.2 --undo r.3 --dry-run
  assert_line 'DRY RUN: Would revert 5 records in total'
  [[ $stderr == 'fb-backfill: 5 rows would be reverted in '* ]]
  [ "$(done_in_table)" = 5 ]
  run -0 --separate-stderr fb-backfill --undo=r.1 --undo r.2 r.3 --jobs 2 --summary --receipts u.tsv
  assert_line '✓ Successfully reverted 5 records in total'
  assert_equal "$(grep -c ^reverted u.tsv)" 5
  assert_equal "$(state)" "$before"
  run -0 --separate-stderr fb-backfill --undo r.1 --no-receipts
  assert_line '  - Answer 1: skipped, already-reverted'
  assert_line 'Skipped: 1 (already-reverted 1)'
  # the object lists each file of undone receipts
  run -0 fb-backfill --undo r.1 r.2 --json --no-receipts
  assert_equal "$(jq -c .undone <<< "$output")" "[\"$PWD/r.1\",\"$PWD/r.2\"]"
}

@test "refused input: the messages are accurate" {
  sample_database
  make_plan > plan.tsv
  fb-backfill --receipts r.tsv --quiet
  run -2 fb-backfill --undo plan.tsv
  assert_output "$(lines 'fb-apply: plan.tsv:1: this is a plan, not a file of receipts' 'fb-backfill: nothing was changed')"
  run -2 fb-backfill --apply r.tsv
  assert_output --regexp "^fb-apply: r.tsv:1: this is a file of receipts, not a plan.fb-backfill: nothing was changed$"
  run -2 fb-backfill --apply /etc/passwd
  assert_output --partial 'fb-apply: /etc/passwd:1: '
  refute_output --regexp 'empty|committed|same command'
}

@test "a dry run or a count whose report nobody reads to its end says no more than that" {
  example_database
  for action in --dry-run --check '--check --by-cohort'; do
    # shellcheck disable=SC2086
    run -2 --separate-stderr bash -c 'fb-backfill "$@" > /dev/full' bash $action
    assert_equal "$stderr" 'fb-report: standard output: could not write the report: No space left on device'
  done
}

@test "a record that fb-apply rejects is in the report and in the object" {
  sample_database
  { make_plan; lines 'answer\tx\t1\ta\t1\tb'; } > plan.tsv
  run -1 --separate-stderr fb-backfill --apply plan.tsv --receipts r.tsv
  assert_line '✓ Successfully updated 7 records in total, 1 rejected'
  fb-backfill --undo r.tsv --quiet
  run -1 --separate-stderr fb-backfill --apply plan.tsv --json
  assert_equal "$(jq -c '[.status, .rejected, .total]' <<< "$output")" '[1,1,7]'
  # so is one whose row is known, but not what it gets; of receipts, too, and in a preview of their undo
  { cat plan.tsv; lines 'answer\t99\t1\ta\t\\N\tb'; } > more.tsv
  run -1 --separate-stderr fb-backfill --apply more.tsv --no-receipts --summary
  assert_line '✓ Successfully updated 0 records in total, 2 rejected'
  { cat r.tsv; lines 'Updated\tanswer\t1\t1\ta\t1\tb\t\\N' 'updated\tanswer\t2\t1\ta\t\\N\tb\t\\N'; } > odd.tsv
  run -1 --separate-stderr fb-backfill --undo odd.tsv --dry-run --summary
  assert_line 'DRY RUN: Would revert 7 records in total, 2 rejected'
  assert_line --partial 'Found 5 Answer records'
  run -1 --separate-stderr fb-backfill --undo odd.tsv --no-receipts --summary
  assert_line '✓ Successfully reverted 7 records in total, 2 rejected'
  fb-backfill --quiet --no-receipts
  # with several connections it is named by the file that the user knows
  sql 'UPDATE feedback_answer SET syllabus_id = NULL WHERE id = 1'
  run -1 --separate-stderr fb-backfill --apply plan.tsv --jobs 3 --receipts jobs.tsv --summary
  assert_equal "$(messages | grep ^fb-apply)" "fb-apply: plan.tsv:9: id is not a decimal integer in bigint range: 'x'"
  assert_equal "$(cut -f 3 jobs.tsv)" "$(lines id 1 2 3 6 7 1 2)"
}

# ---- the connection

@test "DATABASE_URL is used if nothing else names the database, and no command line contains its password" {
  sample_database
  mkdir bin
  # psql's arguments, and where it gets the password
  printf '%s\n' '#!/bin/bash' 'printf "%s\n" "$*" >> "$LOG"; [ ! "${PGPASSFILE-}" ] || cat "$PGPASSFILE" >> "$LOG.password"' "exec $(command -v psql) \"\$@\"" > bin/psql
  chmod +x bin/psql
  export LOG=$PWD/log
  host=${PGHOST//\//%2F}
  url() { # URL [OPTION...]
    : > log; : > log.password
    run -0 --separate-stderr env -u PGHOST -u PGPORT -u PGDATABASE -u PGUSER DATABASE_URL="$1" PATH="$PWD/bin:$PATH" fb-backfill -n "${@:2}"
    assert_line 'DRY RUN: Would update 7 records in total'
    run -1 grep -F 'this one' log
  }
  url "postgres://must_give_password:this%20one@/$PGDATABASE?host=$host&port=$PGPORT"
  assert_equal "$(sort -u log.password)" '*:*:*:*:this one'
  url "postgis://must_give_password@/$PGDATABASE?host=$host&port=$PGPORT&password=this%20one"
  url "postgresql+psycopg2://must_give_password@/$PGDATABASE?password=this%20one&host=$host&port=$PGPORT"
  url '' -d "postgresql://must_give_password:this%20one@/$PGDATABASE?host=$host&port=$PGPORT"
  url '' "host=$PGHOST password='this one' port=$PGPORT user=must_give_password dbname=$PGDATABASE"
  [[ $stderr != *'this one'* ]]
  # an option or a PG* variable takes precedence
  DATABASE_URL=postgres://nowhere/x run -0 fb-backfill -nq
  DATABASE_URL=mysql://x/y run -2 env -u PGHOST -u PGPORT -u PGDATABASE -u PGUSER fb-backfill -n
  assert_line 'fb-backfill: DATABASE_URL is not a postgresql:// URL: nothing was changed'
  # backslashes, quotes and colons, as a connection string and the password file have them
  : > log.password
  run -2 env PATH="$PWD/bin:$PATH" fb-backfill -n -d "user=must_give_password dbname=$PGDATABASE password = 'a:b\\\\c\\'d'"
  assert_equal "$(sort -u log.password)" '*:*:*:*:a\:b\\c'\''d'
}

@test "a password is asked for once, whatever the number of connections, and never without a terminal" {
  requires python3
  sample_database
  for option in '' -W; do
    # shellcheck disable=SC2086
    PASSWORD='this one' on_terminal fb-backfill -U must_give_password $option --jobs 2 --receipts r.tsv --summary --no-progress > sent
    assert_equal "$(grep -o 'Password: ' sent | wc -l)" 1
    refute grep -q 'this one' sent
    grep -q 'Successfully updated 7 records' sent
    fb-backfill --undo r.tsv --quiet --no-receipts
    rm r.tsv
  done
  # psql would take a line of its script for the password
  run -2 setsid fb-backfill -U must_give_password -n
  assert_line --partial 'a password is required, and there is no terminal to ask for it: nothing was changed'
  run -2 setsid fb-backfill -U must_give_password -n -w
  assert_line --partial 'no password supplied'
  PASSWORD=wrong run -2 on_terminal fb-backfill -U must_give_password -n
  assert_output --partial 'password authentication failed'
}

@test "its own programs are found beside it, psql in PATH" {
  sample_database
  mkdir -p elsewhere
  cp "$project"/bin/fb-* elsewhere
  printf '#!/bin/sh\ntouch %s/wrong\nexit 1\n' "$PWD" > elsewhere/psql
  chmod +x elsewhere/psql
  ln -s "$PWD/elsewhere/fb-backfill" link
  PATH=/usr/bin:/bin run -0 ./link -nq
  [ ! -e wrong ]
  # programs of the same name in PATH are not used
  mkdir path
  printf '#!/bin/sh\nexit 1\n' > path/fb-apply
  chmod +x path/fb-apply
  PATH=$PWD/path:/usr/bin:/bin run -0 ./link -nq
}

# ---- messages when it fails

@test "privileges missing for the second model are found before the first is written; a dry run reports them" {
  sample_database
  sql "DROP ROLE IF EXISTS half; CREATE ROLE half LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO half;
       GRANT UPDATE (syllabus_id) ON feedback_answer TO half"
  run -2 --separate-stderr fb-backfill -U half
  [[ $stderr == *'permission denied for table feedback_review'*'nothing was changed' ]]
  assert_equal "$(done_in_table)" 0
  run -2 receipts
  run -0 --separate-stderr fb-backfill -U half -n
  assert_line 'DRY RUN: Would update 7 records in total'
  [[ $stderr == *'permission denied for table feedback_review'*'a real run would stop here'* ]]
  # what it does not write, it need not be able to
  run -0 fb-backfill -U half -m answer --quiet
  sql "DROP OWNED BY half; DROP ROLE half"
}

@test "after a failure of psql: its error, in the object too, and no banner of success" {
  sample_database
  sql 'ALTER TABLE admissions_syllabus RENAME TO other'
  run -2 --separate-stderr fb-backfill --json
  assert_equal "$(jq -r .error <<< "$output")" 'ERROR:  relation "admissions_syllabus" does not exist'
  run -2 fb-backfill
  refute_output --regexp 'Success|empty'
  sql 'ALTER TABLE other RENAME TO admissions_syllabus'
  # while it applies
  sql "CREATE FUNCTION ends() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id = 3 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW; END';
       CREATE TRIGGER ends BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION ends()"
  run -2 --separate-stderr fb-backfill --batch-size 2 --receipts r.tsv
  assert_line --partial '✗ Stopped: updated 2 of 7 records in total: '
  refute_output --partial Successfully
  [[ $stderr == *"fb-backfill: 2 of 7 records are committed in $PGDATABASE on "*"; receipts in $PWD/r.tsv; take them back with: fb-backfill --undo r.tsv; no batch was partly applied"* ]]
}

# ---- interrupts

# Many answers in small batches; the third batch waits for a row.
many_answers() {
  sample_database
  sql 'INSERT INTO feedback_answer (id, cohort_id) SELECT 100 + n, 1 FROM generate_series(1, 5000) AS n'
  hold "SELECT FROM feedback_answer WHERE id IN (350, 3200) FOR UPDATE;"
}

@test "interrupted, it begins no further batch, although the script has many; a shell loop ends, too" {
  many_answers
  for jobs in 1 2; do
    setsid env --default-signal bash -c "for i in 1 2 3; do fb-backfill --jobs $jobs --batch-size 100 --lock-timeout 0 --receipts r\$i.tsv --quiet; done; touch went-on" 2> err &
    pid=$!
    wait_until backends_waiting "$jobs"
    kill -INT -- "-$pid"
    wait_until grep -q interrupted err
    release
    status=0; wait "$pid" || status=$?
    assert_equal "$status" 130
    [ ! -e went-on ] && [ ! -e r2.tsv ] && [ ! -e r1.tsv.1 ]
    # each job has finished the batch that waited, and no other
    assert_equal "$(grep -c ^updated r1.tsv)" "$(done_in_table)"
    [ "$(done_in_table)" -le $((jobs == 1 ? 400 : 1100)) ]
    run -0 cat err
    refute_output --regexp 'ERROR|CONTEXT|missing data'
    assert_line --partial "receipts in $PWD/r1.tsv; take them back with: fb-backfill --undo r1.tsv"
    fb-backfill --undo r1.tsv --quiet --no-receipts
    rm r1.tsv
    hold "SELECT FROM feedback_answer WHERE id IN (350, 3200) FOR UPDATE;"
  done
  release
}

# bats test_tags=slow
@test "interrupted at any moment while it applies, it ends before the last batch, and the receipts are what the table has" {
  sample_database
  sql 'INSERT INTO feedback_answer (id, cohort_id) SELECT 100 + n, 1 FROM generate_series(1, 500) AS n'
  for n in {1..16}; do
    setsid env --default-signal fb-backfill --batch-size 1 --pause 20 --receipts r.tsv --quiet 2> err &
    pid=$!
    wait_until has_lines r.tsv 3
    sleep "$(printf '0.%03d' $((n * 23)))"
    kill -TERM "$pid"
    status=0; wait "$pid" || status=$?
    assert_equal "$status" 143
    assert_equal "$(grep -c ^updated r.tsv)" "$(done_in_table)"
    [ "$(done_in_table)" -lt 300 ]
    fb-backfill --undo r.tsv --quiet --no-receipts
    rm r.tsv
  done
}

@test "interrupted, it begins no further batch of those that psql has already read" {
  sample_database
  hold 'SELECT FROM feedback_answer WHERE id = 2 FOR UPDATE;'
  setsid env --default-signal fb-backfill --batch-size 1 --lock-timeout 0 --receipts r.tsv --quiet 2> err &
  pid=$!
  wait_until backends_waiting
  kill -HUP "$pid"
  wait_until grep -q interrupted err
  release
  status=0; wait "$pid" || status=$?
  assert_equal "$status" 129
  assert_equal "$(grep -c ^updated r.tsv)" "$(done_in_table)"
  assert_equal "$(done_in_table)" 2
}

@test "a second signal rolls the open batch back" {
  many_answers
  setsid env --default-signal fb-backfill --batch-size 100 --lock-timeout 0 --receipts r.tsv --quiet 2> err &
  pid=$!
  wait_until backends_waiting
  kill -TERM "$pid"
  wait_until grep -q interrupted err
  kill -TERM "$pid"
  status=0; wait "$pid" || status=$?   # the row is still held
  assert_equal "$status" 143
  assert_equal "$(grep -c ^updated r.tsv)" "$(done_in_table)"
  run -0 cat err
  refute_output --partial ERROR
  release
}

@test "interrupted during a pause: it ends, and no process keeps sleeping" {
  sample_database
  setsid env --default-signal fb-backfill --batch-size 2 --pause 600000 --receipts r.tsv --quiet 2> err &
  pid=$!
  wait_until has_lines r.tsv 3
  sleeping() { pgrep -f '^sleep 600.000$' > sleepers; }
  wait_until sleeping
  kill -TERM "$pid"
  status=0; wait "$pid" || status=$?
  assert_equal "$status" 143
  run -1 sleeping
  assert_equal "$(done_in_table)" 2
  assert_equal "$(grep -c ^updated r.tsv)" 2
  run -0 cat err
  refute_output --partial ERROR
}

@test "SIGUSR1 to every process with fb-backfill in its command line ends none" {
  sample_database
  mkdir fb-backfill.run
  make_plan > fb-backfill.run/plan.tsv
  hold 'SELECT FROM feedback_review WHERE id = 1 FOR UPDATE;'
  fb-backfill --apply "$PWD/fb-backfill.run/plan.tsv" --lock-timeout 0 --batch-size 1 --receipts fb-backfill.run/r.tsv > out 2> err &
  pid=$!
  wait_until has_lines fb-backfill.run/r.tsv 6
  pkill -USR1 -f "$PWD/fb-backfill.run" || true
  kill -USR1 "$pid"
  wait_until grep -q '^fb-backfill: applying 5 of 7' err
  release
  wait "$pid"
  assert_equal "$(tail -n 2 out | head -n 1)" '✓ Successfully updated 7 records in total'
}

@test "a signal to the whole group: fb-report goes on until the open batch has ended" {
  many_answers
  setsid env --default-signal fb-backfill --batch-size 100 --lock-timeout 0 --receipts r.tsv --summary > out 2> err 3>&- &
  pid=$!
  wait_until backends_waiting
  kill -TERM -- "-$pid"
  wait_until grep -q interrupted err
  release
  status=0; wait "$pid" || status=$?
  assert_equal "$status" 143
  assert_equal "$(grep -c ^updated r.tsv)" "$(done_in_table)"
  run -0 cat out
  assert_line --partial '✗ Stopped: updated '
  run -0 cat err
  assert_line --partial "receipts in $PWD/r.tsv; take them back with: fb-backfill --undo r.tsv"
  refute_output --regexp 'ERROR|fb-report ended'
}

@test "interrupted while it waits for its input, it ends at once" {
  sample_database
  mkfifo plan
  exec 7<> plan
  for file in - plan; do
    setsid env --default-signal fb-backfill --apply $file < plan 2> err 3>&- 7>&- &
    pid=$!
    wait_until reads plan "$pid"
    kill -TERM "$pid"
    status=0; wait "$pid" || status=$?
    assert_equal "$status" 143
    assert_equal "$(cat err)" 'fb-backfill: interrupted by SIGTERM'
  done
  exec 7>&-
}
reads() { pgrep -P "$2" cat > /dev/null; }

@test "fb-extract fails half-way and fb-resolve complains of what it got: nothing is applied" {
  sample_database
  mkdir bin && cp "$project"/bin/fb-* bin
  rm bin/fb-extract
  printf '%s\n' '#!/bin/sh' "case \$* in *--sql*) exec $project/bin/fb-extract \"\$@\" ;; esac" \
    "printf 'model\\tid\\tcohort_id\\nanswer\\t1\\t1\\nanswer\\t2\\t99\\n'; exit 2" > bin/fb-extract
  chmod +x bin/fb-extract
  run -2 bin/fb-backfill
  assert_line 'fb-resolve: standard input:3: cohort 99 of answer 2 is not in the cohort dump'
  assert_line 'fb-backfill: the plan could not be made: nothing was changed'
  assert_equal "$(done_in_table)" 0
}
