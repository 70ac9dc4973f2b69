# Partitioned tables: by id, by cohort, by the column that is set; with triggers and rules.
# bats file_tags=server
load helper

# Makes the example's feedback_answer a partitioned table, with its primary key if possible, and its foreign key.
partition() { # METHOD PARTITIONS
  sql "ALTER TABLE feedback_answer RENAME TO whole;
       CREATE TABLE feedback_answer (LIKE whole) PARTITION BY $1; $2;
       INSERT INTO feedback_answer SELECT * FROM whole;
       DROP TABLE whole;
       ALTER TABLE feedback_answer ADD FOREIGN KEY (syllabus_id) REFERENCES admissions_syllabus DEFERRABLE INITIALLY DEFERRED"
}
by_id() {
  partition 'RANGE (id)' "
    CREATE TABLE answer_low PARTITION OF feedback_answer FOR VALUES FROM (MINVALUE) TO (200);
    CREATE TABLE answer_middle PARTITION OF feedback_answer FOR VALUES FROM (200) TO (350);
    CREATE TABLE answer_rest PARTITION OF feedback_answer DEFAULT;
    ALTER TABLE feedback_answer ADD PRIMARY KEY (id)"
}
by_cohort() {
  partition 'LIST (cohort_id)' "
    CREATE TABLE answer_low PARTITION OF feedback_answer FOR VALUES IN (NULL, 3, 4, 5, 6, 8, 11, 12, 13, 17, 18, 19, 22, 23, 24);
    CREATE TABLE answer_rest PARTITION OF feedback_answer DEFAULT;
    CREATE INDEX ON feedback_answer (id)"
}
# A row moves to another partition when it is set.
by_syllabus() {
  partition 'LIST (syllabus_id)' "
    CREATE TABLE answer_unset PARTITION OF feedback_answer FOR VALUES IN (NULL);
    CREATE TABLE answer_rest PARTITION OF feedback_answer DEFAULT;
    CREATE INDEX ON feedback_answer (id)"
}

@test "a run leaves what the plain UPDATE leaves, its receipts say so, and an undo takes it back" {
  for layout in by_id by_cohort by_syllabus; do
    example_database
    oracle_state > expected
    $layout
    before=$(state)
    fb-backfill --receipts $layout.tsv --batch-size 40 --jobs 2 --quiet
    run -0 diff expected <(state)
    run -0 fb-backfill --check
    assert_equal "$(cut -f 1 $layout.tsv | sort | uniq -c | tr -s ' ')" "$(printf ' 1 status\n 254 updated')"
    fb-backfill --undo $layout.tsv --quiet
    assert_equal "$(state)" "$before"
  done
}

@test "a missing syllabus, a duplicate and an edited row fail or are skipped alone" {
  for layout in by_id by_cohort by_syllabus; do
    example_database
    $layout
    fb-backfill --dry-run --quiet --plan plan.tsv
    awk -F '\t' -v OFS='\t' '$1 == "answer" && $2 == 354 { $5 = 999999 } { print } $1 == "answer" && $2 == 355' plan.tsv > bad.tsv
    sql 'UPDATE feedback_answer SET cohort_id = 3 WHERE id = 357; UPDATE feedback_answer SET syllabus_id = 22 WHERE id = 101;
         DELETE FROM feedback_answer WHERE id = 104'
    run -1 fb-backfill --apply bad.tsv --receipts $layout.tsv --quiet
    run -0 awk -F '\t' '$1 != "updated" { print $1, $3, substr($8, 1, 14) }' $layout.tsv
    assert_output "$(lines 'status id detail' 'skipped 101 already-set' 'skipped 104 gone' 'failed 354 23503 syllabus' \
      'skipped 355 duplicate' 'skipped 357 cohort-changed')"
    assert_equal "$(grep -c ^updated $layout.tsv)" 250
    assert_equal "$(sql 'SELECT syllabus_id FROM feedback_answer WHERE id IN (101, 354, 357) ORDER BY id')" "$(printf '22\n\n')"
  done
}

@test "a row that the application moves to another partition while the batch waits for it is skipped" {
  example_database
  by_cohort
  hold 'UPDATE feedback_answer SET cohort_id = 3 WHERE id = 357;'
  fb-backfill --model answer --receipts r.tsv --lock-timeout 0 --quiet &
  pid=$!
  wait_until backends_waiting
  echo 'COMMIT;' >&4
  release
  wait "$pid"
  assert_equal "$(grep -v ^updated r.tsv | cut -f 1,3,8)" "$(lines 'status\tid\tdetail' 'skipped\t357\tcohort-changed')"
  assert_equal "$(grep -c ^updated r.tsv)" 200
}

@test "triggers of the whole table and of one partition: each refuses its row alone" {
  example_database
  by_id
  sql "CREATE FUNCTION frozen() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN IF NEW.id::text = ANY (TG_ARGV) THEN RAISE EXCEPTION ''% is frozen'', NEW.id; END IF; RETURN NEW; END';
       CREATE FUNCTION lost() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
       CREATE TRIGGER frozen BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION frozen(101, 357);
       CREATE TRIGGER frozen_here AFTER UPDATE ON answer_middle FOR EACH ROW EXECUTE FUNCTION frozen(223);
       CREATE TRIGGER lost BEFORE UPDATE ON answer_rest FOR EACH ROW WHEN (NEW.id = 359) EXECUTE FUNCTION lost()"
  run -1 fb-backfill --model answer --receipts r.tsv --quiet
  run -0 awk -F '\t' '$1 == "failed" { print $3, $8 }' r.tsv
  assert_output "$(lines '101 P0001 101 is frozen' '223 P0001 223 is frozen' '357 P0001 357 is frozen' \
    '359 P0001 the row matched but was not updated (a trigger or row-level security?)')"
  assert_equal "$(grep -c ^updated r.tsv)" 197
}

@test "a partition's rule does not apply; a rule of the whole table that discards updates fails each record" {
  example_database
  by_id
  sql 'CREATE RULE swallow AS ON UPDATE TO answer_low DO INSTEAD NOTHING'
  fb-backfill --model answer --receipts r.tsv --quiet
  assert_equal "$(grep -c ^updated r.tsv)" 201
  fb-backfill --undo r.tsv --quiet
  before=$(state)
  sql 'CREATE RULE swallow AS ON UPDATE TO feedback_answer DO INSTEAD NOTHING'
  run -1 fb-backfill --model answer --receipts r2.tsv --quiet
  assert_output --partial 'failed: 0A000 cannot perform UPDATE RETURNING on relation "feedback_answer"'
  assert_equal "$(grep -c ^failed r2.tsv)" 201
  assert_equal "$(state)" "$before"
}

@test "privileges on the whole table are enough: none on its partitions" {
  example_database
  by_id
  least_privilege
  run -0 as_role fb-backfill --quiet
  run -0 fb-backfill --check
}

@test "a partition as a model of its own: a trigger that it inherits is seen, too" {
  example_database
  by_id
  sql "CREATE FUNCTION undone() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN IF NEW.syllabus_id IS NOT NULL THEN UPDATE feedback_answer SET syllabus_id = NULL WHERE id = NEW.id; END IF; RETURN NULL; END';
       CREATE TRIGGER undone AFTER UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION undone()"
  run -1 fb-backfill -m answer --table answer=answer_low --receipts r.tsv --quiet
  assert_equal "$(grep -c ^updated r.tsv)" 0
  [ "$(grep -c '^failed.*a trigger' r.tsv)" -gt 10 ]
}
