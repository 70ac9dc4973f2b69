# The scripts and files in examples/ that have no tests of their own.
load helper

examples=$project/examples

@test "csv-replay.sh: a malformed record is reported, the rest is processed, exit 1; a missing file is exit 2" {
  cp -R "$examples/csv" bad
  echo '1e3,,,,3,,' >> bad/answers.csv
  run -1 --separate-stderr "$examples/csv-replay.sh" bad
  assert_line 'DRY RUN: Would update 14 records in total'
  [[ $stderr == *"answers.csv:"*"'1e3'"* ]]
  rm bad/reviews.csv
  run -2 --separate-stderr "$examples/csv-replay.sh" bad
  assert_output ''
}

# ---- against a database
# bats file_tags=server

@test "pipeline.sh: a dry run changes nothing; --apply leaves what the plain UPDATE leaves, and its last line takes it back" {
  example_database
  before=$(state)
  oracle_state > expected
  fb-backfill --dry-run > report
  run -0 diff report <("$examples/pipeline.sh")
  assert_equal "$(state)" "$before"
  [ ! -e receipts.tsv ]
  run -0 "$examples/pipeline.sh" --apply
  run -0 diff expected <(state)
  eval "$(sed -n 's/^# To take exactly that back: //p' "$examples/pipeline.sh")"
  assert_equal "$(state)" "$before"
}

@test "pipeline.sh --apply: a failed record shows, and exit 1" {
  sample_database
  sql "CREATE FUNCTION frozen() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN IF NEW.id = 2 THEN RAISE EXCEPTION ''record is frozen''; END IF; RETURN NEW; END'"
  sql "CREATE TRIGGER frozen BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION frozen()"
  run -1 "$examples/pipeline.sh" --apply
  assert_line '  ✗ Answer 2: record is frozen'
}

@test "pipeline.sh without a server: exit is not 0, nothing is applied" {
  PGPORT=1 run "$examples/pipeline.sh" --apply
  [ "$status" -gt 0 ]
  assert_output --partial 'connection to server'
  [ ! -s receipts.tsv ]
}

@test "pipeline.sh does not overwrite receipts, and rejects unknown options" {
  sample_database
  "$examples/pipeline.sh" --apply > /dev/null
  cp receipts.tsv first.tsv
  run -2 "$examples/pipeline.sh" --apply
  assert_output --partial 'receipts.tsv already exists'
  run -0 cmp first.tsv receipts.tsv
  for word in apply --dry-run ''; do
    run -2 "$examples/pipeline.sh" "$word"
    assert_output 'usage: pipeline.sh [--apply]'
  done
  run -2 "$examples/pipeline.sh" --apply --apply
  assert_output 'usage: pipeline.sh [--apply]'
}

@test "csv-replay.sh, from this database's exports, reports what fb-backfill --dry-run does" {
  example_database
  fb-backfill --dry-run > expected
  mkdir exports
  for model in answer review; do
    sql "COPY (SELECT * FROM feedback_$model ORDER BY id) TO STDOUT (FORMAT csv, HEADER)" > exports/${model}s.csv
  done
  sql 'COPY (SELECT c.id AS cohort_id, c.slug AS cohort, s.id AS syllabus_id, s.slug AS syllabus FROM admissions_cohort AS c
       LEFT JOIN admissions_syllabusversion AS v ON v.id = c.syllabus_version_id
       LEFT JOIN admissions_syllabus AS s ON s.id = v.syllabus_id) TO STDOUT (FORMAT csv, HEADER)' > exports/cohorts.csv
  # without a database from here on
  PGPORT=1 run -0 "$examples/csv-replay.sh" exports
  run -0 diff expected - <<< "$output"
}

@test "csv-replay.sh finds in the small exports what SQL finds" {
  example_database
  sql 'CREATE TABLE answers (id int, title text, score int, comment text, cohort_id int, syllabus_id int, updated_at timestamptz);
       CREATE TABLE reviews (id int, total_rating float, status text, comments text, author_id int, cohort_id int, platform_id text, syllabus_id int);
       CREATE TABLE cohorts (cohort_id int, cohort text, academy text, syllabus_id int, syllabus text)'
  for table in answers reviews cohorts; do
    psql -Xqc "COPY $table FROM STDIN (FORMAT csv, HEADER)" < "$examples/csv/$table.csv"
  done
  for model in Answer Review; do
    sql "SELECT format('  [DRY RUN] $model %s: cohort=%s → syllabus=%s', id, cohort, coalesce(syllabus, 'None'))
         FROM ${model,}s AS t JOIN cohorts AS c USING (cohort_id)
         WHERE t.syllabus_id IS NULL AND c.syllabus_id IS NOT NULL ORDER BY id"
  done > expected
  [ "$(wc -l < expected)" -gt 10 ]
  run -0 "$examples/csv-replay.sh"
  run -0 diff expected <(grep ' → ' <<< "$output")
}
