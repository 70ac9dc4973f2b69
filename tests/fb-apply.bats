load helper

plan='model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus'
receipts="status\t$plan\tdetail"

# bats test_tags=server
@test "receipts say what was updated, and why the rest was not" {
  sample_database
  miami='1\tmiami-web-dev-pt-1'
  lines "$plan" "answer\t1\t$miami\t1\tfull-stack" 'answer\t2\t2\tsantiago-data-science-ft-1\t1\tfull-stack' \
    "answer\t8\t$miami\t1\tfull-stack" "answer\t99\t$miami\t1\tfull-stack" "review\t1\t$miami\t3\t\\\\N" \
    "answer\t1\t$miami\t2\tdata-science" > plan.tsv
  run -0 bash -c 'fb-apply plan.tsv | psql -Xq'
  assert_output "$(lines "$receipts" \
    "updated\tanswer\t1\t$miami\t1\tfull-stack\t\\\\N" \
    'skipped\tanswer\t2\t2\tsantiago-data-science-ft-1\t1\tfull-stack\tcohort-changed' \
    "skipped\tanswer\t8\t$miami\t1\tfull-stack\talready-set" \
    "skipped\tanswer\t99\t$miami\t1\tfull-stack\tgone" \
    "updated\treview\t1\t$miami\t3\t\\\\N\t\\\\N" \
    "skipped\tanswer\t1\t$miami\t2\tdata-science\tduplicate")"
  run -0 sql 'SELECT id, syllabus_id FROM feedback_answer WHERE syllabus_id IS NOT NULL ORDER BY id'
  assert_output "$(lines '1|1' '8|2')"
}

# bats test_tags=server
@test "a malformed plan: its bad records are rejected, and the rest is applied" {
  sample_database
  lines "$plan" 'answer\t1\t1\ta\t\\N\tb' 'answer\t2\t\\N\ta\t1\tb' 'quiz\t3\t1\ta\t1\tb' 'answer\t7\t3\tbogota-web-dev-ft-2\t1\tfull-stack' > plan.tsv
  run -1 --separate-stderr fb-apply plan.tsv
  assert_equal "$stderr" 'fb-apply: plan.tsv:2: syllabus_id is NULL
fb-apply: plan.tsv:3: cohort_id is NULL
fb-apply: plan.tsv:4: unknown model: quiz'
  run -0 psql -Xq <<< "$output"
  assert_output "$(lines "$receipts" 'updated\tanswer\t7\t3\tbogota-web-dev-ft-2\t1\tfull-stack\t\\N')"
}

# bats test_tags=server
@test "slugs are unchanged in the receipts, and none becomes SQL" {
  sample_database
  hostile="'; DROP TABLE feedback_answer; --\$\$ \\\\! touch pwned :x :'x' \`touch pwned\` \\\\. \\\\N \\n\\\\.\\n \\t\\r\\b {model} %s é"
  sql 'CREATE TABLE hostile (cohort text, syllabus text)'
  printf '%s\t%s\n' "$hostile" '\\.' | psql -Xqc 'COPY hostile FROM STDIN'
  sql 'UPDATE admissions_cohort SET slug = cohort FROM hostile WHERE id = 1; UPDATE admissions_syllabus SET slug = syllabus FROM hostile WHERE id = 1'
  printf "$plan\\nanswer\t1\t1\t%s\t1\t\\\\\\\\.\n" "$hostile" > plan.tsv
  run -0 bash -c 'fb-apply plan.tsv | psql -Xq'
  assert_output "$(lines "$receipts"; printf 'updated\tanswer\t1\t1\t%s\t1\t\\\\.\t\\N' "$hostile")"
  [ ! -e pwned ]
  run -0 sql 'SELECT count(*) FROM feedback_answer'
  assert_output 8
}

