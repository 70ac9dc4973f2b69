# Faults on our side of the connection: processes, files, where and as whom it connects; and tables that
# are not what they seem.
# bats file_tags=server
load helper
load aftermath

setup() {
  cd "$BATS_TEST_TMPDIR"
  example_database
  remember
}

# ---- the pipeline is interrupted

# bats test_tags=slow
@test "a script truncated anywhere between the data of two batches commits nothing without receipts" {
  make_plan --model review > plan.tsv
  fb-apply --batch-size 20 plan.tsv > script.sql
  from=$(grep -abo '^\\\.$' script.sql | sed -n 1p | cut -d : -f 1)
  to=$(grep -abo '^COPY pg_temp.fb_batch' script.sql | sed -n 2p | cut -d : -f 1)
  [ "$((to - from))" -gt 30 ]
  none=0 all=0
  for (( cut = from; cut <= to; cut++ )); do
    head -c "$cut" script.sql | psql -Xq > r.tsv 2> /dev/null || true
    awk -F '\t' -v OFS='\t' '$1 == "updated" { print $2, $3, $6 }' r.tsv | sort > said
    # a change without a receipt would be found by the next one with receipts, or at the end
    if [ ! -s said ]; then none=$((none + 1)); continue; fi
    all=$((all + 1))
    assert_equal "$(wc -l < said)" 20
    run -0 diff said <(changed)
    take_back
  done
  run -0 changed
  assert_output ''
  # the cuts were before and after the COMMIT
  [ "$none" -gt 0 ] && [ "$all" -gt 0 ]
}

# bats test_tags=slow
@test "a member of the pipeline by hand is killed: at most the batch that was being committed has no receipts" {
  # so many rows that the script does not fit in the pipe, so fb-apply is still running
  sql "INSERT INTO feedback_answer SELECT (jsonb_populate_record(t, jsonb_build_object('id', 10000 + n, 'token_id', NULL))).*
       FROM feedback_answer AS t, generate_series(1, 3000) AS n WHERE t.id = $(nth answer 1);
       DROP TABLE was.answer, was.review; DROP SCHEMA was"
  remember
  make_plan > plan.tsv
  for victim in fb-apply psql; do
    hold "SELECT 1 FROM feedback_answer WHERE id = $(nth answer 45) FOR UPDATE;"
    setsid bash -c 'fb-apply --batch-size 10 --lock-timeout 0 plan.tsv | psql -Xq > r.tsv' 2> /dev/null &
    leader=$!
    wait_until backends_waiting
    kill -KILL "$(members $leader | awk -v name=$victim '$2 == name { print $1 }')"
    release
    wait $leader || true
    wait_until no_backend
    if [ $victim = fb-apply ]; then assert_agree 0 r.tsv; else assert_agree 10 r.tsv; fi
    [ "$(grep -c . said)" -ge 40 ]
    take_back
  done
  assert_finishes
}
no_backend() { [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE datname = '$PGDATABASE' AND pid <> pg_backend_pid() AND backend_type = 'client backend'")" = 0 ]; }

@test "psql is killed between a COMMIT and its receipts: the message says that a batch may have none" {
  # it is stopped while the second batch waits for a row
  hold "SELECT 1 FROM feedback_answer WHERE id = $(nth answer 15) FOR UPDATE;"
  setsid fb-backfill --model answer --batch-size 10 --lock-timeout 0 --receipts r.tsv --quiet 2> err &
  leader=$!
  wait_until backends_waiting
  victim=$(members $leader | awk '$2 == "psql" { print $1 }')
  kill -STOP "$victim"
  release
  # the backend commits, and nobody reads the receipts
  waits_for_client() { [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE datname = '$PGDATABASE' AND wait_event = 'ClientRead'")" -ge 1 ]; }
  wait_until waits_for_client
  kill -KILL "$victim"
  status=0; wait $leader || status=$?
  assert_equal $status 2
  wait_until no_backend
  run -0 cat err
  assert_line --partial "fb-backfill: 10 of "
  refute_line --partial 'may be'
  assert_agree 10 r.tsv
  assert_finishes
}

