# What the server can do to a run. The file has a server of its own, since its tests stop and restart it.
load helper
load faults

# Of what bats has open a server must have nothing: bats waits for the end of it.
close_descriptors() {
  local fd
  for fd in /proc/"$BASHPID"/fd/*; do
    (( ${fd##*/} <= 2 )) || eval "exec ${fd##*/}>&-"
  done
}

setup_file() {
  cd "$BATS_FILE_TMPDIR"
  mkfifo stop
  # shellcheck disable=SC2016  # for the inner bash
  (
    close_descriptors
    for name in $(compgen -e PG); do unset "$name"; done
    exec pg_virtualenv -t bash -c 'export -p | sed -n "s/^declare -x PG/export PG/p" > starting; mv starting server; read -r _ < stop'
  ) > log 2>&1 &
  echo $! > pid
  for _ in {1..600}; do [ ! -e server ] || break; sleep 0.1; done
}

teardown() { server status || server start; }

teardown_file() {
  cd "$BATS_FILE_TMPDIR"
  echo > stop
  tail --pid="$(cat pid)" -f /dev/null
}

setup() {
  # shellcheck disable=SC1091
  . "$BATS_FILE_TMPDIR/server"
  cd "$BATS_TEST_TMPDIR"
  example_database
  remember
}

server() { (close_descriptors; pg_ctlcluster "$PGVERSION" regress "$@" > /dev/null); }

# ---- it goes away

@test "the server stops while a batch waits: nothing of that batch is done, exit 2, and a second run finishes" {
  jobs=1
  for how in immediate fast; do
    rm -f r.tsv*
    hold "SELECT 1 FROM feedback_answer WHERE id IN ($(nth answer 45), $(nth answer 110)) FOR UPDATE;"
    fb-backfill --model answer --batch-size 10 --jobs $jobs --lock-timeout 0 --receipts r.tsv --quiet 2> err &
    pid=$!
    wait_until backends_waiting $jobs
    server stop -m $how
    status=0; wait "$pid" || status=$?
    release || true
    server start
    assert_equal $status 2
    assert_agree 0 r.tsv
    run -0 cat err
    assert_line --partial "fb-backfill: $(grep -c . said) of $(grep -c answer right) records are committed"
    [ "$(grep -c . said)" -ge 40 ]
    fb-backfill --undo r.tsv --quiet
    jobs=2
  done
  assert_finishes
}

@test "the server stops at any moment: at most one batch has no receipts" {
  for tenths in 2 5; do
    fb-backfill --batch-size 10 --pause 20 --receipts r.$tenths --quiet 2> err &
    pid=$!
    sleep 0.$tenths
    server stop -m immediate
    status=0; wait "$pid" || status=$?
    server start
    [ $status = 0 ] || assert_equal $status 2
    [ $status = 0 ] || grep -q 'are committed\|nothing was changed' err
    # those of the runs before were held against the database already
    assert_agree $((10 * tenths)) r.?
  done
  assert_finishes
}

@test "the server stops under the pipeline by hand: psql says so, and a second run finishes" {
  make_plan > plan.tsv
  hold "SELECT 1 FROM feedback_answer WHERE id = $(nth answer 45) FOR UPDATE;"
  fb-apply --batch-size 10 --lock-timeout 0 plan.tsv | { psql -Xq > r.tsv 2> err || echo $? > status; } &
  wait_until backends_waiting
  server stop -m immediate
  wait "$!"
  release || true
  server start
  run -0 cat status
  assert_output 2
  run -0 cat err
  assert_output --partial 'server closed the connection unexpectedly'
  assert_agree 0 r.tsv
  assert_equal "$(grep -c . said)" 40
  assert_finishes
}

@test "a backend is terminated, or its query cancelled, in the middle of a batch" {
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
    fb-backfill --undo r.tsv --quiet
  done
  assert_finishes
}

# ---- other sessions

