# Weekly runs by cron and systemd: the files in examples/, and runs that overlap.
load helper
load aftermath

examples=$project/examples

@test "the cron file is well formed: settings, and one line, in which a percent sign would have to be escaped" {
  run -0 grep -v -e '^#' -e '^$' -e '^[A-Z]*=' "$examples/fb-backfill.cron"
  assert_equal "${#lines[@]}" 1
  assert_output --regexp '^17 3 \* \* 0  fb-backfill  '
  refute_output --regexp '[^\\]%'
}

# What systemd says of these units. Of the others on this machine it says what it likes.
complaints() { systemd-analyze verify "$@" 2>&1 | grep -F fb-backfill || true; } # UNIT...

@test "systemd finds the service and the timer sound, and weekly" {
  requires systemd-analyze
  run -0 complaints "$examples/fb-backfill.service" "$examples/fb-backfill.timer"
  assert_output ''
  run -0 systemd-analyze calendar --iterations 2 --base-time '2026-01-01 00:00:00 UTC' \
    "$(sed -n 's/^OnCalendar=//p' "$examples/fb-backfill.timer")"
  assert_output --partial '2026-01-04 03:17:00 UTC'
  assert_output --partial '2026-01-11 03:17:00 UTC'
}

@test "the service has no access to what it does not need" {
  requires systemd-analyze
  run -0 systemd-analyze security --offline=true --threshold=15 "$examples/fb-backfill.service"   # 1.5 of 10; nothing is 9.6
}

@test "systemd accepts the commented OnFailure=, too" {
  sed 's/^# *OnFailure=/OnFailure=/' "$examples/fb-backfill.service" > fb-backfill.service
  grep -q '^OnFailure=' fb-backfill.service
  cp "$examples/fb-backfill.timer" .
  run -0 complaints ./fb-backfill.service ./fb-backfill.timer
  assert_output ''
}

# bats file_tags=server

# An example database, reached by the names in the files: /var/lib/fb-backfill and /etc/fb-backfill become our own
# folders, /usr/local/bin the programs under test. Only the service file says which server to use.
weekly() {
  example_database
  mkdir state etc
  lines '[feedback]' "host=$PGHOST" "port=$PGPORT" "dbname=$PGDATABASE" "user=must_give_password" > etc/pg_service.conf
  lines '*:*:*:must_give_password:this one' > etc/pgpass
  chmod 600 etc/pgpass
  oracle_state > expected
  remember
}
ours() { sed "s,/var/lib/fb-backfill,$PWD/state,g; s,/etc/fb-backfill,$PWD/etc,g; s,/usr/local/bin,$(dirname "$(command -v fb-backfill)"),g" "$1"; }

# Runs the cron line's command as cron does: with sh, in a minimal environment with the file's settings; `\%` is a percent sign.
cron() {
  local settings command
  mapfile -t settings < <(ours "$examples/fb-backfill.cron" | grep '^[A-Z]*=')
  command=$(ours "$examples/fb-backfill.cron" | sed -n 's/^17 3 \* \* 0  fb-backfill  //p' | sed 's,\\%,%,g')
  [ "$command" ]
  (cd / && env -i HOME="$BATS_TEST_TMPDIR/state" LOGNAME=fb-backfill PATH=/usr/bin:/bin SHELL=/bin/sh "${settings[@]}" sh -c "$command")
}

# A row that cannot be set.
freeze() {
  sql "CREATE FUNCTION frozen() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN IF NEW.id = 101 THEN RAISE EXCEPTION ''record is frozen''; END IF; RETURN NEW; END';
       CREATE TRIGGER frozen BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION frozen()"
}

# ---- cron

@test "cron: it runs, is silent, and keeps its receipts; with nothing to do it is silent, too" {
  weekly
  run -0 cron
  assert_output ''
  run -0 diff expected <(state)
  run -0 ls state
  assert_output --regexp '^fb-receipts-[0-9TZ-]*\.tsv$'
  receipts=$output
  run -0 cron
  assert_output ''
  run -0 ls state
  assert_output "$receipts"
  fb-backfill --quiet --undo "state/$receipts"
  run -0 changed
  assert_output ''
}

