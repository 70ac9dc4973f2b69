# examples/django: the management command, in a Django project of a few lines.
# bats file_tags=server
load helper

original=$BATS_TEST_DIRNAME/original

# The python3 that has Django: that of PATH, or the system's.
find_django() {
  for python in python3 /usr/bin/python3; do
    "$python" -c 'import django, psycopg2' 2> /dev/null && return
  done
  [ -z "${CI-}" ] || fail "django or psycopg2 is missing"
  skip "django or psycopg2 is missing"
}

setup() {
  cd "$BATS_TEST_TMPDIR"
  find_django
  unset PYTHONUNBUFFERED
  export PYTHONDONTWRITEBYTECODE=1 DJANGO_SETTINGS_MODULE=settings PYTHONPATH=.
  sample_database
  mkdir -p school/management/commands
  touch school/__init__.py
  cp "$project/examples/django/backfill_feedback_syllabus.py" school/management/commands
  cat > settings.py << END
SECRET_KEY = "-"
USE_TZ = True
INSTALLED_APPS = ["school"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.postgresql", "NAME": "$PGDATABASE"},
    "lite": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
}
END
  # the application's cache, which adds a line to a file when it is cleared
  mkdir -p breathecode/feedback
  cat > breathecode/feedback/caches.py << END
class AnswerCache:
    @classmethod
    def clear(cls):
        print("cleared", file=open("$PWD/cleared", "a"))
END
  manage=("$python" -m django backfill_feedback_syllabus)
}

manage() { "${manage[@]}" "$@"; }
set_in_table() { sql 'SELECT count(*) FROM feedback_answer WHERE id <> 8 AND syllabus_id IS NOT NULL'; }
cleared() { [ -e cleared ] && wc -l < cleared || echo 0; }

# From here on psql and fb-backfill log their arguments, the environment of the connection, and the password file.
watch_calls() {
  local program
  mkdir calls
  export LOG=$PWD/log
  for program in psql fb-backfill; do
    cat > "calls/$program" << END
#!/bin/bash
printf '%s\n' "\$*" >> "\$LOG"
env | grep -aE '^(PG|DATABASE_URL)' | sort -u > "\$LOG.environment"
[ ! "\${PGPASSFILE-}" ] || { stat -c %a "\$PGPASSFILE"; cat "\$PGPASSFILE"; } > "\$LOG.passfile"
exec $(command -v $program) "\$@"
END
    chmod +x "calls/$program"
  done
  PATH=$PWD/calls:$PATH
}

@test "the report is the original's, byte for byte" {
  manage --dry-run > report;                run -0 diff "$original/dry-run.txt" report
  manage --dry-run --model review > report; run -0 diff "$original/model-review-dry-run.txt" report
  assert_equal "$(set_in_table)" 0
  manage --limit 2 > report;                run -0 diff "$original/limit-2.txt" report
  manage -- --undo fb-receipts-*.tsv > report
  manage --limit 0 > report;                run -0 diff "$original/run.txt" report
  manage > report;                          run -0 diff "$original/nothing-left.txt" report
}

@test "failed records: the original's report, exit 1, and the cache is cleared" {
  sql "CREATE FUNCTION frozen() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN IF NEW.id % 2 = 1 THEN RAISE EXCEPTION ''record is frozen''; END IF; RETURN NEW; END'"
  sql "CREATE TRIGGER frozen BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION frozen()"
  run -1 --separate-stderr manage --model answer
  run -0 diff "$original/errors.txt" - <<< "$output"
  [[ $stderr == *': answer 1 failed: P0001 record is frozen'*$'\nCommandError: fb-backfill: exit status 1' ]]
  assert_equal "$(cleared)" 1
}

@test "the cache is cleared when something was changed, and only then" {
  manage --dry-run
  manage -- --check || assert_equal $? 1
  run -2 manage --limit -1
  assert_line --partial "fb-backfill: --limit: invalid number '-1'"
  PGPORT=1 run -2 manage
  assert_line 'fb-backfill: nothing was changed'
  assert_line 'CommandError: fb-backfill: exit status 2'
  assert_equal "$(cleared)" 0
  manage
  assert_equal "$(cleared)" 1
  manage
  assert_equal "$(cleared)" 1
  manage --dry-run -- --undo fb-receipts-*.tsv
  assert_equal "$(cleared)" 1
  manage -- --undo fb-receipts-*.tsv --quiet
  assert_equal "$(cleared)" 2
}

# bats test_tags=slow
@test "a cache that is not there, or cannot be cleared, is a line on standard error" {
  echo 'raise RuntimeError("no such host: redis")' > breathecode/feedback/caches.py
  run -0 --separate-stderr manage --limit 1
  [[ $stderr == *$'\nthe cached answer lists were not cleared: no such host: redis' ]]
  rm -r breathecode
  run -0 --separate-stderr manage
  [[ $stderr == *$'\n'"the cached answer lists were not cleared: No module named 'breathecode'" ]]
  run -0 --separate-stderr manage
  [[ $stderr != *'answer lists'* ]]
}

