# Tables distributed by PostgreSQL itself: partitioned, with a partition on another server (postgres_fdw).
# See fb(7), "Other servers". Answers from 300 on are on the server `far`, which is another database of the
# same PostgreSQL: postgres_fdw connects to it as to any other.
# bats file_tags=server
load helper

# Moves the rows from this id on to a table of the same name on a server, with all its constraints.
move_rows() { # TABLE ID SERVER
  local there=${PGDATABASE}_$3
  copy_database example "$there"
  PGDATABASE=$there sql "DELETE FROM $1 WHERE id < $2"
  sql "DELETE FROM $1 WHERE id >= $2;
       ALTER TABLE $1 RENAME TO $1_here;
       ALTER TABLE $1_here ALTER id DROP IDENTITY IF EXISTS;  -- from version 17 on a partition may have none of its own
       CREATE TABLE $1 (LIKE $1_here) PARTITION BY RANGE (id);
       ALTER TABLE $1 ATTACH PARTITION $1_here FOR VALUES FROM (MINVALUE) TO ($2);
       SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS postgres_fdw;
       CREATE SERVER $3 FOREIGN DATA WRAPPER postgres_fdw
         OPTIONS (host '$PGHOST', port '$PGPORT', dbname '$there');
       CREATE USER MAPPING FOR CURRENT_USER SERVER $3 OPTIONS (user '$PGUSER');
       CREATE FOREIGN TABLE $1_$3 PARTITION OF $1 FOR VALUES FROM ($2) TO (MAXVALUE) SERVER $3 OPTIONS (table_name '$1')"
}

setup() {
  cd "$BATS_TEST_TMPDIR"
  example_database
  oracle_state > expected
  move_rows feedback_answer 300 far
}
keep_plan() { fb-backfill --dry-run --quiet --plan plan.tsv; }

far() { PGDATABASE=${PGDATABASE}_far "$@"; }

# Makes its foreign key immediate.
check_at_once() { sql "ALTER TABLE feedback_answer ALTER CONSTRAINT feedback_answer_syllabus_id_57eff953_fk_admissions_syllabus_id DEFERRABLE INITIALLY IMMEDIATE"; }

# A plan in which one remote answer gets a syllabus that does not exist there.
dangling_plan() { keep_plan; awk -F '\t' -v OFS='\t' '$1 == "answer" && $2 == 354 { $5 = 999999 } 1' plan.tsv; }

# It is in the plan, and exists locally; the remote server's foreign key refuses it at COMMIT.
syllabus_only_here() {
  sql "INSERT INTO admissions_syllabus (id, slug, name, created_at, updated_at, private, is_documentation)
       SELECT 999999, '$(awk -F '\t' '$5 == 999999 { print $6 }' bad.tsv)', 'Only here', now(), now(), false, false
       WHERE NOT EXISTS (SELECT FROM admissions_syllabus WHERE id = 999999)"
}

counts() { awk -F '\t' 'NR > 1 { n[$1]++ } END { for (status in n) print status, n[status] }' "$1" | sort; } # RECEIPTS

@test "a run leaves what the plain UPDATE leaves, its receipts say so, and an undo takes it back" {
  before=$(state)
  run -0 fb-backfill --receipts r.tsv --batch-size 40 --jobs 2 --quiet
  run -0 diff expected <(state)
  run -0 fb-backfill --check
  assert_equal "$(counts r.tsv)" 'updated 254'
  fb-backfill --undo r.tsv --quiet
  assert_equal "$(state)" "$before"
}

@test "compare-and-set: remote rows that are set, moved, gone or listed twice are skipped, with the reason" {
  keep_plan
  far sql 'UPDATE feedback_answer SET syllabus_id = 22 WHERE id = 354; UPDATE feedback_answer SET cohort_id = 3 WHERE id = 355;
           DELETE FROM feedback_answer WHERE id = 357'
  awk -F '\t' '{ print } $1 == "answer" && $2 == 358' plan.tsv > twice.tsv
  run -0 fb-backfill --apply twice.tsv --receipts r.tsv --quiet
  assert_equal "$(grep ^skipped r.tsv | cut -f 3,8)" "$(lines '354\talready-set' '355\tcohort-changed' '357\tgone' '358\tduplicate')"
  assert_equal "$(counts r.tsv)" "$(lines 'skipped 4' 'updated 251')"
  # and the undo does not change what was edited since
  far sql 'UPDATE feedback_answer SET syllabus_id = 22 WHERE id = 359'
  run -0 fb-backfill --undo r.tsv --receipts undone.tsv --quiet
  assert_equal "$(grep ^skipped undone.tsv | cut -f 3,8)" "$(lines '359\tsyllabus-changed')"
  assert_equal "$(far sql 'SELECT id, syllabus_id FROM feedback_answer WHERE id IN (354, 359)')" "$(lines '354|22' '359|22')"
}

