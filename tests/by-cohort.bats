# --by-cohort, a line for each cohort and syllabus, and the count of --check, as text and as JSON.
load helper

plan='model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus'
count='model\tcohort_id\tcohort\tsyllabus_id\tsyllabus\trows'
rule='======================================================================'

a_plan() {
  lines "$plan" 'answer\t1\t1\ta\t10\tx' 'answer\t2\t2\tb\t10\tx' 'answer\t3\t2\tb\t10\tx' 'answer\t4\t3\tc\t11\t\\N' \
    'review\t1\t2\tb\t10\tx' 'review\t2\t4\td\t10\tx'
}

@test "a plan by cohort: most records first, those of each model" {
  a_plan > p.tsv
  run -0 fb-report --by-cohort p.tsv
  assert_output "DRY RUN MODE - No changes will be made

$rule
Processing Answer model...
$rule
Found 4 Answer records to process

Would update 4 Answer records

$rule
Processing Review model...
$rule
Found 2 Review records to process

Would update 2 Review records

    Answer    Review  cohort → syllabus
         2         1  b → x
         1         -  a → x
         1         -  c → None (id 11)
         -         1  d → x

$rule
DRY RUN: Would update 6 records in total
$rule"
  run -0 fb-report --by-cohort --model review p.tsv
  assert_line '    Review  cohort → syllabus'
  assert_line '         1  b → x'
  run -0 fb-report --by-cohort --json p.tsv
  assert_equal "$(jq -c '[.cohorts[0, 2]]' <<< "$output")" \
    '[{"cohort":"b","syllabus_id":10,"syllabus":"x","records":{"answer":2,"review":1}},{"cohort":"c","syllabus_id":11,"syllabus":null,"records":{"answer":1,"review":0}}]'
  assert_equal "$(jq -c '.cohorts | length' <<< "$output")" 4
  run -0 fb-report --by-cohort --json --model answer p.tsv
  assert_equal "$(jq -c '.cohorts[0].records' <<< "$output")" '{"answer":2}'
}

@test "syllabuses of the same slug are told apart by their ids" {
  lines "$plan" 'answer\t1\t1\ta\t10\tx' 'answer\t2\t2\tb\t12\tx' 'answer\t3\t3\tc\t10\tx' 'answer\t4\t4\td\t14\ty' \
    'review\t5\t5\te\t14\ty' 'review\t6\t6\tf\t13\t\\N' 'review\t7\t7\tg\t15\t' > p.tsv
  fb-report --by-cohort p.tsv | sed -n '/ → .*[^s]$/s/^[ 0-9-]*  //p' > got
  assert_equal "$(sort got)" "$(lines 'a → x (id 10)' 'b → x (id 12)' 'c → x (id 10)' 'd → y' 'e → y' 'f → None (id 13)' 'g →  (id 15)')"
}

@test "receipts by cohort: what was done, and a wide model" {
  lines "status\t$plan\tdetail" 'updated\ta_very_long_name\t1\t1\ta\t10\tx\t\\N' 'updated\tn\t1\t1\ta\t10\tx\t\\N' \
    'skipped\tn\t2\t1\ta\t10\tx\tgone' > r.tsv
  run -0 fb-report --table a_very_long_name=t --table n=n --by-cohort r.tsv
  assert_line '    Answer    Review A_very_long_name         N  cohort → syllabus'
  assert_line '         -         -                1         1  a → x'
  # a syllabus_id is a number in JSON, or a string if it is not a number
  a_count | sed 's/10/x"/' > c.tsv
  run -1 fb-report --by-cohort --json c.tsv
  assert_equal "$(jq -c '[.cohorts[].syllabus_id]' <<< "$output" | grep -o '"[^,]*"' | head -n 1)" '"x\""'
}

@test "a preview of many cohorts is sorted, and uses memory for cohorts alone" {
  { lines "$plan"; seq 20000 | awk -v OFS='\t' '{ c = $1 % 500; print "answer", $1, c, "c" c, 1, "s" }'; } > p.tsv
  fb-report --by-cohort p.tsv | sed -n '/cohort → syllabus/,/^$/p' > got
  assert_equal "$(grep -c '→ s$' got)" 500
  assert_equal "$(grep '→ s$' got | awk '{ print $1 }' | uniq -c | tr -s ' ')" ' 500 40'
}

a_count() { lines "$count" 'review\t7\tg\t\\N\t\\N\t1' 'answer\t1\ta\t10\tx\t3' 'answer\t5\te\t\\N\t\\N\t7' 'answer\t6\tf\t10\tx\t9' 'review\t5\te\t\\N\t\\N\t1'; }

