# What all tests share. tests/run has started the server; PGHOST and the other variables refer to it.

bats_require_minimum_version 1.5.0
# Sourced directly: their own load scripts take as long as a small test.
for file in /usr/{lib,share}/bats/bats-{support,assert}/src/*.bash; do
  # shellcheck source=/dev/null
  [ ! -e "$file" ] || . "$file"
done

project=$BATS_TEST_DIRNAME/..

# Creates this test's own database, a copy of a template, and sets PGDATABASE to it. tests/setup_suite.bash has created the
# templates on the suite's server; on a file's own server they are created on first use.
new_database() { # example|sample|schema
  export PGDATABASE=test_${BATS_SUITE_TEST_NUMBER}_$RANDOM
  copy_database "$1" "$PGDATABASE" 2> /dev/null && return
  new_template "$1"
  copy_database "$1" "$PGDATABASE"
}
copy_database() { psql -Xqd postgres -c "CREATE DATABASE \"$2\" TEMPLATE \"$1\""; } # FROM TO
new_template() { # example|sample|schema
  local files
  case $1 in
    example) files=("$project"/examples/{schema,data}.sql) ;;  # a few hundred rows, with every hard case
    sample) files=("$project/tests/original/sample.sql") ;;    # the reduced tables that gave the original's outputs
    schema) files=("$project/examples/schema.sql") ;;          # the real schema, empty
  esac
  psql -Xqd postgres -c "CREATE DATABASE $1"
  cat "${files[@]}" | psql -Xqd "$1" -v ON_ERROR_STOP=1 > /dev/null
}

example_database() { new_database example; }
sample_database() { new_database sample; }

# Gives the role of examples/least-privilege.sql its rights in the current database.
least_privilege() { psql -Xq -v ON_ERROR_STOP=1 -f "$project/examples/least-privilege.sql"; }
as_role() { PGUSER=feedback_backfill "$@"; }

sql() { psql -XqAt -v ON_ERROR_STOP=1 -c "$1"; }

# The whole state of the five tables: one line per row, all columns.
state() { # [PSQL-ARGUMENT...]
  local table commands=("$@")
  for table in admissions_syllabus admissions_syllabusversion admissions_cohort feedback_answer feedback_review; do
    commands+=(-c "\\echo $table" -c "SELECT t FROM $table AS t ORDER BY id")
  done
  psql -XqAt -v ON_ERROR_STOP=1 "${commands[@]}"
}

# The state that one plain UPDATE per table would leave: the oracle. Nothing is committed.
oracle_state() {
  local table updates=(-c BEGIN)
  for table in feedback_answer feedback_review; do
    updates+=(-c "UPDATE $table AS t SET syllabus_id = v.syllabus_id
      FROM admissions_cohort AS c JOIN admissions_syllabusversion AS v ON v.id = c.syllabus_version_id
      WHERE c.id = t.cohort_id AND t.syllabus_id IS NULL")
  done
  state "${updates[@]}"
}

# Makes a plan with the pipeline by hand, and cohorts.tsv in the current folder.
make_plan() { # > plan
  fb-resolve --sql | psql -Xq > cohorts.tsv
  fb-extract --sql "$@" | psql -Xq | fb-extract | fb-resolve --cohorts cohorts.tsv
}

# The processes of a session started by setsid, with their names: `PID NAME`.
members() { # LEADER
  # PID (NAME) STATE PARENT GROUP SESSION ...; the psql of a run is in a session of its own
  cat /proc/[0-9]*/stat 2> /dev/null | sed -nE "s/^([0-9]+) \((.*)\) [^Z] ([0-9]+ [0-9]+ $1|$1 [0-9]+ [0-9]+) .*/\1 \2/p"
}

# The messages in $stderr of `run --separate-stderr`, without fb-backfill's closing line about what was done and where.
messages() { grep -v '^fb-backfill: [0-9]* \(rows\|of [0-9]* records\) .* in ' <<< "$stderr" || true; }

# Each test works in a folder of its own.
setup() { cd "$BATS_TEST_TMPDIR"; }

# A failed test leaves no process waiting: those that run in its folder are killed. A file's own teardown calls this, too.
teardown() { [ "${BATS_TEST_COMPLETED-}" ] || end_what_runs; }
end_what_runs() {
  local pid
  for pid in $(processes_here); do kill -KILL "$pid" 2> /dev/null || true; done
}
# The pids of the processes in the test's folder, except this shell.
processes_here() {
  local folder pid
  folder=$(cd "$BATS_TEST_TMPDIR" && pwd -P) && [[ $folder == */bats-run-*/test/* ]] || return 0
  find /proc/[0-9]*/cwd -maxdepth 0 \( -lname "$folder" -o -lname "$folder/*" \) 2> /dev/null | cut -d / -f 3 |
    while read -r pid; do [ "$pid" = $$ ] || [ "$pid" = "$BASHPID" ] || echo "$pid"; done
}

# Copies the sources as distributed: without git, and with nothing built.
copy_sources() { # FOLDER
  mkdir -p "$1"
  tar -C "$project" -c --exclude=./.git --exclude=./bin --exclude=./build . | tar -C "$1" -x
}
# The same after make.
copy_built_sources() { # FOLDER
  copy_sources "$1"
  (cd "$project" && tar -c bin build/*.[do] build/sql) | tar -C "$1" -x
}

# Runs the test's Python, from standard input, to check many cases in one process. See tests/cases.py.
cases() { PYTHONPATH=$BATS_TEST_DIRNAME PYTHONDONTWRITEBYTECODE=1 python3 - "$@"; }

# Skips the test if a program that it needs is missing. In CI that is a failure.
requires() { # PROGRAM...
  local program
  for program; do
    (PATH=$PATH:/usr/sbin; type -P "$program" > /dev/null) && continue
    [ -z "${CI-}" ] || fail "$program is missing"
    skip "$program is missing"
  done
}

# Prints lines, with escapes such as \t as in printf '%b'.
lines() { printf '%b\n' "$@"; }

# Waits until a command succeeds. A minute is long enough, even on a busy machine.
wait_until() { # COMMAND...
  local end=$((SECONDS + 60)) tries=0
  until "$@"; do
    (( SECONDS < end )) || { echo "timed out: $*"; return 1; }
    (( tries++ < 3 )) && sleep 0.02 || sleep 0.1
  done
}
has_lines() { [ -e "$1" ] && [ "$(wc -l < "$1")" -ge "$2" ]; }
backends_waiting() { [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = '$PGDATABASE'")" -ge "${1:-1}" ]; }
gone() { ! kill -0 "$1" 2> /dev/null; }

# Opens a transaction in a second session; `release` ends it. Further SQL for it can be written to descriptor 4.
hold() { # SQL
  [ -e hold.in ] || mkfifo hold.in
  : > hold.out
  psql -Xq -v ON_ERROR_STOP=1 < hold.in > hold.out 2>&1 &
  holder=$!
  exec 4> hold.in
  printf '%s\n' 'BEGIN;' "$1" '\echo held' >&4
  wait_until grep -q held hold.out
}
# Sends \q, since processes started in the meantime have the descriptor open as well.
release() { echo '\q' >&4; exec 4>&-; wait "$holder"; }
