# What `make demo` shows, compared with the same example and the plain UPDATE.
# bats file_tags=server
load helper

demo=$project/examples/demo.sh

# How many rows of a table are to be set, and how many have a cohort without a syllabus.
counts() { # TABLE
  sql "SELECT count(c.syllabus_version_id), count(*) - count(c.syllabus_version_id)
       FROM $1 AS t JOIN admissions_cohort AS c ON c.id = t.cohort_id WHERE t.syllabus_id IS NULL" | tr '|' ' '
}

# The plain UPDATE of the first two rows that are to be set.
set_first_two() { # TABLE
  sql "UPDATE $1 AS u SET syllabus_id = first.syllabus_id
       FROM (SELECT t.id, v.syllabus_id FROM $1 AS t JOIN admissions_cohort AS c ON c.id = t.cohort_id
             JOIN admissions_syllabusversion AS v ON v.id = c.syllabus_version_id
             WHERE t.syllabus_id IS NULL ORDER BY t.id LIMIT 2) AS first
       WHERE u.id = first.id"
}

# An empty database for the demo, named for this test.
empty_database() {
  export PGDATABASE=demo_${BATS_SUITE_TEST_NUMBER}_$RANDOM
  psql -Xqd postgres -c "CREATE DATABASE $PGDATABASE"
}

# A folder for temporary files that its server's user can enter, too, unlike the test's own folder.
setup() {
  cd "$BATS_TEST_TMPDIR"
  tmp=$(mktemp -d)
  chmod 711 "$tmp"
}
teardown() {
  [ "${BATS_TEST_COMPLETED-}" ] || end_what_runs
  rm -rf "$tmp"
}

@test "the demo's numbers and the state that it leaves are those of the database" {
  example_database
  read -r a no_a <<< "$(counts feedback_answer)"
  read -r r no_r <<< "$(counts feedback_review)"
  dry_lines=$(fb-backfill --dry-run | wc -l)
  # the state at the end: the plain UPDATE of the first two of each, and the edit
  set_first_two feedback_answer
  set_first_two feedback_review
  sql 'UPDATE feedback_answer SET syllabus_id = 17 WHERE id = 113'
  state > expected

  empty_database
  "$demo" --here > shown
  run -0 diff expected <(state)

  grep -E 'eligible|in total$|skipped' shown > numbers
  run -0 diff - numbers << END
Answer: $a eligible, $no_a with a cohort without a syllabus
Review: $r eligible, $no_r with a cohort without a syllabus
DRY RUN: Would update $((a + r)) records in total
✓ Successfully updated 4 records in total
✓ Successfully updated $((a + r - 4)) records in total
✓ Successfully updated 0 records in total
Answer: 0 eligible, $no_a with a cohort without a syllabus
Review: 0 eligible, $no_r with a cohort without a syllabus
  - Answer 113: skipped, syllabus-changed
✓ Successfully reverted $((a + r - 5)) records in total
Answer: $((a - 3)) eligible, $no_a with a cohort without a syllabus
Review: $((r - 2)) eligible, $no_r with a cohort without a syllabus
DRY RUN: Would update 14 records in total
END
  # it shows the first eight and last five lines of the dry run, and how many it left out
  assert_equal "$(grep -m 1 'more lines' shown)" "... ($((dry_lines - 13)) more lines)"
  # it fits a terminal
  [ "$(LC_ALL=C.UTF-8 wc -L < shown)" -le 80 ]
}

# bats test_tags=slow
@test "the demo starts its own server, whatever the environment, shows the same there, and leaves nothing behind" {
  PGHOST=/nowhere PGPORT=1 PGDATABASE=none TMPDIR=$tmp "$demo" > shown
  run -0 ls -A "$tmp"
  assert_output ''
  empty_database
  "$demo" --here > here
  run -0 diff <(sed 1d shown) here
}

@test "a demo whose output is closed stops its server, too" {
  TMPDIR=$tmp "$demo" | head -n 3 > shown
  assert_equal "$(head -n 1 shown)" 'Starting a PostgreSQL for this demo alone. It is removed at the end.'
  empty() { [ -z "$(ls -A "$tmp")" ]; }
  wait_until empty
}

@test "the demo stops at a command that fails, and says so" {
  sample_database
  run -2 "$demo" --here
  assert_line --partial 'relation "admissions_syllabus" already exists'
  assert_line 'demo.sh: this should exit with status 0, not 3'
  refute_line --partial fb-backfill
  run -2 "$demo" here
  assert_output 'usage: demo.sh [--here]'
}

@test "a server is found where packages install it, although initdb is not in PATH" {
  run env -u PG_BINDIR PATH=/usr/bin:/bin bash -c '. "$1" && find_server_programs && echo "$PG_BINDIR"' bash "$project/examples/with-server.sh"
  [ -x "$output/initdb" ] || assert_equal "$status $output" '125 with-server.sh: no PostgreSQL server found: install one, or set PG_BINDIR to the folder of its initdb'
  # PG_BINDIR is for the demo, too
  run -125 env PG_BINDIR=/nowhere "$demo"
  assert_output --partial '/nowhere: no initdb there'
}
