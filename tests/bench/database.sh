#!/usr/bin/env bash
# database.sh: fb-backfill whole (snapshot, plan, batches, receipts, report) beside what one writes by hand instead: a
# loop that updates 5,000 ids and commits; and beside one plain UPDATE. Neither leaves anything to read or to undo. On a PostgreSQL of its own, with fsync on and
# 1 GB of shared buffers. SIZES (default "75000 300000 1000000") says on how many rows, SCATTERED (300000) on
# how many of the worst case, THIN (300000) on how many of a table with few indexes, ROUNDS (5) how often; each run
# has a fresh copy of the database. Prints a table for each.
set -eu -o pipefail
cd "$(dirname "$0")"
# shellcheck disable=SC1091  # is checked by itself
source ./measure.sh
root=$PWD/../..

if [ -z "${BENCH_SERVER:-}" ]; then
  BENCH_SERVER=own PATH=$root/bin:$PATH exec "$root/examples/with-server.sh" ./database.sh
fi
# shellcheck source=/dev/null
source "$root/examples/with-server.sh"
stop_server "$PGHOST"
printf '%s\n' 'fsync = on' 'full_page_writes = on' 'autovacuum = on' 'max_wal_size = 4GB' 'shared_buffers = 1GB' >> "$PGHOST/data/postgresql.conf"
start_server "$PGHOST"

export PGDATABASE=bench
original_rows=20000
fresh() {
  psql -Xqd postgres -c 'SET client_min_messages = warning' -c 'DROP DATABASE IF EXISTS bench' -c 'CREATE DATABASE bench TEMPLATE rows' -c CHECKPOINT
}

plain_update() {
  psql -Xqc 'UPDATE feedback_answer AS t SET syllabus_id = v.syllabus_id
    FROM admissions_cohort AS c JOIN admissions_syllabusversion AS v ON v.id = c.syllabus_version_id
    WHERE c.id = t.cohort_id AND t.syllabus_id IS NULL'
}
# The loop, over a share of the ids: the first of two, the second, or all of them.
loop() { # PART OF
  psql -Xqc "DO \$\$
    DECLARE
      most CONSTANT bigint := (SELECT max(id) FROM feedback_answer);
    BEGIN
      FOR i IN most * ($1 - 1) / $2 + 1 .. most * $1 / $2 BY 5000 LOOP
        UPDATE feedback_answer AS t SET syllabus_id = v.syllabus_id
        FROM admissions_cohort AS c JOIN admissions_syllabusversion AS v ON v.id = c.syllabus_version_id
        WHERE c.id = t.cohort_id AND t.syllabus_id IS NULL AND t.id BETWEEN i AND least(i + 4999, most * $1 / $2);
        COMMIT;
      END LOOP;
    END \$\$"
}
one_loop() { loop 1 1; }
two_loops() { loop 1 2 & loop 2 2; wait $!; }
fb_backfill() { fb-backfill; }
fb_backfill_jobs_2() { fb-backfill --jobs 2; }
before_plain_update() { fresh; }
before_one_loop() { fresh; }
before_two_loops() { fresh; }
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

original() { python3 original.py "$original_rows"; }
before_original() { fresh; }

names=([plain_update]='one plain UPDATE' [one_loop]='a loop of UPDATEs by hand' [two_loops]='two such loops at once' [fb_backfill]=fb-backfill [fb_backfill_jobs_2]='fb-backfill --jobs 2'
  [copy_candidates]='psql COPY of the candidates' [fb_dry_run]='fb-backfill --dry-run'
  [fb_nothing_to_do]='fb-backfill, nothing to do' [original]="the original's loop, first $original_rows")

# Before anything is timed: it is the same work.
same() { # contender
  fresh
  "$1" > "$output"
  psql -XqAtc 'SELECT md5(string_agg(t::text, chr(10) ORDER BY id)) FROM feedback_answer AS t' >> "$states"
  [ "$(sort -u "$states" | wc -l)" = 1 ] || { echo "$1 left another table" >&2; exit 2; }
}

output=$(mktemp) && states=$(mktemp) && trap 'rm -f "$output" "$states"' EXIT
machine fb-extract psql
psql -XqAtd postgres -c "SELECT 'server ' || version()"
psql -XqAtd postgres -c "SELECT string_agg(name || ' = ' || current_setting(name), ', ' ORDER BY name) FROM pg_settings
  WHERE source = 'configuration file' AND name IN ('shared_buffers', 'max_wal_size', 'fsync') OR name IN ('autovacuum', 'synchronous_commit')"
django=yes
python3 -c 'import django, psycopg2' 2> /dev/null || { django=''; echo "Django is not installed: the original's loop is not measured" >&2; }

bench() { # rows kind title; of kinds see database.sql
  psql -Xqd postgres -c 'SET client_min_messages = warning' -c 'DROP DATABASE IF EXISTS rows' -c 'CREATE DATABASE rows'
  cat "$root/examples/schema.sql" database.sql | psql -Xqd rows -v ON_ERROR_STOP=1 -v rows="$1" -v scattered=false -v thin=false -v "$2=true"
  times=()
  : > "$states"
  local contenders=(one_loop fb_backfill two_loops fb_backfill_jobs_2 plain_update)
  for contender in "${contenders[@]}"; do same "$contender"; done
  measure "${contenders[@]}"
  table "database, $1 rows, $3" "${contenders[@]}"
}

a_row_at_a_time() { # title
  [ "$django" ] || return 0
  times=()
  ROUNDS=1 measure original
  table "database, $1, by Django's save()" original
}

for rows in ${SIZES:-75000 300000 1000000}; do
  bench "$rows" grown 'cohort by cohort'
  fresh
  measure copy_candidates fb_dry_run fb_nothing_to_do
  table "database, $rows rows, reading" copy_candidates fb_dry_run fb_nothing_to_do
done
a_row_at_a_time 'a row at a time'
bench "${SCATTERED:-300000}" scattered scattered
bench "${THIN:-300000}" thin thin
