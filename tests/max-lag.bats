# --max-lag: a run waits while a replica is behind. These tests have their own server, with a streaming replica.
# bats file_tags=server
load helper
load aftermath
load servers

setup_file() {
  begin_server own 'wal_level = logical'
  begin_replica own copy
}

teardown_file() {
  end_server copy
  end_server own
}

setup() {
  PGHOST=$(host_of own)
  cd "$BATS_TEST_TMPDIR"
  is_running copy || server copy start
  wait_until connected
  on_replica 'SELECT pg_wal_replay_resume()'
  example_database
  remember
}

# A failed test leaves no process waiting.
teardown() {
  [ "${BATS_TEST_COMPLETED-}" ] || end_what_runs
  ! is_running copy || resume_replay
}

# ---- the replica, named `copy`

on_replica() { PGHOST=$(host_of copy) psql -XqAtd postgres -v ON_ERROR_STOP=1 -c "$1"; }
connected() { [ "$(sql "SELECT count(*) FROM pg_stat_replication WHERE application_name = 'copy' AND replay_lsn IS NOT NULL")" = 1 ]; }

# From here on there is WAL that it does not replay.
pause_replay() {
  on_replica 'SELECT pg_wal_replay_pause()'
  sql 'CREATE TABLE was.something (); DROP TABLE was.something'
}
resume_replay() { on_replica 'SELECT pg_wal_replay_resume()'; }

# ---- the session that waits

waiters="FROM pg_stat_activity AS a WHERE query LIKE 'CALL pg_temp.fb_wait_for_replicas%' AND state = 'active'"

# It polls in short transactions, and while it sleeps it has no writing transaction and holds no lock.
assert_waits() {
  local i xid
  for i in 1 2 3; do
    xid=$(sql 'SELECT txid_current()')
    later() { [ "$(sql "SELECT count(*) > 0 $waiters AND backend_xmin::text::bigint > $xid AND backend_xid IS NULL")" = t ]; }
    wait_until later
  done
  run -0 sql "SELECT count(*) $waiters AND EXISTS (SELECT FROM pg_locks AS l WHERE l.pid = a.pid
    AND l.relation IN ('feedback_answer'::regclass, 'feedback_review'::regclass))"
  assert_output 0
}

@test "the replica's replay is paused: the run waits, holds nothing, and goes on when it is resumed" {
  hold "SELECT 1 FROM feedback_answer WHERE id = $(nth answer 25) FOR UPDATE;"
  fb-backfill --batch-size 10 --lock-timeout 0 --max-lag 1 --receipts r.tsv --quiet &
  pid=$!
  wait_until backends_waiting
  pause_replay
  sleep 1.1  # longer than --max-lag
  release
  wait_until has_lines r.tsv 31
  assert_waits
  # rows that die in the meantime can be vacuumed
  sql 'CREATE TABLE was.dead AS SELECT generate_series(1, 100); DELETE FROM was.dead'
  cleaned() { psql -Xqc 'VACUUM (VERBOSE) was.dead' 2>&1 | grep -q '100 removed\|100 dead item\|removed 100'; }
  wait_until cleaned
  sql 'DROP TABLE was.dead'
  assert_waits
  run -0 wc -l < r.tsv
  assert_output 31
  assert_agree 0 r.tsv
  resume_replay
  wait $pid
  assert_agree 0 r.tsv
  run -0 diff right changed
}

@test "a role that cannot see replicas gets an error before anything is done" {
  least_privilege
  run -2 --separate-stderr as_role fb-backfill --max-lag 1 --receipts r.tsv
  [[ $stderr == *'ERROR:  role feedback_backfill cannot see how far behind replicas are, which --max-lag needs'*'HINT:  GRANT pg_read_all_stats TO feedback_backfill'*'fb-backfill: 0 of '* ]]
  make_plan > plan.tsv
  fb-apply --max-lag 1 plan.tsv > script.sql
  run -3 --separate-stderr as_role psql -Xq < script.sql
  assert_output ''
  run -0 changed
  assert_output ''
  sql 'GRANT pg_read_all_stats TO feedback_backfill'
  as_role fb-backfill --max-lag 1 --quiet
  run -0 diff right <(changed)
}

# bats test_tags=slow
@test "each job waits; hostile settings do not end the wait; an undo waits, too" {
  pause_replay
  PGOPTIONS='-c statement_timeout=600 -c default_transaction_isolation=serializable
    -c default_transaction_deferrable=on -c idle_in_transaction_session_timeout=1 -c client_min_messages=error' \
    fb-backfill --jobs 2 --batch-size 20 --max-lag 1 --receipts r.tsv --quiet &
  pid=$!
  both() { [ "$(sql "SELECT count(*) $waiters AND clock_timestamp() - query_start > '0.8 s'")" = 2 ]; }
  wait_until both
  # a deferrable transaction would wait for serializable ones
  hold 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM feedback_answer;'
  assert_waits
  release
  both
  resume_replay
  wait $pid
  assert_agree 0 r.tsv
  run -0 diff right changed

  pause_replay
  fb-backfill --undo r.tsv --max-lag 1 --quiet &
  pid=$!
  assert_waits
  run -0 diff right <(changed)
  resume_replay
  wait $pid
  run -0 changed
  assert_output ''
}