# bats test_tags=server
@test "batches are transactions of --batch-size records, of one model or more" {
  sample_database
  make_plan > plan.tsv
  for size in 1 3 5000; do
    fb-apply --batch-size $size plan.tsv > script.sql
    assert_equal "$(grep -c ^:commit script.sql)" $(( (7 + size - 1) / size ))
    psql -Xq < script.sql > receipts.tsv
    assert_equal "$(grep -c ^updated receipts.tsv)" 7
    fb-apply --undo --batch-size $size receipts.tsv | psql -Xq > undone.tsv
    assert_equal "$(grep -c ^reverted undone.tsv)" 7
  done
}

# bats test_tags=server
@test "records for the same row stay in one batch" {
  sample_database
  names='miami-web-dev-pt-1\t1\tfull-stack'
  lines "$plan" "answer\t1\t1\t$names" "answer\t2\t1\t$names" "answer\t2\t1\t$names" 'answer\t3\t2\tsantiago-data-science-ft-1\t1\tfull-stack' > plan.tsv
  run -0 bash -c 'fb-apply --batch-size 2 plan.tsv | psql -Xq | cut -f 1,3,8'
  assert_output "$(lines 'status\tid\tdetail' 'updated\t1\t\\N' 'updated\t2\t\\N' 'skipped\t2\tduplicate' 'updated\t3\t\\N')"
}

# bats test_tags=server
@test "a truncated script changes nothing without a receipt" {
  sample_database
  make_plan > plan.tsv
  before=$(state)
  fb-apply plan.tsv > script.sql
  # near the beginning and end of a batch; process-faults.bats cuts at every byte
  data=$(grep -abo '^COPY pg_temp.fb_batch' script.sql | cut -d : -f 1) commit=$(grep -abo '^:commit' script.sql | cut -d : -f 1)
  for cut in $((data + 100)) $((data + 200)) $((commit - 2)) $((commit + 3)); do
    head -c "$cut" script.sql | psql -Xq > cut.tsv 2> /dev/null || true
    assert_equal "$(state)" "$before"
    assert_equal "$(cat cut.tsv)" "$(lines "$receipts")"
  done
  # from here on the script is complete
  head -c "$((commit + $(sed -n '/^:commit/{p;q}' script.sql | wc -c)))" script.sql | psql -Xq > cut.tsv
  assert_equal "$(grep -c ^updated cut.tsv)" 7
}

# bats test_tags=server
@test "a trigger that sets another syllabus, or none: the record fails, and the row is as it was" {
  sample_database
  make_plan > plan.tsv
  sql "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id = 2 THEN NEW.syllabus_id := 3; ELSIF NEW.id = 3 THEN RETURN NULL; END IF; RETURN NEW; END'"
  sql 'CREATE TRIGGER meddle BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION meddle()'
  run -0 bash -c 'fb-apply plan.tsv | psql -Xq | cut -f 1-3,8 | grep failed'
  assert_output "$(lines 'failed\tanswer\t2\tP0001 a trigger set another syllabus_id' \
    'failed\tanswer\t3\tP0001 the row matched but was not updated (a trigger or row-level security?)')"
  run -0 sql 'SELECT id, syllabus_id FROM feedback_answer WHERE id < 7 ORDER BY id'
  assert_output "$(lines '1|1' '2|' '3|' '4|' '5|' '6|3')"
}

# bats test_tags=server
@test "only receipts are printed, whatever psql's settings" {
  sample_database
  make_plan > plan.tsv
  fb-apply plan.tsv > script.sql
  printf '%s\n' '\timing on' '\x' '\set QUIET off' '\set AUTOCOMMIT off' '\pset format html' '\set VERBOSITY verbose' > psqlrc
  # we cannot stop what psqlrc itself prints
  PSQLRC=psqlrc psql < /dev/null > noise
  PSQLRC=psqlrc PGOPTIONS='-c client_min_messages=debug1 -c standard_conforming_strings=off' psql < script.sql 2> /dev/null | tail -c "+$(( $(wc -c < noise) + 1 ))" > receipts.tsv
  run -0 cut -f 1 receipts.tsv
  assert_output "$(lines status updated updated updated updated updated updated updated)"
}

