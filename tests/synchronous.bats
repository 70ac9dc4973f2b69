# Synchronous replicas: one that takes the place of a primary that fails in the middle of a run, and one that never confirms.
# The file has servers of its own.
# bats file_tags=server
load helper
load aftermath
load servers

setup_file() {
  begin_server old 'synchronous_commit = remote_apply' 'fsync = on'
  begin_replica old new
}

teardown_file() {
  end_server new
  end_server old
}

setup() {
  cd "$BATS_TEST_TMPDIR"
  PGHOST=$(host_of old)
}

teardown() {
  confirmed_by ''
  [ "${BATS_TEST_COMPLETED-}" ] || end_what_runs
}

on() { PGHOST=$(host_of "$1") psql -XqAtd "${3:-postgres}" -v ON_ERROR_STOP=1 -c "$2"; } # SERVER SQL [DATABASE]
replicates() { [ "$(on old "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")" = 1 ]; }

# Which replica confirms each COMMIT of the old primary.
confirmed_by() { # NAME
  is_running old || return 0
  on old "ALTER SYSTEM SET synchronous_standby_names = '$1'"
  on old 'SELECT pg_reload_conf()' > /dev/null
}

@test "a standby is read by a dry run, which says that a run would stop; a run changes nothing, and keeps no receipts" {
  example_database
  PGHOST=$(host_of new)
  wait_until psql -Xqc 'SELECT FROM feedback_answer'
  run -0 --separate-stderr fb-backfill --dry-run --summary
  assert_line 'DRY RUN: Would update 254 records in total'
  [[ $stderr == *'this server is a standby'*'a real run would stop here'* ]]
  run -2 --separate-stderr fb-backfill
  [[ $stderr == *'this server is a standby, which cannot be written to'*'nothing was changed'* ]]
  [ ! -e "$(echo fb-receipts-*)" ]
}

@test "nobody confirms a COMMIT and the wait is canceled: the batch stands, its receipts are there, and the warning is passed on" {
  example_database
  remember
  confirmed_by nobody
  fb-backfill --quiet --batch-size 200 --receipts r.tsv 2> err 3>&- &
  run=$!
  waits='wait_event = '"'SyncRep'"
  for batch in 1 2; do
    waiting() { [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE $waits")" = 1 ]; }
    wait_until waiting
    receipts() { [ "$(grep -c updated r.tsv)" = $1 ]; }
    receipts $(((batch - 1) * 200))
    sql "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE $waits" > /dev/null
    wait_until receipts $((batch == 1 ? 200 : 254))
  done
  wait "$run"
  assert_equal "$(grep -c updated r.tsv)" 254
  assert_equal "$(grep -c 'WARNING:  canceling wait for synchronous replication due to user request' err)" 2
  assert_agree 0 r.tsv
}

@test "psql is killed while nobody confirms its COMMIT: the transaction is in progress, so it is asked again, until it is committed" {
  example_database
  remember
  confirmed_by nobody
  fb-backfill --quiet --receipts r.tsv 2> err 3>&- &
  run=$!
  waiting() { [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")" = 1 ]; }
  wait_until waiting
  writer=$(pgrep -f "in_doubt=.* -v waiting=.*" -P "$run")
  kill -KILL "$writer"
  wait_until ended "$writer"
  sleep 1   # it has been asked by now
  confirmed_by ''
  status=0
  wait "$run" || status=$?
  assert_equal "$status" 2
  assert_equal "$(grep -c ^updated r.tsv)" 254
  assert_agree 0 r.tsv
  grep -q 'fb-backfill: 254 of 254 records are committed' err
}
ended() { ! kill -0 "$1" 2> /dev/null; }

@test "where it stays unknown, and the receipts in doubt cannot be kept beside the others, they stay in the temporary directory" {
  example_database
  remember
  confirmed_by nobody
  mkdir r.tsv.in-doubt temporary
  TMPDIR=$PWD/temporary fb-backfill --quiet --receipts r.tsv 2> err 3>&- &
  run=$!
  waiting() { [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")" = 1 ]; }
  wait_until waiting
  kill -KILL "$(pgrep -f "in_doubt=.* -v waiting=.*" -P "$run")"
  status=0
  wait "$run" || status=$?
  assert_equal "$status" 2
  kept=$(sed -n 's/.*could not be kept in .*, and are in //p' err)
  assert_equal "$(cut -f 3 "$kept" | sort | uniq -c | tr -s ' ')" ' 254 updated'
  confirmed_by ''
  { cat r.tsv; cut -f 3- "$kept"; } > whole
  wait_until test "$(changed | wc -l)" = 254
  assert_agree 0 whole
}

@test "where it stays unknown in the first batch, nothing that the advice needs is removed, and the advice is right" {
  example_database
  remember
  confirmed_by nobody
  fb-backfill --quiet 2> err 3>&- &
  run=$!
  waiting() { [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")" = 1 ]; }
  wait_until waiting
  kill -KILL "$(pgrep -f "in_doubt=.* -v waiting=.*" -P "$run")"
  status=0
  wait "$run" || status=$?
  assert_equal "$status" 2
  confirmed_by ''
  advice=$(sed -n 's/.*complete the receipts in FILE: //p' err)
  eval "${advice//FILE/whole.tsv}"
  assert_equal "$(cut -f 1 whole.tsv | sort | uniq -c | tr -s ' ')" "$(printf ' 1 status\n 254 updated')"
  wait_until test "$(changed | wc -l)" = 254
  assert_agree 0 whole.tsv
}

@test "the primary fails and its replica is promoted: the receipts are what the new primary has, and running again goes on" {
  example_database
  oracle_state > expected
  remember
  confirmed_by new
  wait_until replicates
  # the fourth batch waits for a row that is locked, so it is open when the primary fails
  psql -Xqc "BEGIN; SELECT FROM feedback_answer WHERE id = $(nth answer 201) FOR UPDATE; SELECT pg_sleep(60)" 2> /dev/null 3>&- &
  holder=$!
  PGHOST=$(host_of old),$(host_of new) PGTARGETSESSIONATTRS=read-write fb-backfill --quiet --batch-size 60 --lock-timeout 0 --receipts r.tsv 2> err 3>&- &
  run=$!
  wait_until backends_waiting
  server old stop -m immediate
  server new promote
  status=0
  wait "$run" || status=$?
  wait "$holder" || true
  assert_equal $status 2
  refute grep -q 'could not be asked' err
  PGHOST=$(host_of new)
  assert_equal "$(cut -f 1 r.tsv | sort | uniq -c | tr -s ' ')" "$(printf ' 1 status\n 180 updated')"
  assert_agree 0 r.tsv
  grep -q 'fb-backfill: 180 of 254 records are committed' err
  # the same command goes on, on the new primary
  PGHOST=$(host_of old),$(host_of new) PGTARGETSESSIONATTRS=read-write run -0 --separate-stderr fb-backfill --summary --receipts rest.tsv
  assert_line '✓ Successfully updated 74 records in total'
  run -0 diff expected <(state)
}
