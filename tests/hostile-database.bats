# A database with other people's objects, and a server that lies: the operator runs none of their code except what is
# attached to the application's tables, and receipts are true or the exit status is 2. See fb(7), "Security".
# bats file_tags=server
load helper
load aftermath

assert_harmless() { python3 "$BATS_TEST_DIRNAME/copytext.py" harmless; }

# ---- objects with the names of PostgreSQL's own

# Creates in the schema evil a copy of every operator and ordinary function of pg_catalog, and of the aggregates that count
# and collect, for the same types. Each records its name, and who ran it.
evil_objects() {
  sql "
    CREATE SCHEMA evil;
    CREATE TABLE evil.taken_over (what text, by text DEFAULT current_user);
    GRANT USAGE ON SCHEMA evil TO PUBLIC; GRANT INSERT ON evil.taken_over TO PUBLIC;
    CREATE FUNCTION evil.note(what text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog SECURITY DEFINER AS
      'BEGIN INSERT INTO evil.taken_over VALUES (what); EXCEPTION WHEN read_only_sql_transaction THEN RAISE ''taken over by %'', what; END';
    SET client_min_messages = error;
    DO \$do\$
    DECLARE f record; o record;
    BEGIN
      FOR f IN SELECT proname, pg_get_function_identity_arguments(oid) AS arguments, pg_get_function_result(oid) AS result
               FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND NOT proretset LOOP
        BEGIN
          EXECUTE format('CREATE FUNCTION evil.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', f.proname, f.arguments, f.result,
            format('BEGIN PERFORM evil.note(%L); RETURN NULL; END', f.proname));
        EXCEPTION WHEN OTHERS THEN NULL;  -- some take what only C can
        END;
      END LOOP;
      FOR f IN SELECT name, type FROM unnest(ARRAY['count', 'min', 'max', 'array_agg', 'bool_and', 'unnest', 'cardinality', 'string_agg']) AS name,
               unnest(ARRAY['integer', 'bigint', 'boolean', 'text', 'bigint[]', 'anyelement']) AS type LOOP
        EXECUTE format('CREATE OR REPLACE FUNCTION evil.%I(%s) RETURNS bigint LANGUAGE plpgsql AS %L', f.name, f.type,
          format('BEGIN PERFORM evil.note(%L); RETURN 0; END', f.name));
      END LOOP;
      FOR o IN SELECT oprname, format_type(oprleft, NULL) AS l, format_type(oprright, NULL) AS r, format_type(oprresult, NULL) AS result
               FROM pg_operator WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprleft <> 0 LOOP
        BEGIN
          EXECUTE format('CREATE OR REPLACE FUNCTION evil.operator(%s, %s) RETURNS %s LANGUAGE plpgsql AS %L', o.l, o.r, o.result,
            format('BEGIN PERFORM evil.note(%L); RETURN NULL; END', o.oprname));
          EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.operator)', o.oprname, o.l, o.r);
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
      END LOOP;
    END \$do\$;
    CREATE DOMAIN evil.text AS pg_catalog.int4; CREATE DOMAIN evil.int8 AS pg_catalog.text; CREATE DOMAIN evil.numeric AS pg_catalog.text;
    ALTER DATABASE $PGDATABASE SET search_path = evil, pg_catalog, public"
}
# The tests' own queries do not use it.
plainly() { PGOPTIONS='-c search_path=public' "$@"; }
assert_nothing_taken_over() {
  run -0 plainly sql 'SELECT DISTINCT what, by FROM evil.taken_over'
  assert_output ''
}