@test "cron: a failure is printed, for cron to mail, with the exit status of the run" {
  weekly
  freeze
  run -1 cron
  assert_output --regexp '^fb-report: fb-receipts-[0-9TZ-]*\.tsv:2: answer 101 failed: P0001 record is frozen$'
  sql 'ALTER TABLE feedback_review RENAME TO other'
  run -2 cron
  assert_line 'fb-backfill: the snapshot could not be taken: nothing was changed'
}

@test "cron: while the last run is still going it does not start, and says so" {
  weekly
  before=$(state)
  exec 5> state/.lock
  flock 5
  run -75 cron
  assert_output 'fb-backfill: the previous run is still in progress'
  exec 5>&-
  assert_equal "$(state)" "$before"
  run -0 cron
  assert_output ''
  run -0 diff expected <(state)
}

# ---- systemd

# A command of the service, which a shell reads as systemd does: quotes make one word.
service_command() { sed -n "s/^$1=//p" "$examples/fb-backfill.service"; }

# Runs the service's commands as systemd does: the second only if the first, a condition, succeeds.
service() {
  local settings
  read -r -a settings < <(ours "$examples/fb-backfill.service" | sed -n 's/^Environment=//p')
  (
    cd state && export "${settings[@]}" && unset PGHOST PGPORT PGDATABASE PGUSER || exit
    eval "$(service_command ExecCondition)" || exit 0
    eval "$(service_command ExecStart)"
  )
}

@test "the service runs, reports, and keeps its receipts in its folder; with nothing to do it is silent and leaves nothing" {
  weekly
  run -0 service
  assert_line --partial 'Successfully updated 254 records'
  run -0 diff expected <(state)
  run -0 ls -p state
  assert_output --regexp '^fb-receipts-[0-9TZ-]*\.tsv$'
  run -0 service
  assert_output ''
  run -0 ls state
  assert_equal "${#lines[@]}" 1
}

@test "the service fails, and says why, if a record fails or the run does" {
  weekly
  freeze
  run -1 service
  assert_line --partial 'answer 101 failed: P0001 record is frozen'
  sql 'ALTER TABLE feedback_review RENAME TO other'
  run -2 service
  assert_line 'fb-backfill: the snapshot could not be taken: nothing was changed'
  # and only status 0 is a success for systemd, whose journal has everything that is printed
  run -1 grep -E '^(SuccessExitStatus|StandardOutput|StandardError|Exec[A-Za-z]*=-)' "$examples/fb-backfill.service"
}

# ---- overlapping

@test "two runs at once are safe: the plain UPDATE's state, and each row has one receipt of both together" {
  weekly
  hold "SELECT 1 FROM feedback_answer WHERE id = $(nth answer 45) FOR UPDATE;"
  # The first run has committed some batches, and waits; the second finds the rest, and waits for the first.
  fb-backfill --batch-size 10 --lock-timeout 0 --receipts first.tsv --quiet &
  first=$!
  wait_until has_lines first.tsv 41
  wait_until backends_waiting
  fb-backfill --batch-size 7 --lock-timeout 0 --jobs 2 --receipts second.tsv --quiet &
  second=$!
  # one of its jobs waits for the same row; the other, with the last answers and the reviews, does not wait
  wait_until backends_waiting 2
  release
  wait "$first"
  wait "$second"
  run -0 diff expected <(state)
  assert_agree 0 first.tsv second.tsv
  assert_equal "$(cat first.tsv second.tsv | grep -c ^updated)" 254
  # each did its part, or found that the other had done it
  [ "$(grep -c ^updated first.tsv)" -ge 40 ]
  run -0 awk -F '\t' '$1 == "skipped" && $8 != "already-set" || $1 == "failed"' first.tsv second.tsv
  assert_output ''
}