@test "a program that exits or is killed before it opens its input: the run ends, and no process is left waiting" {
  for program in fb-extract fb-resolve fb-apply fb-report psql; do
    mkdir $program && cp "$project"/bin/fb-* $program
    rm -f $program/$program
    for end in 'exit 2' 'kill -KILL $$'; do
      printf '%s\n' '#!/bin/sh' "case \$* in *--sql*|*--print-models*) exec $project/bin/$program \"\$@\" ;; esac" "$end" > $program/$program
      chmod +x $program/$program
      run -2 env PATH="$PWD/$program:$PATH" timeout 120 $program/fb-backfill --receipts r.tsv
      assert_output --regexp 'nothing was changed|0 of [0-9]* records are committed|the run itself is complete'
      [ $program != fb-report ] || take_back
    done
  done
  run -0 changed
  assert_output ''
  printf '%s\n' '#!/bin/sh' 'kill -KILL $$' > fb-report/fb-report
  run -2 timeout 120 fb-report/fb-backfill
  assert_output 'fb-backfill: fb-report could not list the models: nothing was changed'
  assert_finishes
}

# ---- no space for its output

# bats test_tags=slow
@test "no space for the receipts: the batch without receipts is reported, and it is the last" {
  make_plan > plan.tsv
  for receipts in r.tsv /dev/full; do
    # the limit is 4 KiB
    run bash -c "set -o pipefail; fb-apply --batch-size 10 plan.tsv | (trap '' XFSZ; ulimit -f 4; psql -Xq > $receipts) 2> err"
    [ "$status" -ne 0 ]
    grep -q 'could not write COPY data: \(File too large\|No space left on device\)' err
    if [ $receipts = r.tsv ]; then
      [ "$(wc -c < r.tsv)" = 4096 ]
      assert_agree 10 r.tsv
      fb-backfill --undo r.tsv --quiet || [ $? = 1 ]  # the last line is incomplete
      changed > left
      [ "$(wc -l < left)" -le 11 ]
      take_back
    else
      assert_agree 10
    fi
  done
  assert_finishes
}