@test "functions, operators and types of other schemas are never used instead of PostgreSQL's" {
  example_database
  oracle_state > expected
  before=$(state)
  make_plan > plan.tsv
  evil_objects
  run -0 sql 'SELECT count(1)'   # the copies are found first
  assert_output 0
  plainly sql 'TRUNCATE evil.taken_over'
  run -1 fb-backfill --check
  assert_output --partial 'Answer: 201 eligible'
  # a duplicate, an edited row, a deleted row: each way through a batch
  { cat plan.tsv; tail -n 1 plan.tsv; } > twice.tsv
  plainly sql 'UPDATE feedback_answer SET cohort_id = 3 WHERE id = 357; DELETE FROM feedback_answer WHERE id = 104'
  run -0 --separate-stderr fb-backfill --apply twice.tsv --batch-size 40 --jobs 2 --max-failures 0 --max-lag 100 --receipts r.tsv
  assert_equal "$(messages)" ''
  assert_equal "$(cut -f 1,8 r.tsv | sort | uniq -c | tr -s ' ')" "$(lines ' 1 skipped\tcohort-changed' ' 1 skipped\tduplicate' ' 1 skipped\tgone' ' 1 status\tdetail' ' 252 updated\t\\N')"
  run -0 fb-backfill --undo r.tsv --quiet
  run -0 fb-backfill --quiet
  assert_nothing_taken_over
}

@test "overloads in public, which is searched after pg_catalog, are not used" {
  sample_database
  before=$(state)
  oracle_state > expected
  sql "CREATE FUNCTION public.s(pg_catalog.text, int) RETURNS pg_catalog.text LANGUAGE sql AS \$\$SELECT 'tmp[\$(touch pwned)0]'\$\$;
       CREATE AGGREGATE public.count(int) (sfunc = s, stype = pg_catalog.text, initcond = 'x');
       CREATE FUNCTION public.m(bigint, pg_catalog.text) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
       CREATE OPERATOR public.- (leftarg = bigint, rightarg = pg_catalog.text, function = m);
       CREATE FUNCTION public.cardinality(bigint[]) RETURNS int LANGUAGE sql AS 'SELECT 7';
       CREATE FUNCTION public.array_agg(bigint) RETURNS bigint[] LANGUAGE sql AS 'SELECT NULL::bigint[]'"
  run -1 --separate-stderr fb-backfill --check
  assert_output "$(lines 'Answer: 5 eligible, 1 with a cohort without a syllabus' 'Review: 2 eligible, 1 with a cohort without a syllabus')"
  run -0 fb-backfill --receipts r.tsv --quiet
  run -0 diff expected <(state)
  run -0 fb-backfill --undo r.tsv --quiet
  assert_equal "$(state)" "$before"
  [ ! -e pwned ]
}

@test "triggers use the session's search_path, as always" {
  sample_database
  sql "CREATE SCHEMA app; CREATE TABLE app.seen (id bigint, path text);
       CREATE FUNCTION app.stamp() RETURNS text LANGUAGE sql AS 'SELECT current_setting(''search_path'')';
       CREATE FUNCTION app.see() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO seen VALUES (NEW.id, stamp()); RETURN NEW; END';
       CREATE TRIGGER see BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION app.see();
       CREATE CONSTRAINT TRIGGER see_later AFTER UPDATE ON feedback_review DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.see();
       ALTER DATABASE $PGDATABASE SET search_path = app, public"
  run -0 fb-backfill --quiet --batch-size 3
  run -0 sql 'SELECT path, count(*) FROM seen GROUP BY path'
  assert_output 'app, public|7'
  # also when records are tried one by one
  sql "UPDATE feedback_answer SET syllabus_id = NULL; TRUNCATE seen;
       CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id = 2 THEN RAISE ''no''; END IF; RETURN NEW; END';
       CREATE TRIGGER refuse BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION refuse()"
  run -1 fb-backfill --quiet --model answer
  run -0 sql 'SELECT path, count(*) FROM seen GROUP BY path'
  assert_output 'app, public|5'
}

@test "a trigger that sets the session's search_path does not redirect the rest of the run" {
  sample_database
  oracle_state > expected
  sql "CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.feedback_answer (LIKE feedback_answer); CREATE TABLE elsewhere.feedback_review (LIKE feedback_review);
       INSERT INTO elsewhere.feedback_answer SELECT * FROM feedback_answer; INSERT INTO elsewhere.feedback_review SELECT * FROM feedback_review;
       CREATE FUNCTION lead_away() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM set_config(''search_path'', ''elsewhere, public'', false); RETURN NULL; END';
       CREATE TRIGGER lead_away AFTER UPDATE ON feedback_answer FOR EACH STATEMENT EXECUTE FUNCTION lead_away()"
  run -0 fb-backfill --batch-size 2 --quiet
  run -0 diff expected <(state)
  run -0 sql 'SELECT count(syllabus_id) FROM elsewhere.feedback_review'
  assert_output 1   # unchanged
}