# bats file_tags=server,slow

@test "remote triggers that refuse, lose or change a row fail that row alone" {
  far sql "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
             IF NEW.id = 354 THEN RAISE EXCEPTION ''record is frozen''; END IF;
             IF NEW.id = 355 THEN RETURN NULL; END IF;
             IF NEW.id = 357 THEN NEW.syllabus_id = 1; END IF;
             RETURN NEW; END';
           CREATE TRIGGER meddle BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION meddle()"
  run -1 fb-backfill --receipts r.tsv --quiet
  assert_equal "$(grep ^failed r.tsv | cut -f 3,8)" "$(lines '354\tP0001 record is frozen' \
    '355\tP0001 the row matched but was not updated (a trigger or row-level security?)' \
    '357\tP0001 a trigger set another syllabus_id')"
  assert_equal "$(counts r.tsv)" "$(lines 'failed 3' 'updated 251')"
}

@test "a missing syllabus fails alone if its remote constraint is immediate" {
  far check_at_once
  dangling_plan > bad.tsv
  run -1 fb-backfill --apply bad.tsv --receipts r.tsv --quiet
  assert_equal "$(grep ^failed r.tsv | cut -f 3,8 | cut -c 1-9)" "$(lines '354\t23503')"
  assert_equal "$(counts r.tsv)" "$(lines 'failed 1' 'updated 253')"
}

@test "a missing syllabus whose remote constraint is deferred: the whole batch is refused, and the run stops" {
  dangling_plan > bad.tsv
  syllabus_only_here
  run -2 fb-backfill --apply bad.tsv --receipts r.tsv --batch-size 50 --quiet
  assert_line --partial 'Key (syllabus_id)=(999999) is not present in table "admissions_syllabus"'
  assert_line --partial 'remote SQL command: COMMIT TRANSACTION'
  assert_line --partial '100 of 254 records are committed'
  assert_equal "$(counts r.tsv)" 'updated 100'
  assert_equal "$(sql "SELECT count(*) FROM feedback_answer WHERE syllabus_id IS NULL AND id IN ($(awk -F '\t' -v ORS=, '$1 == "answer" { print $2 }' plan.tsv) 0)")" 101
  # the remedy: a plan without that record
  run -0 fb-backfill --apply <(grep -v 999999 bad.tsv) --quiet
  assert_equal "$(sql "SELECT id FROM feedback_answer WHERE syllabus_id IS NULL AND id IN ($(awk -F '\t' -v ORS=, '$1 == "answer" { print $2 }' plan.tsv) 0)")" 354
}

@test "a remote lock: the remote server's lock_timeout applies, and each record waits for it" {
  sql "ALTER SERVER far OPTIONS (ADD options '-c lock_timeout=100')"
  far hold 'SELECT 1 FROM feedback_answer WHERE id IN (354, 355) FOR UPDATE;'
  run -1 fb-backfill --receipts r.tsv --lock-timeout 0 --quiet
  release
  assert_equal "$(grep ^failed r.tsv | cut -f 3,8 | cut -c 1-9)" "$(lines '354\t55P03' '355\t55P03')"
  assert_equal "$(counts r.tsv)" "$(lines 'failed 2' 'updated 252')"
  run -0 fb-backfill --quiet
  run -0 diff expected <(state)
}

@test "a remote lock: --lock-timeout does not apply" {
  far hold 'SELECT 1 FROM feedback_answer WHERE id = 354 FOR UPDATE;'
  fb-backfill --lock-timeout 50 --quiet &
  pid=$!
  waits_long() { [ "$(far sql "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND clock_timestamp() - query_start > '0.5 s'")" = 1 ]; }
  wait_until waits_long
  release
  wait "$pid"
  run -0 diff expected <(state)
}