@test "no space for fb-backfill's receipts: it stops with an error, and a second run finishes" {
  make_plan > plan.tsv
  for jobs in 1 2; do
    # 8 KiB; for two jobs what each job's part of the plan needs, which is less than its receipts
    limit=8
    [ $jobs = 1 ] || limit=$(($(wc -c < plan.tsv) / 2 / 1024 + 1))
    run -2 --separate-stderr bash -c "trap '' XFSZ; ulimit -f $limit; exec fb-backfill --apply plan.tsv --jobs $jobs --batch-size 10 --receipts r.tsv"
    [[ $stderr == *'could not write COPY data: File too large'*' records are committed'* ]] || { echo "$stderr"; false; }
    # with two jobs, there is no space for all receipts in one file
    if [ $jobs = 1 ]; then files=(r.tsv); else files=(r.tsv.1 r.tsv.2); fi
    [[ $stderr == *"receipts in $(printf "$PWD/%s and " "${files[@]}" | sed "s/ and $//")"* ]] || { echo "$stderr"; false; }
    [[ $stderr == *': the receipts of the last batch, which was committed, could not be written'* ]]
    # the last batch's receipts are kept separately; as the message says, they complete the others
    for file in r.tsv*.in-doubt; do
      first=$(awk '{ print $2; exit }' "$file")
      head -n "$first" "${file%.in-doubt}" > whole && cut -f 3- "$file" >> whole
      rm "$file"
      mv whole "${file%.in-doubt}"
    done
    assert_equal "$(echo r.tsv*)" "${files[*]}"
    assert_agree 0 "${files[@]}"
    [ -s said ]
    take_back
    rm -f r.tsv*
  done
  assert_finishes
}

@test "TMPDIR is full, or no folder to write to: nothing is done" {
  run -2 --separate-stderr bash -c "trap '' XFSZ; ulimit -f 1; exec fb-backfill"
  [[ $stderr == *'File too large'* && $stderr == *'nothing was changed'* ]]
  # and if it is killed for it instead of getting an error
  run -2 --separate-stderr bash -c 'ulimit -f 1; exec fb-backfill'
  [[ $stderr == *'nothing was changed'* ]]
  make_plan > plan.tsv
  run -2 --separate-stderr bash -c "trap '' XFSZ; ulimit -f 1; exec fb-backfill --apply plan.tsv --jobs 2"
  [[ $stderr == *'File too large'* && $stderr == *'nothing was changed'* ]]
  for folder in /proc /dev/null /nowhere; do
    TMPDIR=$folder run -2 --separate-stderr fb-backfill
    [[ $stderr == *mktemp*"$folder"* ]]
  done
  assert_agree 0
  assert_finishes
}

# ---- psql and the connection

# A run, an apply of an earlier plan and a check do nothing, and each reports this message, also in its JSON object.
assert_stops() { # MESSAGE COMMAND...
  local message=$1
  shift
  run -2 --separate-stderr "$@" fb-backfill --json --log log
  [[ $stderr == *$message* && $stderr == *'nothing was changed'* ]] || { echo "$stderr"; false; }
  assert_equal "$(jq -c '[.status, .error, .plan, .models, .total]' <<< "$output")" \
    "[2,$(grep -aE 'ERROR|FATAL|psql: error' <<< "$stderr" | tail -n 1 | jq -R .),null,{},0]"
  run -0 ls log
  assert_output --regexp '^[^ ]*-summary.json$'
  run -2 --separate-stderr "$@" fb-backfill --apply plan.tsv --receipts r.tsv
  [[ $stderr == *$message* && $stderr == *'nothing was changed'* ]] || { echo "$stderr"; false; }
  run -2 --separate-stderr "$@" fb-backfill --check --json
  [[ $stderr == *$message*'nothing was changed'* ]] || { echo "$stderr"; false; }
  assert_equal "$(jq -c '[.status, .models]' <<< "$output")" '[2,{}]'
  assert_agree 0 r.tsv
}

@test "no server, a wrong port, a wrong database, a wrong role, a wrong password: nothing is done" {
  make_plan > plan.tsv
  assert_stops 'Connection refused' env PGPORT=1 PGHOST=127.0.0.1
  while IFS='=' read -r message name value; do
    run -2 --separate-stderr env "$name=$value" PGPASSWORD=wrong fb-backfill
    assert_output ''
    [[ $stderr == *"$message"*'fb-backfill: nothing was changed' ]] || { echo "$stderr"; false; }
  done << END
No such file or directory=PGHOST=$PWD
database "nowhere" does not exist=PGDATABASE=nowhere
role "nobody" does not exist=PGUSER=nobody
password authentication failed for user "must_give_password"=PGUSER=must_give_password
END
  run -0 changed
  assert_output ''
}

@test "psql is missing, too old, or not psql at all: nothing is done" {
  make_plan > plan.tsv
  mkdir without
  for program in bash date env dirname mktemp rm awk cat wc cp mkfifo tail sleep realpath getopt; do ln -s "$(command -v $program)" without; done
  PATH=$PWD/without run -2 "$project/bin/fb-backfill"
  assert_output 'fb-backfill: psql not found: install PostgreSQL'\''s client (Debian: postgresql-client): nothing was changed'
  mkdir old
  touch old/psql
  chmod +x old/psql
  for version in '9.6.24' '12.22 (Debian 12.22-1.pgdg120+1)' '12beta1' none; do
    printf '%s\n' '#!/bin/sh' "echo 'psql (PostgreSQL) $version'" > old/psql
    PATH="$PWD/old:$PATH" run -2 fb-backfill
    assert_output "fb-backfill: psql 13 or later is required; this is 'psql (PostgreSQL) $version': nothing was changed"
  done
  # one that does nothing, and reports success
  printf '%s\n' '#!/bin/sh' '[ "$1" != --version ] || echo "psql (PostgreSQL) 18beta1"' > old/psql
  for arguments in '' '--apply plan.tsv' --check; do
    # shellcheck disable=SC2086
    PATH="$PWD/old:$PATH" run -2 fb-backfill $arguments
  done
  run -0 changed
  assert_output ''
}

@test "a server, a bash or a getopt that is too old is refused by its version" {
  for program in 'fb-extract --sql' 'fb-resolve --sql' 'fb-extract --sql --count'; do
    $program | sed 's/130000/990000/' > script.sql
    run -3 psql -Xq -f script.sql
    assert_output --partial "PostgreSQL 13 or later is required; this is $(sql 'SHOW server_version')"
  done
  make_plan > plan.tsv
  fb-apply plan.tsv | sed 's/130000/990000/' > script.sql
  run -3 psql -Xq -f script.sql
  assert_output --partial 'PostgreSQL 13 or later is required'
  sed 's/BASH_VERSINFO\[0\] >= 5/BASH_VERSINFO[0] >= 99/' "$project/bin/fb-backfill" > later
  run -2 bash later
  assert_output "fb-backfill: bash 5 or later is required; this is $BASH_VERSION: nothing was changed"
  mkdir bsd
  printf '%s\n' '#!/bin/sh' 'echo " --"' > bsd/getopt   # as getopt -T prints elsewhere
  chmod +x bsd/getopt
  PATH="$PWD/bsd:$PATH" run -2 fb-backfill
  assert_output "fb-backfill: util-linux's getopt is required (Debian: util-linux); the one in PATH is another: nothing was changed"
  run -0 changed
  assert_output ''
}

@test "a table or a column is missing, or has another name: nothing is done" {
  make_plan > plan.tsv
  for thing in 'feedback_answer RENAME' 'feedback_review RENAME COLUMN syllabus_id' 'admissions_syllabusversion RENAME'; do
    name=${thing##* }
    [ "$name" != RENAME ] || name=${thing%% *}
    sql "ALTER TABLE $thing TO other"
    run -2 --separate-stderr fb-backfill
    [[ $stderr == *"$name"*'does not exist'*'nothing was changed'* ]] || { echo "$stderr"; false; }
    if [[ $thing == feedback_* ]]; then
      run -2 --separate-stderr fb-backfill --apply plan.tsv --receipts r.tsv
      [[ $stderr == *"$name"*'does not exist'*'nothing was changed'* ]] || { echo "$stderr"; false; }
    fi
    if [[ $thing == *COLUMN* ]]; then sql "ALTER TABLE ${thing%% *} RENAME COLUMN other TO $name"; else sql "ALTER TABLE other RENAME TO $name"; fi
    assert_agree 0 r.tsv
    [ ! -s changed ]
  done
}

@test "each missing privilege stops the run before anything is done" {
  least_privilege
  sql "REVOKE TEMPORARY ON DATABASE $PGDATABASE FROM PUBLIC"
  for privilege in 'SELECT ON admissions_syllabus' 'SELECT ON admissions_syllabusversion' 'SELECT ON admissions_cohort' \
      'SELECT ON feedback_answer' 'SELECT ON feedback_review' 'UPDATE (syllabus_id) ON feedback_answer' \
      'UPDATE (syllabus_id) ON feedback_review' "TEMPORARY ON DATABASE $PGDATABASE"; do
    sql "REVOKE $privilege FROM feedback_backfill"
    # by model, so that the other model is not processed first
    case $privilege in *review) model=review ;; *) model=answer ;; esac
    run -2 --separate-stderr as_role fb-backfill --model $model
    [[ $stderr == *'permission denied'* ]] || { echo "$privilege: $stderr"; false; }
    [[ $stderr == *'nothing was changed'* ]] || { echo "$stderr"; false; }
    run -0 changed
    assert_output ''
    sql "GRANT $privilege TO feedback_backfill"
  done
  as_role fb-backfill --quiet
  run -0 diff right <(changed)
}

# ---- tables that are not what they seem

@test "--apply and --undo: a privilege on the names is missed before anything is done, too" {
  example_database
  least_privilege
  as_role fb-backfill --limit 5 --receipts r.tsv --plan p.tsv --quiet
  for table in admissions_cohort admissions_syllabus; do
    sql "REVOKE SELECT (slug) ON $table FROM feedback_backfill"
    for action in '--apply p.tsv' '--undo r.tsv'; do
      run -2 as_role fb-backfill $action
      assert_line "ERROR:  permission denied for table $table"
      assert_line 'fb-backfill: nothing was changed'
      assert_equal "$(echo fb-receipts*)" 'fb-receipts*'
    done
    sql "GRANT SELECT (slug) ON $table TO feedback_backfill"
  done
}

@test "a row security policy that hides rows from the update: each of them fails, and a second run without it finishes" {
  least_privilege
  sql "ALTER TABLE feedback_answer ENABLE ROW LEVEL SECURITY;
       CREATE POLICY look ON feedback_answer FOR SELECT USING (id <> $(nth answer 1));
       CREATE POLICY change ON feedback_answer FOR UPDATE USING (id NOT IN ($(nth answer 4), $(nth answer 8)))"
  run -1 --separate-stderr as_role fb-backfill --enable-row-security --batch-size 5 --receipts r.tsv
  assert_line --partial "✗ Answer $(nth answer 4): the row matched but was not updated"
  assert_line --partial "✗ Answer $(nth answer 8): the row matched but was not updated"
  refute_line --partial "Answer $(nth answer 1):"
  assert_line 'Errors: 2'
  assert_agree 0 r.tsv
  assert_equal "$(grep -c . said)" "$(($(grep -c . right) - 3))"
  sql 'ALTER TABLE feedback_answer DISABLE ROW LEVEL SECURITY'
  assert_finishes
}

@test "a trigger that drops updates, or sets another syllabus or none: each record fails, and no wrong value remains" {
  sql "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
         IF NEW.id % 4 = 1 THEN RETURN NULL; END IF;
         IF NEW.id % 4 = 2 THEN NEW.syllabus_id := (SELECT max(id) FROM admissions_syllabus WHERE id <> NEW.syllabus_id); END IF;
         IF NEW.id % 4 = 3 THEN NEW.syllabus_id := NULL; END IF;
         RETURN NEW; END';
       CREATE TRIGGER meddle BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION meddle()"
  run -1 --separate-stderr fb-backfill --batch-size 30 --receipts r.tsv
  assert_equal "$(grep -c '^failed.*the row matched but was not updated' r.tsv)" "$(awk '$1 == "answer" && $2 % 4 == 1' right | wc -l)"
  assert_equal "$(grep -c '^failed.*a trigger set another syllabus_id' r.tsv)" "$(awk '$1 == "answer" && $2 % 4 > 1' right | wc -l)"
  assert_agree 0 r.tsv
  sql 'DROP TRIGGER meddle ON feedback_answer'
  assert_finishes
}

@test "a trigger that also sets another column: its change is kept, and the rows are right" {
  sql "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.updated_at := now(); RETURN NEW; END';
       CREATE TRIGGER stamp BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION stamp()"
  run -0 fb-backfill --quiet
  assert_equal "$(sql "SELECT model, id, syllabus_id FROM (SELECT 'answer' AS model, id, syllabus_id FROM feedback_answer UNION ALL
    SELECT 'review', id, syllabus_id FROM feedback_review) AS t" | tr '|' '\t' | sort | comm -12 - right)" "$(< right)"
}

@test "a view in place of a table: rows are filled through the view, or it is refused, and no batch is partly applied" {
  sql "ALTER TABLE feedback_review RENAME TO review_table; CREATE VIEW feedback_review AS SELECT * FROM review_table"
  run fb-backfill --receipts r.tsv
  if [ "$status" = 0 ]; then
    assert_agree 0 r.tsv
    run -0 diff right changed
  else
    assert_equal "$status" 2
    assert_output --partial feedback_review
    assert_agree 0 r.tsv
    sql 'DROP VIEW feedback_review; ALTER TABLE review_table RENAME TO feedback_review'
    assert_finishes
  fi
}