@test "the last line of a run names the command that takes it back, which does so" {
  before=$(state)
  run -0 --separate-stderr manage
  assert_equal "${stderr#*; take them back with: }" "manage.py backfill_feedback_syllabus -- --undo $(echo fb-receipts-*.tsv)"
  manage -- --undo fb-receipts-*.tsv
  assert_equal "$(state)" "$before"
}

@test "usage errors are the original's" {
  run -2 manage --model cohort
  assert_output --partial "error: argument --model: invalid choice: 'cohort' (choose from 'answer', 'review', 'all')"
  run -2 manage --limit many
  assert_output --partial "error: argument --limit: invalid int value: 'many'"
  run -2 manage review
  assert_output --partial 'unrecognized arguments: review'
  run -2 manage --nothing
  assert_output --partial 'unrecognized arguments: --nothing'
  run -0 manage --help
  for option in '--dry-run +Show what would be updated without making changes' '--limit LIMIT +Limit the number of records to process'; do
    assert_output --regexp "$option"
  done
  assert_equal "$(set_in_table)" 0
}

# ---- the connection

@test "a password is on no command line and in no environment, but in a file that only its owner can read, and that is removed" {
  watch_calls
  cat >> settings.py << END
DATABASES["default"].update(USER="must_give_password", PASSWORD="this one", HOST="$PGHOST", PORT=$PGPORT)
END
  unset PGUSER PGHOST PGPORT PGDATABASE
  mkdir tmp
  TMPDIR=$PWD/tmp PGPASSWORD=wrong run -0 manage --dry-run
  assert_line 'DRY RUN: Would update 7 records in total'
  run -0 cat log.passfile
  assert_output "$(lines 600 '*:*:*:*:this one')"
  run -1 grep -F 'this one' log log.environment
  grep -q '^--no-password .*--dry-run$' log
  run -0 ls -A tmp
  assert_output ''
  # characters that mean something in a password file
  echo 'DATABASES["default"]["PASSWORD"] = r"a:b\c d"' >> settings.py
  run -2 manage
  assert_line --partial 'password authentication failed'
  assert_equal "$(tail -n 1 log.passfile)" '*:*:*:*:a\:b\\c d'
  # without a password, nobody is asked for one
  echo 'DATABASES["default"]["PASSWORD"] = ""' >> settings.py
  run -2 manage
  assert_line --partial 'no password supplied'
}

# bats test_tags=slow
@test "the settings reach libpq, OPTIONS too; DATABASE_URL is not used" {
  watch_calls
  cat >> settings.py << END
DATABASES["default"].update(HOST="$PGHOST", PORT="$PGPORT", USER="postgres", OPTIONS={
    "sslmode": "prefer", "connect_timeout": 7, "application_name": "school", "options": "-c search_path=elsewhere",
    "passfile": "$PWD/nowhere", "target_session_attrs": "any", "keepalives": 1, "isolation_level": 4,
})
END
  sql 'CREATE SCHEMA elsewhere'
  for table in admissions_{syllabus,syllabusversion,cohort} feedback_{answer,review}; do sql "ALTER TABLE $table SET SCHEMA elsewhere"; done
  expected=$(lines PGAPPNAME=school PGCONNECT_TIMEOUT=7 "PGDATABASE=$PGDATABASE" "PGHOST=$PGHOST" 'PGOPTIONS=-c search_path=elsewhere' \
    "PGPASSFILE=$PWD/nowhere" "PGPORT=$PGPORT" PGSSLMODE=prefer PGTARGETSESSIONATTRS=any PGUSER=postgres)
  unset PGUSER PGPORT PGDATABASE
  export PGHOST=nowhere DATABASE_URL=postgres://nowhere/x
  run -0 manage --dry-run
  assert_line 'DRY RUN: Would update 7 records in total'
  assert_equal "$(grep -v -e PG_BINDIR -e DATABASE_URL log.environment)" "$expected"
  # without a NAME, Django's own default
  echo 'DATABASES["default"].update(NAME=None, OPTIONS={})' >> settings.py
  run -2 manage --dry-run
  assert_line --regexp 'relation ".*" does not exist'
  grep -qx PGDATABASE=postgres log.environment
}

# bats test_tags=slow
@test "a service is used; together with HOST, PORT, USER or NAME it is refused: libpq and Django would use different ones" {
  lines '[feedback]' "host=$PGHOST" "port=$PGPORT" "dbname=$PGDATABASE" "user=$PGUSER" > services
  cat >> settings.py << END
DATABASES["service"] = {"ENGINE": "django.db.backends.postgresql", "OPTIONS": {"service": "feedback"}}
DATABASES["both"] = {**DATABASES["service"], "NAME": "another"}
END
  unset PGUSER PGHOST PGPORT PGDATABASE
  export PGSERVICEFILE=$PWD/services
  run -0 manage --dry-run --database service
  assert_line 'DRY RUN: Would update 7 records in total'
  run -2 manage --dry-run --database both
  assert_output "CommandError: database 'both': a service cannot be combined with HOST, PORT, USER, NAME"
  # nor one that only libpq would know of
  PGSERVICE=feedback run -2 manage --dry-run
  assert_output 'CommandError: PGSERVICE is set in the environment; unset it, or name the service in settings'
  PGSERVICE=other run -0 manage --dry-run --database service
}

