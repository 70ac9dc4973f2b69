#!/usr/bin/env bash
# database.sh: fb-backfill whole (snapshot, plan, batches, receipts, report) beside one plain UPDATE that sets the
# same column of the same rows and leaves nothing to read or to undo. On a PostgreSQL of its own, with
# fsync on. SIZES (default "75000 300000 1000000") says on how many rows, ROUNDS (default 3) how often;
# each run has a fresh copy of the database. Prints a table for each size.
set -eu -o pipefail
cd "$(dirname "$0")"
# shellcheck disable=SC1091  # is checked by itself
source ./measure.sh
root=$PWD/../..

if [ -z "${BENCH_SERVER:-}" ]; then
  for name in $(compgen -e PG); do unset "$name"; done
  BENCH_SERVER=own PATH=$root/bin:$PATH exec pg_virtualenv -t -o fsync=on -o max_wal_size=4GB ./database.sh
fi

export PGDATABASE=bench
fresh() {
  psql -Xqd postgres -c 'SET client_min_messages = warning' -c 'DROP DATABASE IF EXISTS bench' -c 'CREATE DATABASE bench TEMPLATE rows' -c CHECKPOINT
}

plain_update() {
  psql -Xqc 'UPDATE feedback_answer AS t SET syllabus_id = v.syllabus_id
    FROM admissions_cohort AS c JOIN admissions_syllabusversion AS v ON v.id = c.syllabus_version_id
    WHERE c.id = t.cohort_id AND t.syllabus_id IS NULL'
}
fb_backfill() { fb-backfill; }
fb_backfill_jobs_2() { fb-backfill --jobs 2; }
before_plain_update() { fresh; }
before_fb_backfill() { fresh; }
before_fb_backfill_jobs_2() { fresh; }

copy_candidates() {
  psql -Xqc "COPY (SELECT 'answer' AS model, t.id, t.cohort_id, t.syllabus_id FROM feedback_answer AS t
    JOIN admissions_cohort AS c ON c.id = t.cohort_id
    JOIN admissions_syllabusversion AS v ON v.id = c.syllabus_version_id
    JOIN admissions_syllabus AS s ON s.id = v.syllabus_id WHERE t.syllabus_id IS NULL ORDER BY t.id) TO STDOUT"
}
fb_dry_run() { fb-backfill --dry-run --model answer; }
fb_nothing_to_do() { fb-backfill --model review; }

output=$(mktemp) && trap 'rm -f "$output"' EXIT
for rows in ${SIZES:-75000 300000 1000000}; do
  psql -Xqd postgres -c 'SET client_min_messages = warning' -c 'DROP DATABASE IF EXISTS rows' -c 'CREATE DATABASE rows'
  cat "$root/examples/schema.sql" database.sql | psql -Xqd rows -v ON_ERROR_STOP=1 -v rows="$rows"
  times=()
  measure plain_update fb_backfill fb_backfill_jobs_2
  fresh
  measure copy_candidates fb_dry_run fb_nothing_to_do
  echo
  echo "database, $rows rows to be set, 12 indexes, fsync on"
  table plain_update fb_backfill fb_backfill_jobs_2
  table copy_candidates fb_dry_run fb_nothing_to_do
done
