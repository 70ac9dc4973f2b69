# The JSON object of every kind of run and every way to end, read as a script would.
# bats file_tags=server
load helper

ask() { jq -c "$1" <<< "$output"; } # jq's filter

@test "a run: what was done, when, and where plan and receipts are" {
  sample_database
  before=$(date -u +%FT%TZ)
  run -0 --separate-stderr fb-backfill --json --plan p.tsv --receipts "$PWD/r.tsv"
  assert_equal "$stderr" ''
  assert_equal "$(wc -l <<< "$output")" 1
  assert_equal "$(ask '[.action, .status, .error, .dry_run, .undo, .undone, .total, .skipped, .failed, .rejected]')" \
    '["run",0,null,false,false,[],7,0,0,0]'
  assert_equal "$(ask '[.models.answer, .models.review | .found, .updated]')" '[5,5,2,2]'
  assert_equal "$(ask '[.plan, .receipts]')" "[\"$PWD/p.tsv\",[\"$PWD/r.tsv\"]]"
  assert_equal "$(ask ".started >= \"$before\" and .finished >= .started and .seconds > 0 and .seconds < 60")" true
  [ -f "$(jq -r .plan <<< "$output")" ] && [ -f "$(jq -r '.receipts[0]' <<< "$output")" ]
}

@test "a dry run, an apply, an undo, a check, and nothing left" {
  sample_database
  run -0 fb-backfill --json --dry-run --plan p.tsv
  assert_equal "$(ask '[.action, .dry_run, .models.answer.would_update, .total, .receipts]')" '["dry-run",true,5,7,[]]'
  run -0 fb-backfill --json --apply p.tsv --receipts r.tsv --jobs 2
  assert_equal "$(ask '[.action, .plan, .models.answer.updated, .total, .receipts]')" "[\"apply\",\"$PWD/p.tsv\",5,7,[\"$PWD/r.tsv\"]]"
  run -0 fb-backfill --json --no-receipts --apply - < p.tsv
  assert_equal "$(ask '[.plan, .total, .skipped, .models.answer.skipped["already-set"], .receipts]')" '[null,0,7,5,[]]'
  run -0 fb-backfill --json --check --model review
  assert_equal "$(ask '[.action, .status, .models, .total]')" '["check",0,{"review":{"eligible":0,"no_syllabus":1}},0]'
  run -0 fb-backfill --json --undo r.tsv
  assert_equal "$(ask '[.action, .undo, .undone, .plan, .models.answer.found, .models.answer.reverted, .total]')" \
    "[\"undo\",true,[\"$PWD/r.tsv\"],null,5,5,7]"
  run -1 fb-backfill --json --check
  assert_equal "$(ask '[.status, .models.answer, .total]')" '[1,{"eligible":5,"no_syllabus":1},7]'
  fb-backfill --quiet
  run -0 fb-backfill --json
  assert_equal "$(ask '[.models[].found, .total]')" '[0,0,0]'
}

@test "failed records are named as they fail, and are in the object" {
  sample_database
  sql "CREATE FUNCTION frozen() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN IF NEW.id % 2 = 1 THEN RAISE EXCEPTION ''record is frozen''; END IF; RETURN NEW; END'"
  sql "CREATE TRIGGER frozen BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION frozen()"
  run -1 --separate-stderr fb-backfill --json --model answer
  [[ $stderr == *'answer 1 failed: P0001 record is frozen'* ]]
  assert_equal "$(ask '[.status, .error, .total, .failed, .models.answer.failed, .models.answer.errors[0]]')" \
    '[1,null,2,3,3,{"id":1,"sqlstate":"P0001","message":"record is frozen"}]'
}

@test "a failed run has an object too: a missing table, a missing plan, an interrupt" {
  sample_database
  run -2 --separate-stderr fb-backfill --json --plan p.tsv --table answer=nowhere
  assert_equal "$(ask '[.status, .error, .plan, .models, .total]')" '[2,"ERROR:  relation \"nowhere\" does not exist",null,{},0]'
  run -2 --separate-stderr fb-backfill --json --check --table answer=nowhere
  assert_equal "$(ask '[.status, .error, .models]')" '[2,"ERROR:  relation \"nowhere\" does not exist",{}]'
  run -2 --separate-stderr fb-backfill --json --apply 'nowhere "é"'
  assert_equal "$(ask '[.error, .plan]')" '["nowhere \"é\": No such file or directory",null]'

  hold 'SELECT FROM feedback_review WHERE id = 2 FOR UPDATE;'
  setsid env --default-signal fb-backfill --json --jobs 2 --batch-size 1 --lock-timeout 0 --receipts r.tsv > object 2> err &
  pid=$!
  wait_until backends_waiting
  kill -INT "$pid"
  release
  status=0; wait "$pid" || status=$?
  output=$(cat object)
  assert_equal "$(ask '[.status, .error, .models.answer.found]')" '[2,"interrupted by SIGINT",5]'
  # it is right about the receipts and the committed records
  assert_equal "$(ask .total)" "$(jq -r '.receipts[]' object | xargs cat | grep -c ^updated)"
  assert_equal "$(ask .total)" "$(sql 'SELECT (SELECT count(*) FROM feedback_answer WHERE syllabus_id IS NOT NULL AND id <> 8)
    + (SELECT count(*) FROM feedback_review WHERE syllabus_id IS NOT NULL AND id <> 4)')"
}

@test "an object that cannot be written: exit 2, and nothing of it in TMPDIR" {
  sample_database
  mkdir tmp
  run -2 env TMPDIR="$PWD/tmp" bash -c 'fb-backfill --json > /dev/full'
  assert_line 'fb-report: standard output: could not write the report: No space left on device; the run itself is complete'
  run -2 bash -c 'set -o pipefail; fb-backfill --json --check | true'
  run -0 ls -A tmp
  assert_output ''
}

@test "the name of a file is unchanged in the object, whatever it contains" {
  sample_database
  for name in $'line\nfeed' 'a "quote", a \ and a $' $'\e[2J é \u200e' '😀' '-n'; do
    run -0 fb-backfill --json --dry-run --plan="$name"
    jq -j .plan <<< "$output" > got
    assert_equal "$(cat got; echo .)" "$PWD/$name."
    refute_output --partial $'\e'
  done
  run -0 fb-backfill --json --dry-run --plan $'\xff.x'
  assert_equal "$(ask .plan)" "\"$PWD/ÿ.x\""
  # without a locale, as under cron
  LC_ALL=C run -0 fb-backfill --json --dry-run --plan é
  assert_equal "$(ask .plan)" "\"$PWD/é\""
}

@test "the manual has every key" {
  sample_database
  sql "CREATE FUNCTION frozen() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''frozen''; END'"
  sql "CREATE TRIGGER frozen BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION frozen()"
  fb-backfill --json --dry-run > objects
  fb-backfill --json --check >> objects || true
  fb-backfill --json --receipts r.tsv >> objects 2> /dev/null || true
  fb-backfill --json --undo r.tsv >> objects
  fb-backfill --json --dry-run --by-cohort >> objects
  jq -r '.. | objects | keys[]' objects | grep -vxE 'answer|review' | sort -u > keys  # these are names of models
  [ "$(wc -l < keys)" -gt 30 ]
  grep -hE '^\.(It )?Va ' "$project"/man/fb-report.1 "$project"/man/fb-backfill.1 | grep -oE '[a-z_-]{2,}' | sort -u > documented
  run -0 comm -23 keys documented
  assert_output ''
}
