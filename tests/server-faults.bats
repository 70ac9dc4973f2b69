# Faults of the server during a run.
# bats file_tags=server
load helper
load aftermath
load servers

setup() {
  cd "$BATS_TEST_TMPDIR"
  pooler=''  # pgbouncer's pid
}

teardown() {
  [ "${BATS_TEST_COMPLETED-}" ] || end_what_runs
  [ -z "$pooler" ] || end_pooler
  ! mountpoint -q disk || umount -l disk
}

teardown_file() { end_server own; }

database() {
  example_database
  remember
}

# Tests that stop the server have their own; the first of them starts it.
own_server() {
  [ -e "$(host_of own)" ] || begin_server own
  is_running own || server own start
  PGHOST=$(host_of own)
  database
}

# ---- sessions end, wait and deadlock

@test "a backend is terminated, or its query cancelled, in the middle of a batch" {
  database
  for function in pg_terminate_backend pg_cancel_backend; do
    hold "SELECT 1 FROM feedback_answer WHERE id = $(nth answer 45) FOR UPDATE;"
    fb-backfill --model answer --batch-size 10 --lock-timeout 0 --receipts r.tsv --quiet 2> err &
    pid=$!
    wait_until backends_waiting
    sql "SELECT $function(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = '$PGDATABASE'"
    status=0; wait "$pid" || status=$?
    release
    assert_equal $status 2
    run -0 cat err
    assert_line --regexp 'terminating connection due to administrator command|canceling statement due to user request'
    assert_line --partial 'fb-backfill: 40 of '
    assert_agree 0 r.tsv
    take_back
  done
  assert_finishes
}

@test "a session is terminated at any time: what is committed is reported, and a second run continues" {
  database
  fb-backfill --batch-size 50 --pause 500 --receipts r.tsv --quiet 2> err &
  pid=$!
  wait_until has_lines r.tsv 51
  sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '$PGDATABASE' AND pid <> pg_backend_pid()"
  status=0; wait "$pid" || status=$?
  assert_equal $status 2
  run -0 cat err
  assert_line --partial 'terminating connection due to administrator command'
  assert_line --partial "fb-backfill: $(grep -c ^updated r.tsv) of "
  assert_agree 0 r.tsv
  assert_finishes
}

@test "a deadlock: the run gives way, and at most the deadlocked row fails" {
  database
  sql "ALTER DATABASE $PGDATABASE SET deadlock_timeout = '50ms'"
  low=$(nth answer 3) middle=$(nth answer 15) high=$(nth answer 30)
  # The session that begins to wait last detects the deadlock. So the batch is stopped until the other session waits for it.
  mkfifo stopper
  psql -Xq < stopper > stopped &
  exec 5> stopper
  echo "BEGIN; SELECT 1 FROM feedback_answer WHERE id = $middle FOR UPDATE;" >&5
  wait_until has_lines stopped 1
  hold "UPDATE feedback_answer SET comment = 'high' WHERE id = $high;"
  fb-backfill --model answer --lock-timeout 0 --receipts r.tsv --quiet 2> err &
  pid=$!
  wait_until backends_waiting
  printf '%s\n' "SET deadlock_timeout = '1min'; UPDATE feedback_answer SET comment = 'low' WHERE id = $low;" 'COMMIT;' '\echo committed' >&4
  wait_until backends_waiting 2
  echo '\q' >&5
  wait_until grep -q committed hold.out
  status=0; wait "$pid" || status=$?
  release
  # tried again record by record, the batch may meet the same lock again, while it holds the other's
  assert_equal "$(grep ^failed r.tsv | cut -f 3,8)" "$([ $status = 0 ] || printf '%s\t40P01 deadlock detected' "$high")"
  deadlocked() { sql "SELECT deadlocks FROM pg_stat_database WHERE datname = '$PGDATABASE'" | grep -qv '^0'; }
  wait_until deadlocked
  run -0 sql "SELECT id, comment FROM feedback_answer WHERE comment IN ('low', 'high') ORDER BY id"
  assert_output "$(lines "$low|low" "$high|high")"
  sql "UPDATE was.answer SET comment = CASE id WHEN $low THEN 'low' ELSE 'high' END WHERE id IN ($low, $high)"
  assert_agree 0 r.tsv
  assert_equal "$(grep -c answer said)" "$(($(grep -c answer right) - $(grep -c ^failed r.tsv || true)))"
  assert_finishes
}