@test "a count: what is left, also by cohort; exit 1 while anything is left" {
  a_count > c.tsv
  run -1 fb-report c.tsv
  assert_output "$(lines 'Answer: 12 eligible, 7 with a cohort without a syllabus' 'Review: 0 eligible, 2 with a cohort without a syllabus')"
  run -1 fb-report --by-cohort c.tsv
  assert_output "Answer: 12 eligible, 7 with a cohort without a syllabus
Review: 0 eligible, 2 with a cohort without a syllabus

    Answer    Review  cohort → syllabus
         9         -  f → x
         3         -  a → x
         7         1  e leads to no syllabus
         -         1  g leads to no syllabus"
  run -0 fb-report --model review c.tsv
  assert_output 'Review: 0 eligible, 2 with a cohort without a syllabus'
  run -1 fb-report --json --by-cohort c.tsv
  assert_equal "$(jq -c '[.total, .models, .cohorts[2].syllabus_id]' <<< "$output")" \
    '[12,{"answer":{"eligible":12,"no_syllabus":7},"review":{"eligible":0,"no_syllabus":2}},null]'
  run -1 bash -c 'fb-report < c.tsv'
  { lines "$count" 'review\t5\te\t\\N\t\\N\t1'; } > c.tsv
  run -0 fb-report c.tsv
}

@test "malformed counts: each line is reported" {
  lines "$count" 'answer\t1\ta\t10\tx\t-1' 'quiz\t1\ta\t10\tx\t1' 'answer\t1\ta\t10\tx\tmany' 'answer\t1\ta\t10\tx\t2' > c.tsv
  run -1 --separate-stderr fb-report c.tsv
  assert_equal "$stderr" "$(lines 'fb-report: c.tsv:2: impossible number of rows: -1' 'fb-report: c.tsv:3: unknown model: quiz' \
    "fb-report: c.tsv:4: rows is not a decimal integer in bigint range: 'many'")"
  assert_line 'Answer: 2 eligible, 0 with a cohort without a syllabus'
  # nor can there be more of them than a bigint counts
  lines "$count" 'answer\t1\ta\t10\tx\t9223372036854775806' 'review\t1\ta\t\\N\t\\N\t1' 'answer\t2\tb\t10\tx\t1' > c.tsv
  run -1 --separate-stderr fb-report c.tsv
  assert_equal "$stderr" 'fb-report: c.tsv:4: impossible number of rows: 1'
  assert_line 'Answer: 9223372036854775806 eligible, 0 with a cohort without a syllabus'
  # a plan may have a column of this name
  lines "rows\t$plan" '7\tanswer\t1\t1\ta\t10\tx' > p.tsv
  run -0 fb-report --summary p.tsv
  assert_line 'DRY RUN: Would update 1 records in total'
}

# ---- several files, and the preview of an undo

@test "several files are reported as one; files of different kinds are refused" {
  lines "status\t$plan\tdetail" 'updated\tanswer\t1\t1\ta\t10\tx\t\\N' 'failed\tanswer\t2\t1\ta\t10\tx\t23503 no' > r.1
  lines "status\t$plan\tdetail" 'updated\tanswer\t3\t1\ta\t10\tx\t\\N' 'updated\treview\t4\t1\ta\t10\tx\t\\N' > r.2
  run -1 --separate-stderr fb-report r.1 r.2
  assert_line 'Found 3 Answer records to process'
  assert_line '✓ Successfully updated 3 records in total'
  assert_equal "$stderr" 'fb-report: r.1:3: answer 2 failed: 23503 no'
  a_plan > p.tsv
  run -2 fb-report r.1 p.tsv
  assert_output 'fb-report: p.tsv: not the same kind of file as r.1'
}

@test "--undo --dry-run: what an undo of these receipts would take back" {
  lines "status\t$plan\tdetail" 'updated\tanswer\t1\t1\ta\t10\tx\t\\N' 'skipped\tanswer\t2\t1\ta\t10\tx\tgone' \
    'failed\tanswer\t3\t1\ta\t10\tx\t23503 no' 'updated\treview\t4\t1\ta\t11\t\\N\t\\N' > r.tsv
  run -0 fb-report --undo --dry-run r.tsv
  assert_output "DRY RUN MODE - No changes will be made

$rule
Processing Answer model...
$rule
Found 1 Answer records to process
  [DRY RUN] Answer 1: syllabus=x → None

Would revert 1 Answer records

$rule
Processing Review model...
$rule
Found 1 Review records to process
  [DRY RUN] Review 4: syllabus=None → None

Would revert 1 Review records

$rule
DRY RUN: Would revert 2 records in total
$rule"
  run -0 fb-report --undo --dry-run --json r.tsv
  assert_equal "$(jq -c '[.dry_run, .undo, .models.answer.would_revert, .total]' <<< "$output")" '[true,true,1,2]'
  run -2 fb-report --dry-run r.tsv
  assert_line --partial '--dry-run requires --undo'
}

@test "records that fb-apply rejected are counted" {
  a_plan > p.tsv
  lines 'answer\tx\t1\ta\t10\tx' >> p.tsv
  lines "status\t$plan\tdetail" 'updated\tanswer\t1\t1\ta\t10\tx\t\\N' > r.tsv
  run -1 --separate-stderr fb-report --plan p.tsv --summary r.tsv
  assert_line '✓ Successfully updated 1 records in total, 1 rejected'
  assert_equal "$stderr" "fb-report: p.tsv:8: id is not a decimal integer in bigint range: 'x'"
  run -1 --separate-stderr fb-report --plan p.tsv --json r.tsv
  assert_equal "$(jq .rejected <<< "$output")" 1
  a_count > c.tsv
  run -2 fb-report --plan c.tsv r.tsv
  assert_output 'fb-report: c.tsv: is a count, not a plan or receipts'
}
