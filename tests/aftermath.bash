# What the tests of faults share: what must hold after each fault.

# Saves the current values of the rows, and in `right` the values that they should get, as `model id syllabus_id`.
remember() {
  local model
  { echo 'CREATE SCHEMA was;'
    for model in answer review; do
      echo "CREATE TABLE was.$model AS SELECT * FROM feedback_$model;
        COPY (SELECT '$model', t.id, v.syllabus_id FROM was.$model AS t
          JOIN admissions_cohort AS c ON c.id = t.cohort_id JOIN admissions_syllabusversion AS v ON v.id = c.syllabus_version_id
          WHERE t.syllabus_id IS NULL) TO STDOUT;"
    done; } | psql -Xq -v ON_ERROR_STOP=1 | sort > right
}

# The rows that have changed: `model id syllabus_id`.
changed() {
  local model
  for model in answer review; do
    echo "COPY (SELECT '$model', t.id, t.syllabus_id FROM feedback_$model AS t JOIN was.$model AS w USING (id)
        WHERE t IS DISTINCT FROM w) TO STDOUT;
      -- what is gone, or has another column changed, is nothing that a run does
      COPY (SELECT '$model', w.id, 'not by a run' FROM was.$model AS w LEFT JOIN feedback_$model AS t USING (id)
        WHERE t.id IS NULL OR to_jsonb(t) - 'syllabus_id' <> to_jsonb(w) - 'syllabus_id') TO STDOUT;"
  done | psql -Xq -v ON_ERROR_STOP=1 | sort
}

# Reverts the changes, without a run.
take_back() {
  sql 'UPDATE feedback_answer AS t SET syllabus_id = w.syllabus_id FROM was.answer AS w WHERE w.id = t.id AND t.syllabus_id IS DISTINCT FROM w.syllabus_id;
       UPDATE feedback_review AS t SET syllabus_id = w.syllabus_id FROM was.review AS w WHERE w.id = t.id AND t.syllabus_id IS DISTINCT FROM w.syllabus_id'
}

# Every row has its old or the right syllabus, and the receipts and the database agree row by row,
# except for at most MOST rows, which may have been changed without a receipt.
assert_agree() { # MOST RECEIPTS...
  local most=$1
  shift
  changed > changed
  run -0 comm -13 right changed
  assert_output ''
  # an incomplete last line does not count
  for file in "$@"; do [ ! -e "$file" ] || head -n "$(wc -l < "$file")" "$file"; done | awk -F '\t' -v OFS='\t' '$1 == "updated" { print $2, $3, $6 }' | sort > said
  run -0 comm -13 changed said
  assert_output ''
  run -0 comm -23 changed said
  [ "$(grep -c . <<< "$output")" -le "$most" ] || { echo "without receipts: $output"; false; }
}

# A second run finishes the job: every row is right.
assert_finishes() {
  run -0 fb-backfill --quiet
  run -0 diff right <(changed)
}

# The id of the n-th record of a model that a run would set, in the order of ids.
nth() { awk -F '\t' -v model="$1" '$1 == model { print $2 }' right | sort -n | sed -n "$2p"; }