@test "a syllabus deleted between plan and apply fails only its own rows" {
  database
  make_plan > plan.tsv
  read -r victim other <<< "$(sql 'SELECT v.syllabus_id, (SELECT min(id) FROM admissions_syllabus AS s WHERE s.id <> v.syllabus_id)
    FROM feedback_answer AS t JOIN admissions_cohort AS c ON c.id = t.cohort_id JOIN admissions_syllabusversion AS v ON v.id = c.syllabus_version_id
    WHERE t.syllabus_id IS NULL AND NOT EXISTS (SELECT FROM feedback_answer AS u WHERE u.syllabus_id = v.syllabus_id)
    AND NOT EXISTS (SELECT FROM feedback_review AS u WHERE u.syllabus_id = v.syllabus_id) LIMIT 1' | tr '|' ' ')"
  [ "$victim" ]
  delete="UPDATE admissions_syllabusversion SET syllabus_id = $other WHERE syllabus_id = $victim;
    UPDATE admissions_syllabus SET forked_from_id = NULL WHERE forked_from_id = $victim; DELETE FROM admissions_syllabus WHERE id = $victim;"
  # while the batch waits, before it has the foreign key's lock on the syllabus
  hold "$delete"
  fb-backfill --apply plan.tsv --receipts r.tsv --quiet --lock-timeout 0 2> err &
  pid=$!
  wait_until backends_waiting
  echo 'COMMIT;' >&4
  release
  status=0; wait $pid || status=$?
  assert_equal $status 1
  lost=$(cut -f 5 plan.tsv | grep -cx "$victim")
  assert_equal "$(grep ^failed r.tsv | grep -c 23503)" "$lost"
  assert_equal "$(grep -c ^failed r.tsv)" "$lost"
  grep -q "23503 .* violates foreign key constraint" err
  assert_agree 0 r.tsv
  assert_equal "$(grep -c . said)" "$(($(grep -c . right) - lost))"
  # now they get the syllabus that their cohort leads to since then
  awk -F '\t' -v OFS='\t' -v victim="$victim" -v other="$other" '$3 == victim { $3 = other } 1' right | sort > r && mv r right
  assert_finishes
}

# ---- no space on its disk

@test "a full disk stops the run: what is committed is in the receipts, and a second run finishes" {
  database
  sql "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS \$\$
         BEGIN IF OLD.id = $(nth answer 45) THEN RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END IF; RETURN NEW; END \$\$;
       CREATE TRIGGER full_disk BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION full_disk()"
  run -2 --separate-stderr fb-backfill --batch-size 10 --receipts r.tsv
  [[ $stderr == *'No space left on device'*'fb-backfill: 40 of '* ]]
  assert_agree 0 r.tsv
  assert_equal "$(grep -c . said)" 40
  sql 'DROP TRIGGER full_disk ON feedback_answer'
  assert_finishes
}

# ---- hostile settings

@test "statement_timeout ends neither a batch nor its receipts" {
  database
  sql "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1.2); RETURN NEW; END';
       CREATE TRIGGER slow BEFORE UPDATE ON feedback_answer FOR EACH ROW WHEN (OLD.id = $(nth answer 3)) EXECUTE FUNCTION slow()"
  make_plan > plan.tsv
  # the receipts are also slow
  fb-apply --batch-size 200 plan.tsv | sed 's/COPY pg_temp.fb_batch (\(status, .*\))/COPY (SELECT \1 FROM pg_sleep(1.2), pg_temp.fb_batch)/' > script.sql
  grep -q pg_sleep script.sql
  PGOPTIONS='-c statement_timeout=1000' psql -Xq < script.sql > r.tsv
  assert_agree 0 r.tsv
  run -0 diff right changed
}