# bats test_tags=slow
@test "a replica that keeps up causes no wait, nor does one within --max-lag" {
  fb-backfill --batch-size 5 --max-lag 1 --receipts r.tsv --quiet
  run -0 diff right <(changed)
  # it has not replayed new WAL, only what existed when the run began
  hold "SELECT 1 FROM feedback_answer WHERE id = $(nth answer 25) FOR UPDATE;"
  fb-backfill --undo r.tsv --batch-size 10 --lock-timeout 0 --max-lag 3600 --quiet &
  pid=$!
  wait_until backends_waiting
  pause_replay
  release
  wait $pid
  run -0 changed
  assert_output ''
}

# bats test_tags=slow
@test "interrupted while it waits: nothing more is done, and no process keeps waiting" {
  pause_replay
  setsid env --default-signal fb-backfill --max-lag 1 --receipts r.tsv --quiet 2> err &
  leader=$!
  assert_waits
  kill -INT -- "-$leader"
  status=0; wait $leader || status=$?
  assert_equal $status 130
  assert_equal "$(members $leader)" ''
  run -0 cat err
  assert_line --partial 'fb-backfill: interrupted by SIGINT'
  refute_output --partial ERROR
  assert_line --partial "fb-backfill: 0 of $(wc -l < right) records are committed"
  nobody() { [ "$(sql "SELECT count(*) $waiters")" = 0 ]; }
  wait_until nobody
  run -0 changed
  assert_output ''
  resume_replay
  assert_finishes
}

# ---- replicas that connect and disconnect

# The script, with a shorter timeout.
hasty() { sed "s/interval := '60 s'/interval := '1 s'/; s/interval '10 s'/interval '0 s'/"; }

# bats test_tags=slow
@test "a replica that disconnects during a wait and does not come back: the script says so, and stops" {
  make_plan > plan.tsv
  fb-apply --max-lag 1 plan.tsv | hasty > script.sql
  run -1 diff <(fb-apply --max-lag 1 plan.tsv) script.sql
  assert_equal "$(grep -c '^>' <<< "$output")" 2
  pause_replay
  psql -Xq < script.sql > r.tsv 2> err &
  pid=$!
  assert_waits
  grep -q 'INFO:  waiting for replicas: copy (.* behind)$' err
  server copy stop -m immediate
  status=0; wait $pid || status=$?
  assert_equal $status 3
  run -0 cat err
  assert_line --partial 'ERROR:  stopped: a replica that this run saw has been gone for 00:00:01: copy (gone)'
  run -0 cat r.tsv
  assert_output "$(printf 'status\t%s\tdetail' "$(head -n 1 plan.tsv)")"
  run -0 changed
  assert_output ''
  # a run that never saw it continues without it
  fb-backfill --max-lag 1 --quiet
  run -0 diff right <(changed)
}

# bats test_tags=slow
@test "the run waits for a replica that is being restarted" {
  hold "SELECT 1 FROM feedback_answer WHERE id = $(nth answer 25) FOR UPDATE;"
  fb-backfill --batch-size 10 --lock-timeout 0 --max-lag 3600 --receipts r.tsv --quiet &
  pid=$!
  wait_until backends_waiting
  server copy stop -m fast
  release
  assert_waits
  run -0 wc -l < r.tsv
  assert_output 31
  server copy start
  wait $pid
  run -0 diff right <(changed)
}

# bats test_tags=slow
@test "pg_receivewal and logical subscribers do not count as replicas" {
  sql "CREATE TABLE was.published (id integer); CREATE PUBLICATION p FOR TABLE was.published"
  sql "SELECT pg_create_logical_replication_slot('s', 'pgoutput')"
  here=$PGDATABASE there=${PGDATABASE}_subscriber
  sql "CREATE DATABASE $there"
  subscriber() { PGDATABASE=$there "$@"; }
  subscriber sql 'CREATE SCHEMA was; CREATE TABLE was.published (id integer)'
  subscriber sql "CREATE SUBSCRIPTION s CONNECTION 'host=$PGHOST port=$PGPORT user=$PGUSER dbname=$here'
    PUBLICATION p WITH (create_slot = false, slot_name = 's', copy_data = false)"
  # pg_receivewal works with servers up to its own version; with a newer one, only the subscriber is tested
  mkdir received
  receiver='' all=1
  if (( $(pg_receivewal --version | grep -oE '[0-9]+' | head -n 1) >= $(sql 'SHOW server_version_num') / 10000 )); then
    pg_receivewal -D received -d application_name=receives 2> /dev/null &
    receiver=$! all=2
  fi
  there() { [ "$(sql "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND application_name IN ('s', 'receives')")" = "$all" ]; }
  wait_until there
  # the subscriber cannot apply changes while its table is locked
  PGDATABASE=$there hold 'LOCK TABLE was.published;'
  sql 'INSERT INTO was.published VALUES (1)'
  PGDATABASE=$there wait_until backends_waiting
  run -0 sql "SELECT pg_current_wal_flush_lsn() > replay_lsn FROM pg_stat_replication WHERE application_name = 's'"
  assert_output t
  fb-backfill --batch-size 50 --max-lag 1 --quiet
  run -0 diff right <(changed)
  [ ! "$receiver" ] || { kill "$receiver"; wait "$receiver" || true; }
  release
  subscriber sql 'DROP SUBSCRIPTION s' 2> /dev/null
}