# ---- receipts are true, or the exit status is 2

@test "a trigger that changes the batch's own tables: exit 2, and nothing in the batch is applied" {
  sample_database
  before=$(state)
  for meddling in "DELETE FROM pg_temp.fb_batch" "DELETE FROM pg_temp.fb_batch WHERE n = 2" "INSERT INTO pg_temp.fb_batch (n, model, id) VALUES (9, ''answer'', 9)" \
      "INSERT INTO pg_temp.fb_outcome VALUES (2, ''skipped'', ''gone'')"; do
    sql "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN $meddling; RETURN NULL; END';
         CREATE TRIGGER meddle AFTER UPDATE ON feedback_answer FOR EACH STATEMENT EXECUTE FUNCTION meddle()"
    run -2 --separate-stderr fb-backfill --model answer --receipts r.tsv
    [[ $stderr == *'A trigger may have changed the temporary tables of this session.'* ]] || { echo "$stderr"; false; }
    assert_equal "$(wc -l < r.tsv)" 1
    assert_equal "$(state)" "$before"
    sql 'DROP FUNCTION meddle() CASCADE'
    rm r.tsv*
  done
}

@test "an ASSERT, a cancellation, a huge message of a trigger: the record fails alone, its message cut" {
  sample_database
  for failing in "ASSERT NEW.id <> 2, ''not two''" "IF NEW.id = 2 THEN RAISE ''not two'' USING ERRCODE = ''query_canceled''; END IF" \
      "IF NEW.id = 2 THEN RAISE ''%'', repeat(''x'', 20000000); END IF"; do
    sql "CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN $failing; RETURN NEW; END';
         DROP TRIGGER IF EXISTS fail ON feedback_answer;
         CREATE TRIGGER fail BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION fail()"
    run -1 fb-backfill --model answer --receipts r.tsv --quiet
    assert_equal "$(grep -c ^updated r.tsv)" 4
    run -0 awk -F '\t' '$1 == "failed" { print $3, substr($8, 1, 5), length($8) }' r.tsv
    case $failing in
      ASSERT*) assert_output '2 P0004 13' ;;
      *canceled*) assert_output '2 57014 13' ;;
      *) assert_output '2 P0001 1006' ;;
    esac
    fb-backfill --undo r.tsv --quiet
    rm r.tsv*
  done
}

# ---- a database that accepts any bytes as text

@test "in an SQL_ASCII database, a slug that is not UTF-8 is reported with its cohort; others are read" {
  export PGDATABASE=test_${BATS_SUITE_TEST_NUMBER}_$RANDOM
  psql -Xqd postgres -c "CREATE DATABASE $PGDATABASE TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
  psql -Xqf "$project/tests/original/sample.sql"
  sql "UPDATE admissions_cohort SET slug = 'señor' WHERE id = 2"
  PGCLIENTENCODING=SQL_ASCII sql "UPDATE admissions_cohort SET slug = E'se\\xf1or' WHERE id = 1"
  run -2 fb-backfill --dry-run
  assert_line 'ERROR:  the slug of cohort 1 is not UTF-8'
  sql "UPDATE admissions_cohort SET slug = 'miami' WHERE id = 1"
  PGCLIENTENCODING=SQL_ASCII sql "UPDATE admissions_syllabus SET slug = E'\\xff' WHERE id = 2"
  run -2 fb-backfill --dry-run
  assert_line 'ERROR:  the slug of syllabus 2 is not UTF-8'
  sql "UPDATE admissions_syllabus SET slug = 's' WHERE id = 2"
  run -0 fb-backfill
  assert_line '  ✓ Answer 3: cohort=señor → syllabus=s'
}

# ---- terminals