@test "statement_timeout ends neither the reading of rows nor that of cohorts" {
  database
  hold 'LOCK feedback_review, admissions_cohort;'
  for program in fb-extract fb-resolve; do
    $program --sql | PGOPTIONS='-c statement_timeout=300' psql -Xq > $program.tsv & pids+=($!)
  done
  wait_until backends_waiting 2
  sleep 0.6
  release
  for pid in "${pids[@]}"; do wait "$pid"; done
  assert_equal "$(wc -l < fb-extract.tsv)" "$(wc -l < <(fb-extract --sql | psql -Xq))"
  assert_equal "$(wc -l < fb-resolve.tsv)" "$(wc -l < <(fb-resolve --sql | psql -Xq))"
}

@test "idle_session_timeout does not end a session that pauses between batches" {
  database
  [ "$(sql 'SHOW server_version_num')" -ge 140000 ] || skip 'there is none before PostgreSQL 14'
  PGOPTIONS='-c idle_session_timeout=1000' run -0 --separate-stderr fb-backfill --model review --batch-size 40 --pause 1200 --receipts r.tsv
  assert_agree 0 r.tsv
  assert_equal "$(grep -c . said)" "$(grep -c review right)"
}

@test "a search_path without the tables stops it: nothing is done" {
  database
  PGOPTIONS="-c search_path=''" run -2 --separate-stderr fb-backfill
  [[ $stderr == *'relation "admissions_cohort" does not exist'*'nothing was changed'* ]]
  make_plan > plan.tsv
  PGOPTIONS='-c search_path=pg_temp' run -2 --separate-stderr fb-backfill --apply plan.tsv --receipts r.tsv
  [[ $stderr == *'relation "admissions_cohort" does not exist'*'nothing was changed'* ]]
  assert_agree 0 r.tsv
}

@test "temporary tables that another version left in the session do no harm" {
  database
  make_plan > plan.tsv
  { echo "SET client_min_messages = warning; CREATE TEMPORARY TABLE fb_batch (a integer); CREATE TEMPORARY TABLE fb_outcome (a integer);
          CREATE TEMPORARY VIEW fb_receipts AS SELECT a AS n FROM fb_batch;"
    fb-apply --batch-size 40 plan.tsv; } | psql -Xq > r.tsv
  assert_agree 0 r.tsv
  run -0 diff right changed
}

@test "psql without -X, and a psqlrc with unusual settings" {
  database
  make_plan > plan.tsv
  cat > psqlrc << 'RC'
\set QUIET on
\timing on
\x on
\a
\t on
\pset format html
\pset null NULL
\pset fieldsep ,
\pset footer off
\o elsewhere
\set AUTOCOMMIT off
\set ON_ERROR_ROLLBACK on
\set ON_ERROR_STOP off
\set FETCH_COUNT 1
\set SHOW_ALL_RESULTS off
\set VERBOSITY verbose
\set SHOW_CONTEXT always
\set HISTFILE histfile
\set begin_batch 'DELETE FROM feedback_review;'
\set commit_and_print_receipts 'ROLLBACK;'
\set x ''
RC
  fb-apply --batch-size 40 plan.tsv > script.sql
  PSQLRC=$PWD/psqlrc psql < script.sql > r.tsv
  run -0 head -n 1 r.tsv
  assert_output "$(printf 'status\t%s\tdetail' "$(head -n 1 plan.tsv)")"
  assert_agree 0 r.tsv
  run -0 diff right changed
}

# ---- pgbouncer in transaction mode

