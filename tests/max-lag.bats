# --max-lag and --max-failures. The file has a server of its own, and a streaming replica of it.
load helper
load aftermath
load servers

setup_file() {
  begin_server own 'wal_level = logical'
  begin_replica
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

# A test that fails leaves nobody waiting.
teardown() { ! is_running copy || resume_replay; }

# ---- the replica, which is called `copy`

# A copy of the server's data, taken while it is stopped: pg_basebackup would have to be of the server's version.
begin_replica() {
  local own copy
  own=$(host_of own) copy=$(host_of copy)
  server own stop
  cp -a "$own" "$copy"
  touch "$copy/data/standby.signal"
  chown --reference="$copy/data/PG_VERSION" "$copy/data/standby.signal"
  echo "primary_conninfo = 'host=$own user=postgres application_name=copy'" >> "$copy/data/postgresql.conf"
  server own start
  server copy start
}
on_replica() { PGHOST=$(host_of copy) psql -XqAtd postgres -v ON_ERROR_STOP=1 -c "$1"; }
connected() { [ "$(sql "SELECT count(*) FROM pg_stat_replication WHERE application_name = 'copy' AND replay_lsn IS NOT NULL")" = 1 ]; }

# From here on there is WAL that it does not replay.
pause_replay() {
  on_replica 'SELECT pg_wal_replay_pause()'
  paused() { [ "$(on_replica 'SELECT pg_get_wal_replay_pause_state()')" = paused ]; }
  wait_until paused
  sql 'CREATE TABLE IF NOT EXISTS was.something (); DROP TABLE was.something'
}
resume_replay() { on_replica 'SELECT pg_wal_replay_resume()'; }

# ---- the session that waits

waiters="FROM pg_stat_activity AS a WHERE query LIKE 'CALL pg_temp.fb_wait_for_replicas%' AND state = 'active'"

# It looks again and again: its transactions come and go, and while it sleeps none has written or holds a lock.
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
  sleep 1.5  # longer than --max-lag
  release
  wait_until has_lines r.tsv 31
  assert_waits
  # what dies meanwhile can be cleaned up
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

@test "each job waits; settings against us do not end the wait; an undo waits, too" {
  pause_replay
  PGOPTIONS='-c statement_timeout=150 -c default_transaction_isolation=serializable -c default_transaction_read_only=on
    -c default_transaction_deferrable=on -c idle_in_transaction_session_timeout=1 -c client_min_messages=error' \
    fb-backfill --jobs 2 --batch-size 20 --max-lag 1 --receipts r.tsv --quiet &
  pid=$!
  both() { [ "$(sql "SELECT count(*) $waiters")" = 2 ]; }
  wait_until both
  # a deferrable look would wait for who is serializable
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

@test "a replica that keeps up makes nobody wait, nor one that is not further behind than --max-lag" {
  fb-backfill --batch-size 5 --max-lag 1 --receipts r.tsv --quiet
  run -0 diff right <(changed)
  # it has not replayed what comes now, but what was there when the run began
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

@test "interrupted while it waits: nothing more is done, and nobody waits on" {
  pause_replay
  setsid env --default-signal fb-backfill --max-lag 1 --receipts r.tsv --quiet 2> err &
  leader=$!
  assert_waits
  kill -INT -- "-$leader"
  status=0; wait $leader || status=$?
  assert_equal $status 2
  assert_equal "$(members $leader)" ''
  run -0 cat err
  assert_line 'fb-backfill: interrupted'
  assert_line --partial "fb-backfill: 0 of $(wc -l < right) records are committed"
  nobody() { [ "$(sql "SELECT count(*) $waiters")" = 0 ]; }
  wait_until nobody
  run -0 changed
  assert_output ''
  resume_replay
  assert_finishes
}

# ---- replicas that come and go

# The script, with less patience.
hasty() { sed "s/interval := '60 s'/interval := '1 s'/; s/interval '10 s'/interval '0 s'/"; }

@test "a replica that goes while it is waited for, and does not come back: the script says so, and stops" {
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
  # a run that never saw it goes on without it
  fb-backfill --max-lag 1 --quiet
  run -0 diff right <(changed)
}

@test "a replica that is restarted while the run goes on is waited for until it is back" {
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

@test "who only receives WAL is no replica, nor a subscriber of logical replication" {
  sql "CREATE TABLE was.published (id integer); CREATE PUBLICATION p FOR TABLE was.published"
  sql "SELECT pg_create_logical_replication_slot('s', 'pgoutput')"
  here=$PGDATABASE there=${PGDATABASE}_subscriber
  sql "CREATE DATABASE $there"
  subscriber() { PGDATABASE=$there "$@"; }
  subscriber sql 'CREATE SCHEMA was; CREATE TABLE was.published (id integer)'
  subscriber sql "CREATE SUBSCRIPTION s CONNECTION 'host=$PGHOST port=$PGPORT user=$PGUSER dbname=$here'
    PUBLICATION p WITH (create_slot = false, slot_name = 's', copy_data = false)"
  mkdir received
  pg_receivewal -D received -d application_name=receives 2> /dev/null &
  receiver=$!
  there() { [ "$(sql "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND application_name IN ('s', 'receives')")" = 2 ]; }
  wait_until there
  # the subscriber cannot bring in what comes, as long as its table is locked
  PGDATABASE=$there hold 'LOCK TABLE was.published;'
  sql 'INSERT INTO was.published VALUES (1)'
  PGDATABASE=$there wait_until backends_waiting
  run -0 sql "SELECT pg_current_wal_flush_lsn() > replay_lsn FROM pg_stat_replication WHERE application_name = 's'"
  assert_output t
  run -0 timeout 60 fb-backfill --batch-size 50 --max-lag 1 --quiet
  run -0 diff right <(changed)
  kill $receiver
  wait $receiver || true
  release
  subscriber sql 'DROP SUBSCRIPTION s' 2> /dev/null
}

@test "a role that may not look at replicas is told so, before anything is done" {
  least_privilege
  run -2 --separate-stderr as_role fb-backfill --max-lag 1 --receipts r.tsv
  [[ $stderr == *'ERROR:  role feedback_backfill may not see how far behind replicas are, as --max-lag needs'*'HINT:  GRANT pg_read_all_stats TO feedback_backfill'*'fb-backfill: 0 of '* ]]
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

# ---- failures

# A trigger refuses the n-th answers that a run would set, for each n of a list.
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
  fb-apply --undo r.tsv | psql -Xq > /dev/null
  # two are not more than two
  run -3 apply --max-failures 1
  assert_equal "$(counts)" '18 2'
  fb-apply --undo r.tsv | psql -Xq > /dev/null
  run -0 apply --max-failures 5
  assert_equal "$(counts)" "$(($(grep -c answer right) - 5)) 5"
  allow
  assert_finishes
}

@test "--max-failures 0 stops after the first batch in which one fails, and is nothing where none does" {
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
  fb-apply --undo r.tsv | psql -Xq > /dev/null
  run -3 apply --max-failures 9%
  assert_line --regexp 'ERROR:  stopped: 10 of 100 records so far have failed, more than --max-failures 9%$'
  assert_equal "$(counts)" '90 10'
  fb-apply --undo r.tsv | psql -Xq > /dev/null
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
  [[ $stderr == *'their receipts are in r.tsv'*'to go on, run the same command again'* ]]
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
  # the other goes on
  sql "INSERT INTO was.refused VALUES ($(nth answer 3))"
  run -2 --separate-stderr fb-backfill --model answer --jobs 2 --batch-size 10 --max-failures 1 --receipts r.tsv
  [[ $stderr == *'stopped: 2 of 10 records so far have failed'* ]]
  half=$(( (answers + 1) / 2 ))
  assert_equal "$(counts)" "$((8 + answers - half - 1)) 3"
  assert_agree 0 r.tsv
  allow
  assert_finishes
}

@test "two scripts, one after the other in a session, count and wait for themselves" {
  make_plan --model answer --limit 20 > plan.tsv
  refuse 2,15
  { fb-apply --max-failures 2 --max-lag 1 plan.tsv; fb-apply --max-failures 2 --max-lag 1 plan.tsv; } | psql -Xq > r.tsv
  assert_equal "$(counts)" '18 4'
}