@test "a remote row that is edited while the batch waits for it fails alone; the edit is kept, and the next run uses it" {
  far hold 'UPDATE feedback_answer SET cohort_id = 6 WHERE id = 354;'
  fb-backfill --receipts r.tsv --quiet 2> err &
  pid=$!
  far wait_until backends_waiting
  echo 'COMMIT;' >&4
  release
  status=0; wait "$pid" || status=$?
  assert_equal "$status" 1
  assert_equal "$(grep ^failed r.tsv | cut -f 3,8 | cut -c 1-9)" "$(lines '354\t40001')"
  assert_equal "$(counts r.tsv)" "$(lines 'failed 1' 'updated 253')"
  run -0 fb-backfill --quiet
  assert_equal "$(far sql 'SELECT cohort_id, syllabus_id FROM feedback_answer WHERE id = 354')" '6|1'
}

# Simulates a server that stops: ends its sessions, and refuses new ones.
end_far() {
  psql -Xqd postgres -c "ALTER DATABASE ${PGDATABASE}_far ALLOW_CONNECTIONS false" \
    -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${PGDATABASE}_far'" > /dev/null
}

@test "the remote server stops: the run stops, no record is reported as failed, and a second run finishes" {
  far hold 'SELECT 1 FROM feedback_answer WHERE id = 354 FOR UPDATE;'
  keep_plan
  fb-backfill --receipts r.tsv --batch-size 50 --quiet 2> err &
  pid=$!
  far wait_until backends_waiting
  end_far
  status=0; wait "$pid" || status=$?
  release || true
  assert_equal "$status" 2
  run -0 cat err
  assert_line --partial '100 of 254 records are committed'
  run -2 fb-backfill --apply plan.tsv --receipts gone.tsv --batch-size 50 --quiet
  assert_line --partial 'could not connect to server "far"'
  assert_equal "$(counts gone.tsv)" 'skipped 50'
  psql -Xqd postgres -c "ALTER DATABASE ${PGDATABASE}_far ALLOW_CONNECTIONS true"
  run -0 fb-backfill --receipts rest.tsv --quiet
  run -0 diff expected <(state)
  assert_equal "$(counts r.tsv),$(counts rest.tsv)" 'updated 100,updated 154'
}

# A run in which the server of this row refuses the COMMIT. Sets `stands` to how many rows are set anyway.
refuse() { # MODEL ID
  awk -F '\t' -v OFS='\t' -v model="$1" -v id="$2" '$1 == model && $2 == id { $5 = 999999; $6 = "only-here" } 1' plan.tsv > bad.tsv
  syllabus_only_here
  run -2 fb-backfill --apply bad.tsv --receipts r.tsv --quiet
  assert_line --partial 'remote SQL command: COMMIT TRANSACTION'
  assert_equal "$(counts r.tsv)" ''
  stands=$(fb-backfill --check --json | jq -c '[201 - .models.answer.eligible, 53 - .models.review.eligible]')
}

@test "a COMMIT on several servers is not atomic: if one refuses, what another has committed remains, without receipts" {
  move_rows feedback_review 20 farther   # all of them
  keep_plan
  # Which server commits first is not defined. Did the one with the reviews?
  refuse answer 568
  if [ "$stands" = '[0,0]' ]; then
    refuse review 144
    assert_equal "$stands" "[$(awk -F '\t' '$1 == "answer" && $2 >= 300' plan.tsv | wc -l),0]"
  else
    assert_equal "$stands" '[0,53]'
  fi
  sql 'DELETE FROM admissions_syllabus WHERE id = 999999'
  run -0 fb-backfill --quiet
  run -0 diff expected <(state)
}

@test "the role of least privilege is enough, locally and remotely" {
  least_privilege
  far least_privilege
  # before version 15 an UPDATE reads all columns of the remote row
  [ "$(sql 'SHOW server_version_num')" -ge 150000 ] || far sql 'GRANT SELECT ON feedback_answer TO feedback_backfill'
  sql "CREATE USER MAPPING FOR feedback_backfill SERVER far OPTIONS (user 'feedback_backfill', password_required 'false')"
  run -0 as_role fb-backfill --receipts r.tsv --quiet
  run -0 diff expected <(state)
  run -0 as_role fb-backfill --undo r.tsv --quiet
}