pooler() { # SIZE
  requires pgbouncer
  cat > pgbouncer.ini << INI
[databases]
* = host=$PGHOST port=$PGPORT user=$PGUSER
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = $PWD
auth_type = any
pool_mode = transaction
default_pool_size = $1
server_round_robin = 1
ignore_startup_parameters = extra_float_digits
INI
  chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test "$BATS_TEST_TMPDIR"
  chmod a+rwx .
  local user=()
  [ "$(id -u)" != 0 ] || user=(-u "$(server_user)")
  PATH=$PATH:/usr/sbin
  (close_descriptors; exec pgbouncer -q "${user[@]}" pgbouncer.ini) > pgbouncer.log 2>&1 &
  pooler=$!
  wait_until pooled psql -Xqc ''
}
pooled() { PGHOST=$PWD PGPORT=6432 "$@"; }
end_pooler() { kill "$pooler"; wait "$pooler" || true; pooler=''; }

@test "through pgbouncer with one connection everything works, repeatedly and from two clients at once" {
  database
  pooler 1
  pooled fb-backfill --batch-size 20 --jobs 2 --receipts r.tsv --quiet
  assert_agree 0 r.tsv
  run -0 diff right changed
  pooled fb-backfill --undo r.tsv --batch-size 30 --quiet
  run -0 changed
  assert_output ''
  pooled fb-backfill --batch-size 10 --model answer --receipts a.tsv --quiet &
  one=$!
  pooled fb-backfill --batch-size 10 --model review --receipts b.tsv --quiet &
  two=$!
  wait $one
  wait $two
  assert_agree 0 a.tsv b.tsv
  run -0 diff right changed
  run -0 pooled fb-backfill --check
  end_pooler
}

@test "through pgbouncer with several connections, a script stops when it gets another session, and no batch is partly applied" {
  database
  make_plan > plan.tsv
  fb-apply --batch-size 5 plan.tsv > script.sql
  first=$(grep -n '^:commit_and_print_receipts' script.sql | sed -n 1p | cut -d : -f 1)
  pooler 2
  mkfifo script
  pooled psql -Xq < script > r.tsv 2> err &
  pid=$!
  exec 5> script
  head -n "$first" script.sql >&5
  wait_until has_lines r.tsv 6
  # another client gets the only connection, and the next batch gets a new one
  pooled hold 'SELECT 1;'
  tail -n "+$((first + 1))" script.sql >&5 || true
  exec 5>&-
  status=0; wait "$pid" || status=$?
  assert_equal $status 3
  run -0 cat err
  assert_output --partial 'not the session in which this script began'
  assert_agree 0 r.tsv
  assert_equal "$(grep -c . said)" 5
  release
  # the tables that it left in a pooled connection do no harm
  pooled fb-backfill --batch-size 100 --quiet || [ $? = 2 ]
  end_pooler
  assert_finishes
}

# ---- the server stops
# bats file_tags=server,slow

@test "the server stops while a batch waits: nothing in that batch is applied, exit 2, and a second run finishes" {
  own_server
  jobs=1
  for how in immediate fast; do
    rm -f r.tsv*
    hold "SELECT 1 FROM feedback_answer WHERE id IN ($(nth answer 45), $(nth answer 110)) FOR UPDATE;"
    fb-backfill --model answer --batch-size 10 --jobs $jobs --lock-timeout 0 --receipts r.tsv --quiet 2> err &
    pid=$!
    wait_until backends_waiting $jobs
    server own stop -m $how
    status=0; wait "$pid" || status=$?
    release || true
    server own start
    assert_equal $status 2
    assert_agree 0 r.tsv
    run -0 cat err
    assert_line --partial "fb-backfill: $(grep -c . said) of $(grep -c answer right) records are committed"
    [ "$(grep -c . said)" -ge 40 ]
    take_back
    jobs=2
  done
  assert_finishes
}

@test "the server stops at any moment: at most one batch has no receipts" {
  own_server
  runs=0
  for lines in 2 101; do
    fb-backfill --batch-size 10 --pause 20 --receipts r.$lines --quiet 2> err &
    pid=$!
    wait_until has_lines r.$lines $lines
    server own stop -m immediate
    status=0; wait "$pid" || status=$?
    server own start
    [ $status = 0 ] || assert_equal $status 2
    [ $status = 0 ] || grep -q 'are committed' err
    # those of the previous run were already compared with the database
    assert_agree $((10 * ++runs)) r.*
  done
  assert_finishes
}

