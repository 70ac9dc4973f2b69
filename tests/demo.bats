# What `make demo` shows, against the same example and the plain UPDATE.
load helper

demo=$project/examples/demo.sh

# The two lowest ids of a model that a run would set, as `id, id`.
first_two() { # table
  sql "SELECT string_agg(id::text, ', ') FROM (SELECT t.id FROM $1 AS t JOIN admissions_cohort AS c ON c.id = t.cohort_id
       WHERE t.syllabus_id IS NULL AND c.syllabus_version_id IS NOT NULL ORDER BY t.id LIMIT 2) AS first"
}

eligible() { # table
  sql "SELECT count(c.syllabus_version_id) FROM $1 AS t JOIN admissions_cohort AS c ON c.id = t.cohort_id WHERE t.syllabus_id IS NULL"
}

without() { # table
  sql "SELECT count(*) FROM $1 AS t JOIN admissions_cohort AS c ON c.id = t.cohort_id
       WHERE t.syllabus_id IS NULL AND c.syllabus_version_id IS NULL"
}

plain_update_of() { # table ids
  sql "UPDATE $1 AS t SET syllabus_id = v.syllabus_id
       FROM admissions_cohort AS c JOIN admissions_syllabusversion AS v ON v.id = c.syllabus_version_id
       WHERE c.id = t.cohort_id AND t.syllabus_id IS NULL AND t.id IN ($2)"
}

@test "the demo's numbers are the database's, and it leaves there what it says" {
  example_database
  a=$(eligible feedback_answer) r=$(eligible feedback_review)
  no_a=$(without feedback_answer) no_r=$(without feedback_review)
  dry_lines=$(fb-backfill --dry-run | wc -l)
  # what is left in the end: the plain UPDATE of the first two of each, and the edit
  first_answers=$(first_two feedback_answer) first_reviews=$(first_two feedback_review)
  plain_update_of feedback_answer "$first_answers"
  plain_update_of feedback_review "$first_reviews"
  sql 'UPDATE feedback_answer SET syllabus_id = 17 WHERE id = 113'
  state > expected

  export PGDATABASE=demo
  psql -Xqd postgres -c 'CREATE DATABASE demo'
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
  # of the dry run it shows eight lines and five, and says how many are between
  assert_equal "$(grep -m 1 'more lines' shown)" "... ($((dry_lines - 13)) more lines)"
  # it fits a terminal
  [ "$(LC_ALL=C.UTF-8 wc -L < shown)" -le 80 ]
}

@test "the demo starts its own server, whatever the environment says, and leaves nothing behind" {
  tmp=$(mktemp -d)
  chmod 711 "$tmp"   # run by root, the server is another user's, and its files are here
  PGHOST=/nowhere PGPORT=1 PGDATABASE=none TMPDIR=$tmp "$demo" > shown
  rmdir "$tmp"       # it is empty
  psql -Xqd postgres -c 'CREATE DATABASE own_server'
  PGDATABASE=own_server "$demo" --here > here
  run -0 diff <(sed 1d shown) here
}

@test "a demo whose output is cut off stops its server, too" {
  export TMPDIR
  TMPDIR=$(mktemp -d)
  chmod 711 "$TMPDIR"
  "$demo" | head -n 3 > shown
  empty() { [ -z "$(ls -A "$TMPDIR")" ]; }
  wait_until empty
  rmdir "$TMPDIR"
}

@test "the demo ends at a command that goes wrong, and says so" {
  sample_database
  run -2 "$demo" --here
  assert_line --partial 'relation "admissions_syllabus" already exists'
  assert_line 'demo.sh: this should exit with status 0, not 3'
  refute_line --partial fb-backfill
  run -2 "$demo" here
  assert_output 'usage: demo.sh [--here]'
}