@test "--database is one of settings.DATABASES, and PostgreSQL" {
  run -2 manage --database lite
  assert_output "CommandError: database 'lite' is not PostgreSQL"
  run -2 manage --database none
  assert_output --partial "invalid choice: 'none' (choose from 'default', 'lite')"
  first=$PGDATABASE
  sample_database
  echo "DATABASES['second'] = {**DATABASES['default'], 'NAME': '$PGDATABASE'}" >> settings.py
  run -0 --separate-stderr manage --database second
  run -0 diff "$original/run.txt" - <<< "$output"
  [[ $stderr == *"take them back with: manage.py backfill_feedback_syllabus --database=second -- --undo fb-receipts-"* ]]
  assert_equal "$(set_in_table)" 5
  PGDATABASE=$first
  assert_equal "$(set_in_table)" 0
}

@test "fb-backfill is not in PATH: exit 2, and the cache is not cleared" {
  manage[0]=$(command -v "$python")
  PATH=/nowhere run -2 manage
  assert_output 'CommandError: fb-backfill: No such file or directory'
  assert_equal "$(cleared)" 0
}

# ---- as it goes

@test "each record is reported once committed; Ctrl-C finishes the open batch, its receipts are kept, the cache is cleared" {
  for from in terminal kill; do
    hold 'SELECT FROM feedback_answer WHERE id = 2 FOR UPDATE;'
    setsid env --default-signal "${manage[@]}" -- --batch-size 1 --lock-timeout 0 --receipts $from.tsv > out 2> err &
    pid=$!
    wait_until backends_waiting
    wait_until grep -q '✓ Answer 1:' out
    # a terminal sends it to the whole group, kill to one process
    if [ $from = terminal ]; then kill -INT -- "-$pid"; else kill -INT "$pid"; fi
    wait_until grep -q 'interrupted by SIGINT' err
    release
    status=0; wait "$pid" || status=$?
    assert_equal "$status" 130
    assert_equal "$(set_in_table)" 2   # a second signal would have rolled the open batch back
    assert_equal "$(grep -c ^updated $from.tsv)" 2
    grep -q '^✗ Stopped: updated 2 of 7 records in total' out
    grep -q "2 of 7 records are committed in .*; receipts in $PWD/$from.tsv; take them back with: manage.py " err
    assert_equal "$(tail -n 1 err)" 'CommandError: interrupted by SIGINT'
    manage -- --undo $from.tsv --quiet --no-receipts
  done
  assert_equal "$(cleared)" 4
}

# bats test_tags=slow
@test "when the reader goes, the run goes on to its end, exit 2" {
  sql 'INSERT INTO feedback_answer (id, cohort_id) SELECT 100 + n, 1 FROM generate_series(1, 20000) AS n'
  status=0
  manage 2> err > >(head -n 5 > first) || status=$?
  assert_equal "$status" 2
  assert_equal "$(tail -n 1 err)" 'CommandError: the report could not be written'
  assert_equal "$(set_in_table)" 20005
  assert_equal "$(grep -c ^updated fb-receipts-*.tsv)" 20007
  assert_equal "$(cleared)" 1
}

# bats test_tags=slow
@test "colored as Django's commands are: on a terminal, with --force-color, and not with --no-color" {
  fb-backfill --dry-run --color always > expected
  manage --dry-run --force-color > got
  run -0 cmp expected got
  on_terminal() { TERM=xterm python3 "$BATS_TEST_DIRNAME/terminal.py" raw 80 "${manage[@]}" --dry-run "$@" 2> /dev/null; }
  on_terminal > got
  grep -qF $'\e[33;1mDRY RUN MODE - No changes will be made\e[0m' got
  on_terminal --no-color > got
  grep -q 'DRY RUN MODE' got
  refute grep -q $'\e' got
}

@test "call_command, in any thread: it writes to stdout and stderr as given, and raises CommandError with the status" {
  cat > call.py << END
import io, threading
import django
from django.core.management import CommandError, call_command

django.setup()
out, err, problems = io.StringIO(), io.StringIO(), []


def call(**options):
    try:
        call_command("backfill_feedback_syllabus", stdout=out, stderr=err, **options)
    except CommandError as error:
        problems.append(error.returncode)


call(dry_run=True)
assert out.getvalue() == open("$original/dry-run.txt").read(), out.getvalue()
assert "7 rows would be updated" in err.getvalue(), err.getvalue()
thread = threading.Thread(target=call)
thread.start()
thread.join()
assert "updated 7 records in total" in out.getvalue()
call(limit=-1)
assert problems == [2], problems
END
  run -0 "$python" call.py
  assert_output ''
}
