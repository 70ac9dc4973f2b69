# Tables other than the built-in two: --table, --models and --print-models of all programs.
load helper

form='expected NAME=[SCHEMA.]TABLE[:ID,COHORT,SYLLABUS], with double quotes around names that need them'
built_in='answer=feedback_answer:id,cohort_id,syllabus_id
review=feedback_review:id,cohort_id,syllabus_id'

# A table whose names all need quotes, with rows for each cohort and for no cohort, with and without a syllabus.
odd='note="my schema"."odd:table":"i d","c,ohort","syl""labus"'
odd_database() {
  example_database
  sql 'CREATE SCHEMA "my schema";
       CREATE TABLE "my schema"."odd:table" ("i d" smallint PRIMARY KEY, updated_at timestamptz, "c,ohort" bigint,
         "syl""labus" integer REFERENCES admissions_syllabus DEFERRABLE INITIALLY DEFERRED);
       INSERT INTO "my schema"."odd:table"
       SELECT row_number() OVER (ORDER BY n, c.id), now(), c.id, CASE n WHEN 0 THEN (SELECT min(id) FROM admissions_syllabus) END
       FROM generate_series(0, 3) AS n, (SELECT id FROM admissions_cohort UNION SELECT NULL) AS c'
}
odd_state() { sql 'SELECT t FROM "my schema"."odd:table" AS t ORDER BY "i d"'; }

# What one plain UPDATE leaves, on a copy.
odd_oracle() {
  local copy=${PGDATABASE}_odd
  copy_database "$PGDATABASE" "$copy"
  export PGDATABASE=$copy
  sql 'UPDATE "my schema"."odd:table" AS t SET "syl""labus" = v.syllabus_id
       FROM admissions_cohort AS c JOIN admissions_syllabusversion AS v ON v.id = c.syllabus_version_id
       WHERE c.id = t."c,ohort" AND t."syl""labus" IS NULL'
  odd_state
}

# bats test_tags=server
@test "an added table: dry run, run, check and undo, beside the built-in ones" {
  odd_database
  before=$(odd_state) all_before=$(state)
  (odd_oracle) > odd-expected
  oracle_state > expected
  fb-backfill --table "$odd" --dry-run --plan plan.tsv > report
  run -0 grep -A 3 'Processing Note' report
  assert_output --partial ' Note records to process'
  assert_equal "$(odd_state)$(state)" "$before$all_before"
  run -1 fb-backfill --table "$odd" --check
  assert_line --regexp '^Note: [1-9][0-9]* eligible, [1-9][0-9]* with a cohort without a syllabus$'
  fb-backfill --table "$odd" --apply plan.tsv --receipts r.tsv > report
  run -0 diff odd-expected <(odd_state)
  run -0 diff expected <(state)
  run -0 fb-backfill --table "$odd" --check
  assert_line --partial 'Note: 0 eligible'
  run -0 fb-backfill --table "$odd"
  assert_line '  No notes need updating'
  fb-backfill --table "$odd" --undo r.tsv > report
  run -0 grep -c '✓ Note ' report
  assert_output "$(grep -c $'^updated\tnote\t' r.tsv)"
  assert_equal "$(odd_state)$(state)" "$before$all_before"
}