# bats test_tags=server
@test "the script stops where COPY cannot start, and runs no data as SQL" {
  sample_database
  printf "$plan\\nanswer\t1\t1\tDELETE FROM feedback_answer;\t1\tb\n" > plan.tsv
  fb-apply plan.tsv | sed 's/^COPY pg_temp.fb_batch/COPY nowhere/' > script.sql
  run -3 psql -Xq < script.sql
  run -0 sql 'SELECT count(*) FROM feedback_answer'
  assert_output 8
}

@test "--preflight checks each model that has a record, and does not report malformed records" {
  lines "$plan" 'answer\t1\t1\ta\t1\tb' 'quiz\t1\t1\ta\t1\tb' 'bad' 'answer\t2\t1\ta\t1\tb' > plan.tsv
  run -0 --separate-stderr fb-apply --preflight plan.tsv
  assert_equal "$stderr" ''
  assert_equal "$(grep -c '^EXPLAIN UPDATE :"answer_schema"."feedback_answer" AS t$' <<< "$output")" 1
  refute_output --partial feedback_review
  assert_equal "$(tail -n 1 <<< "$output")" 'COMMIT;'
  run -2 fb-apply --preflight --undo plan.tsv
}

@test "the shares of files are runs of their records, and together all of them; a bad record is named by one of them" {
  records() { sed -n '/FROM STDIN;$/,/^\\\.$/p' | awk -F '\t' 'NF > 1 { print $2, $3 }'; }
  lines "$plan" answer'\t'{1,2,3}'\t1\ta\t1\tb' 'bad' answer'\t'{4,5}'\t1\ta\t1\tb' > one.tsv
  lines "$plan" review'\t'{1,2,3}'\t1\ta\t1\tb' 'cut off' | head -c -1 > two.tsv
  for n in 1 2 3 4 9 10 11 40; do
    : > all
    for (( k = 1; k <= n; k++ )); do fb-apply --share $k/$n one.tsv two.tsv 2>> err.$n | records >> all || true; done
    run -0 cat all
    assert_output "$(lines 'answer '{1..5} 'review '{1..3})"
    assert_equal "$(cat err.$n)" "$(lines 'fb-apply: one.tsv:5: expected 6 fields, found 1' 'fb-apply: two.tsv:5: incomplete record (no newline at the end)')"
  done
  run -1 --separate-stderr fb-apply --share 1/3 one.tsv two.tsv
  assert_equal "$(records <<< "$output")" "$(lines 'answer '{1..3})"
  run -2 --separate-stderr fb-apply --share 1/2 < <(cat one.tsv)
  assert_equal "$stderr" 'fb-apply: standard input: cannot be read twice: it is not a file'
  for bad in '' 1 0/2 3/2 1/ /2 a/b 1/2/3 -1/2 1/99999999999; do
    run -2 --separate-stderr fb-apply --share "$bad" one.tsv
    assert_equal "${stderr%%$'\n'*}" "fb-apply: --share: invalid share '$bad' (expected K/N, with K from 1 to N)"
  done
}

@test "--pause sleeps between transactions, --lock-timeout is set" {
  lines "$plan" 'answer\t1\t1\ta\t1\tb' 'answer\t2\t1\ta\t1\tb' > plan.tsv
  run -0 fb-apply --batch-size 1 --pause 1500 --lock-timeout 250 plan.tsv
  assert_line '\! exec sleep 1.500'
  assert_equal "$(grep -c '! exec sleep' <<< "$output")" 1
  assert_line --partial 'SET lock_timeout = 250'
  # during the sleep, no transaction is open
  assert_equal "$(grep -B 3 '! exec sleep' <<< "$output" | head -n 1)" ':commit_and_print_receipts;'
  for option in --pause=-1 --lock-timeout=x --batch-size=0; do run -2 fb-apply $option plan.tsv; done
}