@test "the server stops under the pipeline by hand: psql says so, and a second run finishes" {
  own_server
  make_plan > plan.tsv
  hold "SELECT 1 FROM feedback_answer WHERE id = $(nth answer 45) FOR UPDATE;"
  fb-apply --batch-size 10 --lock-timeout 0 plan.tsv | { psql -Xq > r.tsv 2> err || echo $? > status; } &
  wait_until backends_waiting
  server own stop -m immediate
  wait "$!"
  release || true
  server own start
  run -0 cat status
  assert_output 2
  run -0 cat err
  assert_output --partial 'connection to server was lost'
  assert_agree 0 r.tsv
  assert_equal "$(grep -c . said)" 40
  assert_finishes
}

# ---- no space on its disk

@test "a small disk, really full" {
  mkdir disk
  mount -t tmpfs -o size=2m tmpfs disk 2> mount.err || skip "a small disk cannot be mounted here: $(< mount.err)"
  database
  small=${PGDATABASE}_disk
  chown "$(stat -c %U "$(sql 'SHOW data_directory')")" disk
  chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/* "$BATS_TEST_TMPDIR"
  sql "CREATE TABLESPACE $small LOCATION '$PWD/disk'"
  sql "ALTER TABLE feedback_answer SET TABLESPACE $small"
  # each UPDATE makes rows larger, and the ballast leaves them little space
  sql "CREATE TABLE ballast (t text) TABLESPACE $small"
  sql "DO \$\$ BEGIN LOOP INSERT INTO ballast VALUES (repeat('x', 1000)); COMMIT; END LOOP; END \$\$" 2> ballast.err || true
  grep -q 'No space left on device' ballast.err
  sql 'DELETE FROM ballast WHERE ctid IN (SELECT ctid FROM ballast LIMIT 1)'
  run fb-backfill --batch-size 10 --receipts r.tsv
  status_full=$status message=$output
  assert_agree 0 r.tsv
  sql 'DROP TABLE ballast'
  assert_finishes
  sql 'ALTER TABLE feedback_answer SET TABLESPACE pg_default'
  sql "DROP TABLESPACE $small"
  umount -l disk
  assert_equal "$status_full" 2
  [[ $message == *'No space left on device'* ]]
}

# Unusual values for everything that can be set for a session, even by a superuser. statement_timeout has its own test, and
# so has idle_session_timeout, since it ends the session between batches.
hostile_settings() {
  cat << 'SETTINGS'
lock_timeout=1
idle_in_transaction_session_timeout=1
deadlock_timeout=1
default_transaction_isolation=serializable
default_transaction_deferrable=on
client_encoding=LATIN1
DateStyle=SQL,DMY
IntervalStyle=sql_standard
TimeZone=Asia/Kolkata
search_path=pg_catalog,public,pg_temp
standard_conforming_strings=off
backslash_quote=off
escape_string_warning=on
quote_all_identifiers=on
transform_null_equals=on
array_nulls=off
row_security=off
synchronous_commit=off
client_min_messages=debug1
check_function_bodies=off
plpgsql.variable_conflict=error
plpgsql.extra_warnings=all
plpgsql.extra_errors=all
lc_messages=C
extra_float_digits=-15
bytea_output=escape
jit=off
enable_nestloop=off
enable_indexscan=off
enable_bitmapscan=off
enable_seqscan=off
work_mem=64kB
temp_buffers=800kB
SETTINGS
}

# A run and its undo.
there_and_back() {
  run -0 --separate-stderr fb-backfill --jobs 2 --batch-size 40 --receipts r.tsv || { echo "$stderr"; false; }
  assert_output "$(< report)"
  assert_agree 0 r.tsv
  run -0 diff right changed
  run -0 fb-backfill --check
  run -0 fb-backfill --undo r.tsv --quiet
  run -0 changed
  assert_output ''
  rm r.tsv
  make_plan > plan.tsv
  fb-apply --batch-size 40 plan.tsv | psql -Xq > r.tsv
  assert_agree 0 r.tsv
  run -0 diff right changed
  fb-apply --undo r.tsv | psql -Xq > u.tsv
  run -0 grep -c ^reverted u.tsv
  assert_output "$(grep -c . right)"
  run -0 changed
  assert_output ''
  rm r.tsv
}

@test "hostile settings in PGOPTIONS or the database have no effect" {
  database
  sql "UPDATE admissions_cohort SET slug = 'señor-' || id || E'-\\\\-\\t-学-''-\\\\.' WHERE id % 3 = 0"
  fb-backfill --dry-run | sed 's/\[DRY RUN\]/✓/; s/Would update/Updated/; s/DRY RUN: Updated/✓ Successfully updated/; /DRY RUN MODE/d' > report
  hostile=$(hostile_settings | sed 's/^/-c /' | tr '\n' ' ')
  # the tests' own queries run with normal settings
  fb-backfill() { PGOPTIONS=$hostile PGCLIENTENCODING=LATIN1 command fb-backfill "$@"; }
  psql() { case $* in -Xq) PGOPTIONS=$hostile PGCLIENTENCODING=LATIN1 command psql "$@" ;; *) command psql "$@" ;; esac; }
  there_and_back
  hostile_settings | sed "/,/!s/=\(.*\)/='\1'/; s/^/ALTER DATABASE $PGDATABASE SET /; s/\$/;/" | command psql -Xqd postgres -v ON_ERROR_STOP=1
  export PGOPTIONS='-c client_min_messages=warning -c statement_timeout=0 -c lock_timeout=0 -c default_transaction_read_only=off
    -c idle_in_transaction_session_timeout=0 -c standard_conforming_strings=on -c client_encoding=UTF8'
  fb-backfill() { env -u PGOPTIONS fb-backfill "$@"; }
  psql() { case $* in -Xq) env -u PGOPTIONS psql "$@" ;; *) command psql "$@" ;; esac; }
  there_and_back
}

# ---- pgpool between us and the server

@test "through pgpool all works, over two connections, and back" {
  requires pgpool
  database
  before=$(state)
  cat > pgpool.conf << CONF
listen_addresses = ''
socket_dir = '$PWD'
pcp_socket_dir = '$PWD'
pid_file_name = '$PWD/pgpool.pid'
logdir = '$PWD'
num_init_children = 4
backend_clustering_mode = 'raw'
backend_hostname0 = '$PGHOST'
backend_port0 = $PGPORT
CONF
  touch pcp.conf pool_hba.conf pool_passwd
  PATH=$PATH:/usr/sbin
  (close_descriptors; exec pgpool -n -f pgpool.conf -F pcp.conf -a pool_hba.conf) > pgpool.log 2>&1 &
  pooler=$!
  pgpooled() { PGHOST=$PWD PGPORT=9999 "$@"; }
  wait_until pgpooled psql -Xqc ''
  pgpooled fb-backfill --batch-size 20 --jobs 2 --receipts r.tsv --quiet
  assert_agree 0 r.tsv
  run -0 diff right changed
  pgpooled fb-backfill --undo r.tsv --batch-size 30 --quiet
  assert_equal "$(state)" "$before"
  end_pooler
}

# ---- pgbouncer with several connections

@test "two runs at once through pgbouncer with two connections: each batch is complete and has its own receipts" {
  database
  pooler 2
  pooled fb-backfill --batch-size 5 --model answer --receipts a.tsv --quiet 2> a.err &
  one=$!
  pooled fb-backfill --batch-size 5 --model review --receipts b.tsv --quiet 2> b.err &
  two=$!
  wait $one || grep -q 'are committed\|nothing was changed' a.err
  wait $two || grep -q 'are committed\|nothing was changed' b.err
  assert_agree 0 a.tsv b.tsv
  run -0 cut -f 2 a.tsv
  refute_line review
  run -0 cut -f 2 b.tsv
  refute_line answer
  end_pooler
  assert_finishes
}