@test "a deadlock: the run gives way, and the row of the deadlock is the most that it costs" {
  sql "ALTER DATABASE $PGDATABASE SET deadlock_timeout = '50ms'"
  low=$(nth answer 3) middle=$(nth answer 15) high=$(nth answer 30)
  # Who begins to wait last finds the deadlock. So the batch is stopped in the middle, until the other waits for it.
  mkfifo stopper
  psql -Xq < stopper > stopped &
  exec 5> stopper
  echo "BEGIN; SELECT 1 FROM feedback_answer WHERE id = $middle FOR UPDATE;" >&5
  wait_until has_lines stopped 1
  hold "UPDATE feedback_answer SET comment = 'high' WHERE id = $high;"
  fb-backfill --model answer --lock-timeout 20000 --receipts r.tsv --quiet 2> err &
  pid=$!
  wait_until backends_waiting
  printf '%s\n' "SET deadlock_timeout = '1min'; UPDATE feedback_answer SET comment = 'low' WHERE id = $low;" 'COMMIT;' '\echo committed' >&4
  wait_until backends_waiting 2
  echo '\q' >&5
  wait_until grep -q committed hold.out
  status=0; wait "$pid" || status=$?
  release
  # redone record by record, the batch may meet the same lock again, while it has the other's
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

@test "two backfills at once over the same rows: each row is set once, and nobody fails" {
  sql "CREATE TABLE seen (model text, id bigint);
       CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO seen VALUES (TG_TABLE_NAME, OLD.id); RETURN NULL; END';
       CREATE TRIGGER see AFTER UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION see();
       CREATE TRIGGER see AFTER UPDATE ON feedback_review FOR EACH ROW EXECUTE FUNCTION see()"
  make_plan > plan.tsv
  # both wait for the first row, and go on together
  hold "SELECT 1 FROM feedback_answer WHERE id = $(nth answer 1) FOR UPDATE;"
  fb-backfill --apply plan.tsv --lock-timeout 20000 --batch-size 7 --jobs 2 --receipts one.tsv --quiet &
  one=$!
  fb-backfill --apply plan.tsv --lock-timeout 20000 --batch-size 5 --receipts two.tsv --quiet &
  two=$!
  wait_until backends_waiting 2
  release
  wait $one
  wait $two
  assert_agree 0 one.tsv two.tsv
  run -0 diff right changed
  run -0 sql 'SELECT count(*), count(DISTINCT (model, id)) FROM seen'
  assert_output "$(grep -c . right)|$(grep -c . right)"
  assert_equal "$(cat one.tsv two.tsv | grep -c 'already-set$')" "$(grep -c . right)"
}

@test "a syllabus deleted between plan and apply costs its own rows alone" {
  make_plan > plan.tsv
  read -r victim other <<< "$(sql 'SELECT v.syllabus_id, (SELECT min(id) FROM admissions_syllabus AS s WHERE s.id <> v.syllabus_id)
    FROM feedback_answer AS t JOIN admissions_cohort AS c ON c.id = t.cohort_id JOIN admissions_syllabusversion AS v ON v.id = c.syllabus_version_id
    WHERE t.syllabus_id IS NULL AND NOT EXISTS (SELECT FROM feedback_answer AS u WHERE u.syllabus_id = v.syllabus_id)
    AND NOT EXISTS (SELECT FROM feedback_review AS u WHERE u.syllabus_id = v.syllabus_id) LIMIT 1' | tr '|' ' ')"
  [ "$victim" ]
  delete="UPDATE admissions_syllabusversion SET syllabus_id = $other WHERE syllabus_id = $victim;
    UPDATE admissions_syllabus SET forked_from_id = NULL WHERE forked_from_id = $victim; DELETE FROM admissions_syllabus WHERE id = $victim;"
  # while the batch waits: it holds the foreign key's lock on the syllabus too late
  hold "$delete"
  fb-backfill --apply plan.tsv --receipts r.tsv --quiet --lock-timeout 20000 2> err &
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
  # and now they get what their cohort leads to since
  awk -F '\t' -v OFS='\t' -v victim="$victim" -v other="$other" '$3 == victim { $3 = other } 1' right | sort > r && mv r right
  assert_finishes
}

# ---- it has no room

@test "a disk that is full stops the run: what is committed is in the receipts, and a second run finishes" {
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

# On a machine that does not let us mount a small disk, the test before has to do.
@test "a small disk, really full" {
  mkdir disk
  if mount -t tmpfs -o size=2m tmpfs disk 2> mount.err; then
    chown "$(stat -c %U "$(sql 'SHOW data_directory')")" disk
    chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/* "$BATS_TEST_TMPDIR"
    sql "CREATE TABLESPACE small LOCATION '$PWD/disk'"
    sql 'ALTER TABLE feedback_answer SET TABLESPACE small'
    # rows get larger by each UPDATE, and the ballast leaves them little room
    sql 'CREATE TABLE ballast (t text) TABLESPACE small'
    while sql "INSERT INTO ballast VALUES (repeat('x', 1000))" 2> ballast.err; do :; done
    grep -q 'No space left on device' ballast.err
    sql 'DELETE FROM ballast WHERE ctid IN (SELECT ctid FROM ballast LIMIT 1)'
    run fb-backfill --batch-size 10 --receipts r.tsv
    status_full=$status message=$output
    assert_agree 0 r.tsv
    sql 'DROP TABLE ballast'
    assert_finishes
    sql 'ALTER TABLE feedback_answer SET TABLESPACE pg_default'
    sql 'DROP TABLESPACE small'
    umount disk
    assert_equal "$status_full" 2
    [[ $message == *'No space left on device'* ]]
  else
    [ -s mount.err ]
  fi
}