@test "--max-lag and --max-failures are in the script only if given, and wait outside any transaction" {
  lines "$plan" 'answer\t1\t1\ta\t1\tb' 'answer\t2\t1\ta\t1\tb' > plan.tsv
  run -0 fb-apply plan.tsv
  refute_output --regexp 'fb_replica|so_far'
  run -0 fb-apply --batch-size 1 --max-lag 7 plan.tsv
  assert_line --partial "max_lag CONSTANT interval := '7 s';"
  refute_output --partial so_far
  assert_equal "$(grep -c '^CALL pg_temp.fb_wait_for_replicas();$' <<< "$output")" 2
  assert_equal "$(grep -A 3 '^CALL pg_temp.fb_wait' <<< "$output" | grep -c '^:begin_batch;$')" 2
  run -0 fb-apply --max-failures 0 plan.tsv
  assert_line '  IF so_far.failed > 0 THEN'
  run -0 fb-apply --max-failures 5% plan.tsv
  assert_line '  IF so_far.records >= 100 AND so_far.failed * 100 > so_far.records * 5 THEN'
  refute_output --partial fb_wait_for_replicas
}

# bats test_tags=server
@test "--undo takes back what receipts say was updated, and nothing that was changed since" {
  sample_database
  make_plan > plan.tsv
  before=$(state)
  fb-apply plan.tsv | psql -Xq > receipts.tsv
  fb-apply --undo receipts.tsv | psql -Xq > undone.tsv
  assert_equal "$(state)" "$before"

  fb-apply plan.tsv | psql -Xq > receipts.tsv
  sql "UPDATE feedback_answer SET syllabus_id = 2 WHERE id = 1; UPDATE feedback_answer SET cohort_id = 2 WHERE id = 2;
       UPDATE feedback_answer SET syllabus_id = NULL WHERE id = 6; DELETE FROM feedback_answer WHERE id = 7;
       UPDATE feedback_review SET comments = 'edited' WHERE id = 1"
  run -0 bash -c 'fb-apply --undo receipts.tsv | psql -Xq | cut -f 1-3,8'
  assert_output "$(lines 'status\tmodel\tid\tdetail' 'skipped\tanswer\t1\tsyllabus-changed' 'skipped\tanswer\t2\tcohort-changed' \
    'reverted\tanswer\t3\t\\N' 'skipped\tanswer\t6\talready-reverted' 'skipped\tanswer\t7\tgone' 'reverted\treview\t1\t\\N' 'reverted\treview\t2\t\\N')"
  run -0 sql 'SELECT id, cohort_id, syllabus_id FROM feedback_answer WHERE id < 4 ORDER BY id'
  assert_output "$(lines '1|1|2' '2|2|1' '3|2|')"
  # an undo's receipts are not undone
  run -0 bash -c "fb-apply --undo undone.tsv | grep -c '^BEGIN ISOLATION' || true"
  assert_output 0
}

# bats test_tags=server
@test "--undo of several runs' receipts takes back the syllabus that the row has now" {
  sample_database
  make_plan --model answer --limit 1 > plan.tsv
  fb-apply plan.tsv | psql -Xq > first.tsv
  fb-apply --undo first.tsv | psql -Xq > /dev/null
  sed 's/\t1\tfull-stack$/\t2\tdata-science/' plan.tsv | fb-apply | psql -Xq > second.tsv
  for size in 1 5000; do
    for order in 'first.tsv second.tsv' 'second.tsv first.tsv'; do
      sql 'UPDATE feedback_answer SET syllabus_id = 2 WHERE id = 1'
      # shellcheck disable=SC2086
      fb-apply --undo --batch-size $size $order | psql -Xq | cut -f 1,6 | sort > undone
      assert_equal "$(cat undone)" "$(lines 'reverted\t2' 'skipped\t1' 'status\tsyllabus_id')"
    done
  done
}

# bats test_tags=server
@test "other tables with the names of the script's tables do not affect the receipts" {
  sample_database
  make_plan > plan.tsv
  sql "CREATE TABLE fb_batch AS SELECT 1 AS n, 'review' AS model, 77 AS id, 1 AS cohort_id, 'x' AS cohort, 1 AS syllabus_id, 'x' AS syllabus"
  run -0 bash -c "fb-apply plan.tsv | PGOPTIONS='-c search_path=public,pg_temp' psql -Xq | cut -f 1-3"
  assert_output "$(lines 'status\tmodel\tid' 'updated\tanswer\t'{1,2,3,6,7} 'updated\treview\t'{1,2})"
}