@test "messages of functions in views, and errors that stop the run, cannot act on the terminal" {
  sample_database
  sql "ALTER TABLE feedback_review RENAME TO review_table;
       CREATE FUNCTION shout(id int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE WARNING E''\\x1b[31m\\x07%'', id; RETURN id; END';
       CREATE VIEW feedback_review AS SELECT shout(id) AS id, cohort_id, syllabus_id FROM review_table"
  run -0 --separate-stderr fb-backfill --dry-run
  [[ $stderr == *'WARNING:  \x1b[31m\x071'* ]] || { echo "$stderr"; false; }
  assert_harmless <<< "$stderr"
  run -1 --separate-stderr fb-backfill --check --progress
  sed $'s/\r\|\x1b\\[K//g' <<< "$stderr" > shown   # without the escapes that draw progress, if it was drawn
  assert_harmless < shown
  sql "CREATE OR REPLACE FUNCTION shout(id int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE E''\\x1b]0;title\\x07''; END'"
  run -2 --separate-stderr fb-backfill --dry-run
  [[ $stderr == *'ERROR:  \x1b]0;title\x07'* ]]
  assert_harmless <<< "$stderr"
}

# ---- a server that lies

begin_lying_server() { # [ANSWER]
  mkdir lying
  python3 "$BATS_TEST_DIRNAME/lying-server.py" lying "$@" > asked 2>&1 3>&- &
  lying=$!
  wait_until test -S lying/.s.PGSQL.5432
  export PGHOST=$PWD/lying PGDATABASE=x
}
teardown() { [ ! "${lying-}" ] || kill "$lying"; }

@test "a server that makes psql take COPY data for commands cannot run anything (CVE-2026-6464)" {
  # Each way in which COPY's text format writes a backslash, before a command for psql. psql stops at the first unknown
  # command, so each has its own run.
  python3 - << 'PYTHON'
escape = {"\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v", "\\": "\\\\"}
hostile = [c + rest for c in escape for rest in (" `touch pwned`", "`touch pwned`", "! touch pwned", "\\! touch pwned", "o |touch pwned")]
for n, slug in enumerate(hostile + ["hex:5c21", "`touch pwned`", ":`touch pwned`"]):
    with open(f"plan.{n}", "w") as plan:
        print("model", "id", "cohort_id", "cohort", "syllabus_id", "syllabus", sep="\t", file=plan)
        print("answer", 1, 7, "".join(escape.get(c, c) for c in slug), 9, "s", sep="\t", file=plan)
PYTHON
  begin_lying_server
  for plan in plan.*; do
    fb-apply "$plan" | psql -Xq > out 2>&1 || true
    [ ! -e pwned ] || fail "$(tail -n 1 "$plan") was run"
  done
  assert_equal "$(grep -c 'FROM STDIN' asked)" "$(ls plan.* | wc -l)"
}

@test "a database's answers are never evaluated" {
  for answer in 'answer\t1\tc\t1\ts\ttmp[$(touch pwned)0]\n' '$(touch pwned)\t1\tc\t1\ts\t1\n' 'answer\t1\tc\t1\ts\n' 'quiz\t1\tc\t1\ts\t1\n' \
      'answer\t1\tc\t1\ts\t99999999999999999999\n' 'answer\t1\tc\t1\ts\t-1\n' 'answer\t1\tc\t1\ts\t\e[2J\n'; do
    begin_lying_server "$(printf '%b.' "$answer")"
    for options in '' --json; do
      run -2 --separate-stderr fb-backfill --check $options
      [[ $stderr == *"fb-report: the database's answer:2: "* ]] || { echo "$answer: $stderr"; false; }
      assert_harmless <<< "$stderr"
    done
    [ ! -e pwned ]
    kill "$lying"; wait "$lying" || true; lying=''
    rm -r lying
  done
}

# ---- the script runs to its end, or an error is reported

@test "a shell that executes nothing, or a locale with another decimal point, does not look like success" {
  sample_database
  run env SHELLOPTS=noexec fb-backfill --check
  assert_equal "$status" 1
  assert_output --partial '5 eligible'
  run env BASHOPTS=extdebug SHELLOPTS=noexec:noglob fb-backfill --dry-run --summary
  assert_equal "$status" 0
  assert_line 'Would update 5 Answer records'
}