# bats test_tags=server
@test "an added table alone, over several connections, in small batches, with a limit" {
  odd_database
  all_before=$(state) before=$(odd_state)
  (odd_oracle) > odd-expected
  lowest=$(sql 'SELECT "i d" FROM "my schema"."odd:table" AS t JOIN admissions_cohort AS c ON c.id = "c,ohort"
                WHERE "syl""labus" IS NULL AND c.syllabus_version_id IS NOT NULL ORDER BY 1 LIMIT 3')
  fb-backfill --table "$odd" --model note --limit 3 --receipts few.tsv > report
  run -0 cut -f 1,3 few.tsv
  assert_output "$(lines 'status\tid'; sed 's/^/updated\t/' <<< "$lowest")"
  fb-backfill --table "$odd" --model note --jobs 3 --batch-size 2 --receipts rest.tsv > report
  run -0 diff odd-expected <(odd_state)
  assert_equal "$(state)" "$all_before"
  fb-backfill --table "$odd" --undo rest.tsv --jobs 2 > report
  fb-backfill --table "$odd" --undo few.tsv > report
  assert_equal "$(odd_state)" "$before"
}

# bats test_tags=server
@test "the guard and the receipts of an added table" {
  odd_database
  fb-backfill --table "$odd" --model note --limit 5 --dry-run --plan plan.tsv > report
  mapfile -t id < <(tail -n +2 plan.tsv | cut -f 2)
  syllabus=$(tail -n 1 plan.tsv | cut -f 5)
  awk -F '\t' -v OFS='\t' -v id="${id[3]}" '$2 == id { $5 = 12345 } { print }' plan.tsv > dangling.tsv
  sql "UPDATE \"my schema\".\"odd:table\" SET \"c,ohort\" = NULL WHERE \"i d\" = ${id[0]};
       UPDATE \"my schema\".\"odd:table\" SET \"syl\"\"labus\" = $syllabus WHERE \"i d\" = ${id[1]};
       DELETE FROM \"my schema\".\"odd:table\" WHERE \"i d\" = ${id[2]}"
  # the changed ones in one UPDATE; then with a failing one, so each separately
  head -n 4 plan.tsv > changed.tsv
  before=$(odd_state)
  run -0 fb-backfill --table "$odd" --apply changed.tsv
  assert_line 'Skipped: 3 (already-set 1, cohort-changed 1, gone 1)'
  assert_equal "$(odd_state)" "$before"
  run -1 --separate-stderr fb-backfill --table "$odd" --apply dangling.tsv --receipts r.tsv
  run -0 cut -f 1,3,8 r.tsv
  assert_line --index 1 "$(lines "skipped\t${id[0]}\tcohort-changed")"
  assert_line --index 2 "$(lines "skipped\t${id[1]}\talready-set")"
  assert_line --index 3 "$(lines "skipped\t${id[2]}\tgone")"
  assert_line --index 4 --partial "$(lines "failed\t${id[3]}\t23503 ")"
  assert_line --index 5 "$(lines "updated\t${id[4]}\t\\\\N")"
  sql "UPDATE \"my schema\".\"odd:table\" SET \"syl\"\"labus\" = NULL WHERE \"i d\" = ${id[4]}"
  before=$(odd_state)
  run -0 fb-backfill --table "$odd" --undo r.tsv
  assert_line "  - Note ${id[4]}: skipped, already-reverted"
  assert_equal "$(odd_state)" "$before"
}

# bats test_tags=server
@test "columns of smallint, integer and bigint; foreign keys by another name, and none" {
  sample_database
  for type in smallint integer bigint; do
    sql "CREATE TABLE $type ($type $type PRIMARY KEY, c $type, s $type${foreign_key-});
         INSERT INTO $type SELECT n, 1 FROM generate_series(1, 3) AS n"
    foreign_key=' CONSTRAINT "some ""key" REFERENCES admissions_syllabus'
    echo "of_$type=$type:$type,C,s"
  done > models
  fb-backfill --models models --receipts r.tsv > report
  fb-backfill --models models --check
  for type in smallint integer bigint; do
    assert_equal "$(sql "SELECT count(s), count(DISTINCT s) FROM $type")" '3|1'
  done
  fb-backfill --models models --undo r.tsv > report
  assert_equal "$(sql 'SELECT count(s) FROM (TABLE smallint UNION ALL TABLE integer UNION ALL TABLE bigint) AS a')" 0
  # what does not fit fails alone
  fb-backfill --models models --dry-run --plan plan.tsv > report
  sql "INSERT INTO admissions_syllabus VALUES (40000, 'full-stack')"
  awk -F '\t' -v OFS='\t' 'NR == 2 { $5 = 40000 } { print }' plan.tsv > large.tsv
  run -1 --separate-stderr fb-backfill --models models --apply large.tsv --receipts r.tsv
  run -0 cut -f 1,8 r.tsv
  assert_line --index 1 "$(lines 'failed\t22003 smallint out of range')"
  assert_equal "$(grep -c ^updated r.tsv)" 8
}

# bats test_tags=server
@test "a built-in model is replaced: its table is not changed" {
  sample_database
  sql 'CREATE TABLE "Answer" AS SELECT id, cohort_id AS c, syllabus_id AS s FROM feedback_answer'
  before=$(sql 'SELECT t FROM feedback_answer AS t ORDER BY id')
  fb-backfill --table 'answer="Answer":id,c,s' > report
  run -0 diff "$BATS_TEST_DIRNAME/original/run.txt" report
  assert_equal "$(sql 'SELECT t FROM feedback_answer AS t ORDER BY id')" "$before"
  fb-backfill --model answer > report
  run -0 sql 'SELECT id, cohort_id, syllabus_id FROM feedback_answer EXCEPT SELECT * FROM "Answer"'
  assert_output ''
}

# A quoted SQL name.
quote() { printf '"%s"' "${1//\"/\"\"}"; }

# bats test_tags=server
@test "hostile names are only names" {
  sample_database
  names=('weird"Name; DROP TABLE feedback_answer; --' 'select' 'a$$; END $$; DROP TABLE feedback_answer; --' '\$$\!' "it's"
    ':name' ':"cohorts"' '\! touch pwned' '\q' '{table}' '{model}' 'a.b' ' ' '#' '*/ /*' '-- x' 'U&' '$b$' 'naïve 名' ALL fb_batch t rec as_told n)
  n=0
  for name in "${names[@]}"; do
    for column in id cohort_id syllabus_id; do columns[${#column}]=$(quote "$name $column"); done
    table=$(quote "$name")
    sql "CREATE TABLE $table (${columns[2]} integer, ${columns[9]} integer, ${columns[11]} integer REFERENCES admissions_syllabus);
         INSERT INTO $table VALUES (1, 1), (2, 1), (3, NULL)"
    echo "m$((++n))=public.$table:${columns[2]},${columns[9]},${columns[11]}"
  done > models
  # columns with names that the procedures use themselves
  sql 'CREATE TABLE own (reason integer, state integer, message integer REFERENCES admissions_syllabus);
       CREATE TABLE changed (lowest integer, highest integer, done integer REFERENCES admissions_syllabus);
       CREATE TABLE b (rec integer, t integer, as_told integer REFERENCES admissions_syllabus);
       CREATE TABLE c (model integer, n integer, b integer REFERENCES admissions_syllabus);
       INSERT INTO own VALUES (1, 1), (2, 1); INSERT INTO changed VALUES (1, 1), (2, 1);
       INSERT INTO b VALUES (1, 1), (2, 1); INSERT INTO c VALUES (1, 1), (2, 1)'
  lines own=own:reason,state,message changed=changed:lowest,highest,done b=b:rec,t,as_told c=c:model,n,b >> models
  before=$(state)
  all=$((n + 4))
  fb-backfill --models models --dry-run --plan plan.tsv > report
  assert_equal "$(tail -n +2 plan.tsv | wc -l)" $((2 * all))
  # one record of each table fails, so all are also tried one by one
  awk -F '\t' -v OFS='\t' '$2 == 2 { $5 = 12345 } { print }' plan.tsv > dangling.tsv
  fb-backfill --models models --apply plan.tsv --receipts plan-r.tsv > report
  assert_equal "$(grep -c ^updated plan-r.tsv)" $((2 * all))
  fb-backfill --models models --undo plan-r.tsv --receipts undone.tsv > report
  assert_equal "$(grep -c ^reverted undone.tsv)" $((2 * all))
  run -1 fb-backfill --models models --apply dangling.tsv --receipts dangling-r.tsv
  assert_equal "$(grep -c ^updated dangling-r.tsv)" "$all"
  assert_equal "$(grep -c $'^failed.*\t23503 ' dangling-r.tsv)" "$all"
  fb-backfill --models models --undo dangling-r.tsv --receipts undone.tsv > report
  assert_equal "$(grep -c ^reverted undone.tsv)" "$all"
  run -1 fb-backfill --models models --check
  assert_equal "$(grep -c ': 2 eligible, 0 ' <<< "$output")" "$all"
  assert_equal "$(state)" "$before"
  [ ! -e pwned ]
}

# bats test_tags=server
@test "a role may do it with the privileges that the built-in tables need" {
  odd_database
  least_privilege
  sql "GRANT USAGE ON SCHEMA \"my schema\" TO feedback_backfill;
       GRANT SELECT, UPDATE (\"syl\"\"labus\") ON \"my schema\".\"odd:table\" TO feedback_backfill"
  before=$(odd_state)
  (odd_oracle) > odd-expected
  as_role fb-backfill --table "$odd" --receipts r.tsv > report
  run -0 diff odd-expected <(odd_state)
  as_role fb-backfill --table "$odd" --undo r.tsv > report
  assert_equal "$(odd_state)" "$before"
  run -1 as_role fb-backfill --table "$odd" --check
}

# bats test_tags=server
@test "a table that is missing, or has other columns, stops it before anything is changed" {
  sample_database
  before=$(state)
  sql 'CREATE TABLE other (id integer, cohort_id text, syllabus_id integer)'
  for table in nowhere public.nowhere nowhere.feedback_answer other feedback_answer:id,cohort_id,no_such; do
    run -2 fb-backfill --table "note=$table"
    assert_output --regexp 'ERROR:  .*: nothing was changed$'
  done
  assert_equal "$(state)" "$before"
}

# ---- the options

@test "--print-models prints what --models reads, in all programs" {
  for program in fb-extract fb-resolve fb-apply fb-report fb-backfill; do
    run -0 $program --print-models
    assert_output "$built_in"
    run -0 $program --table "$odd" --print-models --table answer=t
    assert_output "answer=t
review=feedback_review:id,cohort_id,syllabus_id
$odd"
    $program --table "$odd" --print-models > models
    run -0 $program --models models --print-models
    assert_output "$built_in"$'\n'"$odd"
    run -2 bash -c "$program --print-models > /dev/full"
  done
}

# bats test_tags=server
@test "a models file that says what --table says gives the same" {
  odd_database
  fb-backfill --table "$odd" --dry-run --plan by-table.tsv > by-table
  fb-backfill --table "$odd" --print-models > models
  fb-backfill --models models --dry-run --plan by-file.tsv > by-file
  run -0 diff by-table by-file
  run -0 diff by-table.tsv by-file.tsv
  for script in 'fb-extract --sql' 'fb-extract --sql --count' 'fb-apply by-file.tsv'; do
    run -0 diff <($script --table "$odd") <($script --models models)
  done
  # it is read once, so it may come from a pipe
  fb-backfill --models <(cat models) --receipts r.tsv > report
  fb-backfill --models - --undo r.tsv --summary < models > report
  run -0 --separate-stderr fb-backfill --models models --dry-run
  assert_output "$(cat by-table)"
}

@test "a models file: comments, blank lines, blanks around, CRLF, no last newline; it replaces, and --table adds" {
  printf '# models\n\n  \t\n  answer=a \r\n\t# more\nreview=r' > models
  run -0 fb-report --table gone=g --models models --table note=n --print-models
  assert_output "$(lines answer=a review=r note=n)"
  run -0 fb-report --models - --print-models < models
  assert_output "$(lines answer=a review=r)"
}

@test "names without quotes are folded to lower case, columns have defaults" {
  run -0 fb-extract --sql --table 'x=MySchema.Ünï_$1:ID,Cohort,"Syllabus"' --table 'y="Y"' --model x
  assert_line '  SELECT '"'x'"' AS model, t."id", t."cohort", t."Syllabus"'
  assert_line '  FROM :"x_schema"."Ünï_$1" AS t'
  run -0 fb-extract --sql --table 'y="Y"' --model y
  assert_line '  SELECT '"'y'"' AS model, t."id", t."cohort_id", t."syllabus_id"'
}

@test "invalid model lines, each with its message" {
  cases "$form" << 'END'
from cases import *
form = sys.argv[1]
def refuse(message, *lines, shown=None):
    for model in lines:
        quoted = shown or model
        ran = Ran("fb-extract", "--sql", "--table", model)
        equal((ran.status, ran.out, ran.messages),
              (2, b"", [f"fb-extract: --table: '{quoted}': {message}", "fb-extract: see 'fb-extract --help'"]), model)
        write("models", b"\n", data(model), b"\n")
        ran = Ran("fb-extract", "--sql", "--models", "models")
        equal((ran.status, ran.out, ran.messages), (2, b"", [f"fb-extract: models:2: '{quoted}': {message}"]), model)
refuse(form, "note", "t:id,cohort,syllabus", "note=", "note=.t", "note=s.", "note=s.t.u", "note=t:", "note=t:id", "note=t:id,c",
       "note=t:id,c,s,x", "note=t:id,,s", "note=t:,c,s", 'note="t"x', "note=my-table", "note=1t", "note=$t", "note= t", "note=t:id;c;s")
refuse("a model name is a lower-case letter, then up to 49 lower-case letters, digits and underscores",
       "=t", "Note=t", "1=t", "_n=t", "no-te=t", "no{te=t", "no te=t", "nöte=t", "n" * 51 + "=t")
refuse("a model cannot be named all", "all=t")
refuse("unterminated quoted identifier", 'note="t', 'note="', 'note="t""', 'note="s"."t', 'note=t:"i,c,s')
refuse("empty quoted identifier", 'note=""', 'note="".t', 'note=t:i,"",s')
refuse("two columns have the same name", "note=t:a,a,s", "note=t:a,b,A", 'note=t:a,b,"b"')
refuse("fb-apply has a temporary table of that name; specify the schema", *[f"note={table}" for table in (
    "fb_batch", "FB_Outcome", '"fb_pending"', "fb_merged", "fb_so_far", "fb_place", "fb_known_replica", "fb_replica")])
refuse("names cannot contain $fb$ or $sql$", 'note="$fb$"', 'note=t:a$sql$b,c,s')
refuse("contains a control character or an invisible one", 'note="\t"', shown=r'note="\x09"')
refuse("contains a control character or an invisible one", 'note="\u202e"', shown=r'note="\xe2\x80\xae"')
refuse("invalid UTF-8", b'note="\xff"', shown=r'note="\xff"')
equal(Ran("fb-extract", "--sql", "--table", "n" * 50 + "=public.fb_batch").status, 0)
END
}

@test "invalid models files" {
  run -2 fb-report --models nowhere
  assert_output 'fb-report: nowhere: No such file or directory'
  printf '# nothing\n' > models
  run -2 fb-report --models models
  assert_output 'fb-report: models: no models (expected one per line, as NAME=[SCHEMA.]TABLE[:ID,COHORT,SYLLABUS])'
  printf 'note=a\nx=b\nnote=c\n' > models
  run -2 fb-report --models models
  assert_output 'fb-report: models:3: model note is defined twice'
  printf 'note=a\0\n' > models
  run -2 fb-report --models models
  assert_output --partial 'NUL byte'
}

@test "fb-backfill reports the same errors under its own name" {
  run -2 fb-backfill --table note
  assert_output "fb-backfill: --table: 'note': $form
fb-backfill: see 'fb-backfill --help'"
  run -2 fb-backfill --models nowhere
  assert_output 'fb-backfill: nowhere: No such file or directory'
  run -2 fb-backfill --table note=n --model quiz
  assert_output "fb-backfill: --model: unknown model 'quiz' (known: answer, review, note)
fb-backfill: see 'fb-backfill --help'"
  run -2 fb-backfill --table note=n --model $'answer\nreview'
  run -2 fb-backfill --table
  assert_output --partial "option '--table' requires an argument"
  run -2 fb-backfill --print-models=yes
  assert_output --partial "option '--print-models' doesn't allow an argument"
}

@test "--model knows the models in use, wherever it appears" {
  for program in fb-extract fb-report; do
    run -2 --separate-stderr $program --model quiz --table note=n --table other=o
    assert_equal "${stderr_lines[0]}" "$program: --model: unknown model 'quiz' (known: answer, review, note, other)"
  done
  run -0 fb-extract --sql --model note --table note=n
  run -2 fb-extract --sql --model answer --models <(echo note=n)
}

# ---- records of an added model

@test "records: a model is known to programs that get its definition" {
  lines 'model\tid\tcohort_id\tsyllabus_id' 'note\t1\t7\t\\N' 'answer\t2\t7\t\\N' 'note\t3\t7\t\\N' 'quiz\t4\t7\t\\N' > rows.tsv
  lines 'cohort_id\tcohort\tsyllabus_id\tsyllabus' '7\tc\t1\ts' > cohorts.tsv
  run -1 --separate-stderr fb-extract rows.tsv
  assert_equal "${stderr_lines[0]}" 'fb-extract: rows.tsv:2: unknown model: note'
  run -1 --separate-stderr fb-extract --table note=n rows.tsv
  assert_output "$(lines 'model\tid\tcohort_id' 'note\t1\t7' 'answer\t2\t7' 'note\t3\t7')"
  assert_equal "$stderr" 'fb-extract: rows.tsv:5: unknown model: quiz'
  echo "$output" > candidates.tsv
  run -1 fb-resolve --cohorts cohorts.tsv candidates.tsv
  run -0 fb-resolve --table note=n --limit 1 --cohorts cohorts.tsv candidates.tsv
  assert_output "$(lines 'model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus' 'note\t1\t7\tc\t1\ts' 'answer\t2\t7\tc\t1\ts')"
  echo "$output" > plan.tsv
  run -1 fb-apply plan.tsv
  run -0 fb-apply --table note=n plan.tsv
  assert_line 'CALL pg_temp.fb_set_note();'
  assert_line '-- note: applies the batch to "n". A row is changed only if its "cohort_id" is'
  lines 'id\tcohort_id\tsyllabus_id' '1\t7\t\\N' > notes.tsv
  run -0 fb-extract --table note=n --model note notes.tsv
  assert_line "$(lines 'note\t1\t7')"
}

@test "a model that is NULL, empty, or all but another is unknown, first and later" {
  { echo 'id	model	cohort_id	syllabus_id'
    for model in '\\N' '' answe answers Answer; do
      for name in "$model" answer "$model" review "$model"; do lines "1\\t$name\\t7\\t\\\\N"; done
    done; } > rows.tsv
  run -1 --separate-stderr fb-extract rows.tsv
  assert_equal "$(cut -f 1 <<< "$output" | sort | uniq -c | tr -s ' ' | xargs)" '5 answer 1 model 5 review'
  for model in '\\N' '' answe answers Answer; do
    lines 'id\tmodel\tcohort_id\tsyllabus_id' "1\\t$model\\t7\\t\\\\N" > rows.tsv
    run -1 --separate-stderr fb-extract rows.tsv
    assert_output "$(lines 'model\tid\tcohort_id')"
  done
}

@test "the report of an added model, as text and as JSON" {
  lines 'model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus' 'exam_result\t1\t7\tc\t1\ts' > plan.tsv
  run -0 fb-report --table exam_result=e --table note=n plan.tsv
  assert_line 'Processing Exam_result model...'
  assert_line '  [DRY RUN] Exam_result 1: cohort=c → syllabus=s'
  assert_line '  No notes need updating'
  run -0 bash -c 'fb-report --table exam_result=e --json plan.tsv | jq -c "[.total, (.models | keys_unsorted), .models.exam_result.found]"'
  assert_output '[1,["answer","review","exam_result"],1]'
  run -0 bash -c 'fb-report --models <(echo exam_result=e) --json plan.tsv | jq -c ".models | keys"'
  assert_output '["exam_result"]'
}

@test "standard input that is closed is not the models file" {
  lines 'model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus' > plan.tsv
  fb-apply --print-models > models
  run -2 bash -c 'fb-apply --models models <&-'
  assert_output 'fb-apply: standard input: Bad file descriptor'
}

@test "--schema, quoted, and --enable-row-security are in what each program prints, and so is --after" {
  empty_plan='model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus\n'
  for program in 'fb-extract --sql --after -5' 'fb-resolve --sql' fb-apply; do
    printf "$empty_plan" | $program > plain
    grep -qF '$fb$admissions_cohort$fb$' plain
    grep -qF -- '--enable-row-security' plain
    printf "$empty_plan" | $program --schema 'a"B' --enable-row-security --table "x=other.t" > script
    grep -qF '$fb$"a""B".admissions_cohort$fb$' script
    refute grep -qF '$fb$admissions' script
    refute grep -qF -- '--enable-row-security' script
    grep -qF "set_config('row_security', 'on'" script
  done
  grep -qF 'SET LOCAL row_security = on' script
  refute grep -q 'SET LOCAL row_security' plain
  run -0 fb-extract --sql --after -5 --schema s --table x=other.t
  assert_line '  WHERE t."syllabus_id" IS NULL AND t."id" OPERATOR(pg_catalog.>) -5'
  assert_output --partial '$fb$"s"."feedback_answer"$fb$'
  assert_output --partial '$fb$"other"."t"$fb$'
}