# bats test_tags=server
@test "missing statistics: a batch still looks up its rows one by one" {
  sample_database
  sql "INSERT INTO feedback_answer (id, cohort_id) SELECT 100 + n, 1 FROM generate_series(1, 10000) AS n"
  sql "CREATE INDEX ON feedback_answer (syllabus_id);
       ALTER TABLE feedback_answer SET (autovacuum_enabled = off);
       DELETE FROM pg_statistic WHERE starelid = 'feedback_answer'::regclass;
       UPDATE pg_class SET reltuples = -1, relpages = 0
       WHERE oid = 'feedback_answer'::regclass OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'feedback_answer'::regclass)"
  make_plan --model answer > plan.tsv
  fb-apply plan.tsv | sed 's/client_min_messages = error/client_min_messages = log/' > script.sql
  PGOPTIONS='-c session_preload_libraries=auto_explain -c auto_explain.log_min_duration=0
    -c auto_explain.log_nested_statements=on -c client_min_messages=log' psql -Xq < script.sql > receipts.tsv 2> log
  assert_equal "$(grep -c ^updated receipts.tsv)" 10005
  # of each batch's UPDATE
  [ "$(grep -c 'Index Scan using feedback_answer_pkey on feedback_answer t' log)" -ge 3 ]
  refute grep -q 'Seq Scan on feedback_answer' log
  grep -q 'Index Cond: (id = ANY (ARRAY\[b.id\]))' log
}

# bats test_tags=server
@test "old statistics, from when each row had a cohort of its own: rows are still looked up by their ids" {
  sample_database
  sql "CREATE INDEX feedback_answer_cohort ON feedback_answer (cohort_id);
       ALTER TABLE feedback_answer SET (autovacuum_enabled = off);
       INSERT INTO admissions_cohort SELECT 1000 + n, 'cohort-' || n, 1 FROM generate_series(1, 1000) AS n;
       INSERT INTO feedback_answer (id, cohort_id) SELECT 1000 + n, 1000 + n FROM generate_series(1, 1000) AS n"
  sql 'ANALYZE feedback_answer'
  sql "INSERT INTO feedback_answer (id, cohort_id) SELECT 3000 + n, 1 FROM generate_series(1, 10000) AS n"
  # the third batch fails, so it is retried with fewer records at once
  make_plan --model answer > plan.tsv
  sql 'ALTER TABLE feedback_answer ADD CHECK (id <> 5001 OR syllabus_id IS NULL) NOT VALID'
  fb-apply --batch-size 1000 plan.tsv | sed 's/client_min_messages = error/client_min_messages = log/' > script.sql
  PGOPTIONS='-c session_preload_libraries=auto_explain -c auto_explain.log_min_duration=0
    -c auto_explain.log_nested_statements=on -c client_min_messages=log' psql -Xq < script.sql > receipts.tsv 2> log
  assert_equal "$(cut -f 1 receipts.tsv | sort | uniq -c | tr -s ' ' | paste -sd ,)" ' 1 failed, 1 status, 11004 updated'
  [ "$(grep -c 'Index Scan using feedback_answer_pkey on feedback_answer t' log)" -gt 20 ]
  refute grep -q 'Seq Scan on feedback_answer' log
  refute grep -q 'using feedback_answer_cohort' log
}

@test "COPY data has no backslash except in NULL, and plain slugs are readable" {
  lines 'model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus' 'answer\t1\t7\tmiami ñ "x"\t9\t\\N' 'answer\t2\t7\ta\\tb\\\\c\t9\thex:00' > plan.tsv
  fb-apply plan.tsv > script.sql
  run -0 sed -n '/FROM STDIN;$/,/^\\\.$/p' script.sql
  assert_line "$(lines '1\tanswer\t1\t7\tmiami ñ "x"\t9\t\\N')"
  assert_line "$(lines '2\tanswer\t2\t7\thex:6109625c63\t9\thex:6865783a3030')"
}
