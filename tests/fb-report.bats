load helper

plan='model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus'
receipts="status\t$plan\tdetail"

# Receipts of every kind, and more failures than are shown.
receipts() {
  lines "$receipts" 'updated\tanswer\t1\t1\tmiami-1\t10\tfull-stack\t\\N' \
    'skipped\tanswer\t2\t1\tmiami-1\t10\tfull-stack\talready-set' \
    'skipped\tanswer\t3\t1\tmiami-1\t10\tfull-stack\tgone'
  for id in 4 5 6 7 8 9 10; do lines "failed\tanswer\t$id\t1\tmiami-1\t10\tfull-stack\t23503 no such syllabus"; done
  lines 'updated\treview\t1\t1\tmiami-1\t10\t\\N\t\\N'
}

rule='======================================================================'

@test "receipts: every status, the first five failures and a count, exit 1" {
  receipts > r.tsv
  run -1 --separate-stderr fb-report r.tsv
  assert_output "
$rule
Processing Answer model...
$rule
Found 10 Answer records to process
  ✓ Answer 1: cohort=miami-1 → syllabus=full-stack
  - Answer 2: skipped, already-set
  - Answer 3: skipped, gone
  ✗ Answer 4: no such syllabus
  ✗ Answer 5: no such syllabus
  ✗ Answer 6: no such syllabus
  ✗ Answer 7: no such syllabus
  ✗ Answer 8: no such syllabus
  ✗ Answer 9: no such syllabus
  ✗ Answer 10: no such syllabus

Updated 1 Answer records
Skipped: 2 (already-set 1, gone 1)
Errors: 7
  - Answer 4: no such syllabus
  - Answer 5: no such syllabus
  - Answer 6: no such syllabus
  - Answer 7: no such syllabus
  - Answer 8: no such syllabus
  ... and 2 more

$rule
Processing Review model...
$rule
Found 1 Review records to process
  ✓ Review 1: cohort=miami-1 → syllabus=None

Updated 1 Review records

$rule
✓ Successfully updated 2 records in total
$rule"
  assert_equal "$(head -n 1 <<< "$stderr")" 'fb-report: r.tsv:5: answer 4 failed: 23503 no such syllabus'
  assert_equal "$(tail -n 1 <<< "$stderr")" 'fb-report: ... and 2 more'
}

@test "--summary leaves out the line for each record" {
  receipts > r.tsv
  fb-report r.tsv 2> /dev/null | grep -v '^  [✓✗] ' | grep -v '^  - .*skipped,' > expected || true
  fb-report --summary r.tsv > got 2> /dev/null || true
  run -0 diff expected got
}

@test "a pipe has Found lines only with --plan" {
  receipts > r.tsv
  run -1 bash -c 'cat r.tsv | fb-report 2> /dev/null | grep Found'
  run -0 bash -c 'cat r.tsv | fb-report --plan r.tsv 2> /dev/null | grep Found'
  assert_output "$(lines 'Found 1 Answer records to process' 'Found 1 Review records to process')"
  run -0 bash -c 'fb-report < r.tsv 2> /dev/null | grep -c Found'
  assert_output 2
}

@test "standard input is read from its current offset" {
  receipts > r.tsv
  { echo 'not ours'; cat r.tsv; } > longer
  run -1 fb-report < r.tsv
  expected=$output
  run -1 bash -c '{ read -r _; fb-report; } < longer'
  assert_output "$expected"
}

@test "an undo says Reverted" {
  receipts | sed s/updated/reverted/ > r.tsv
  run -1 --separate-stderr fb-report --summary r.tsv
  assert_line 'Reverted 1 Answer records'
  assert_line '✓ Successfully reverted 2 records in total'
  head -n 1 r.tsv > nothing.tsv
  run -0 fb-report --undo nothing.tsv
  assert_line '✓ Successfully reverted 0 records in total'
}

@test "--json is one object with the same numbers" {
  receipts > r.tsv
  run -1 --separate-stderr fb-report --json r.tsv
  echo "$output" > report.json
  run -0 jq -c '[.dry_run, .undo, .total, (.models.answer | .found, .updated, .skipped."already-set", .skipped.gone,
    .skipped.duplicate, .failed, (.errors | length), .errors[0])]' report.json
  assert_output '[false,false,2,10,1,1,1,0,7,5,{"id":4,"sqlstate":"23503","message":"no such syllabus"}]'
  run -0 jq -c '.models.review | [.found, .updated, .errors]' report.json
  assert_output '[1,1,[]]'
  tail -n +2 r.tsv | cut -f 2-7 | { lines "$plan"; cat; } > p.tsv
  run -0 bash -c 'fb-report --json < p.tsv | jq -c "[.dry_run, .models.answer.would_update, .total]"'
  assert_output '[true,10,11]'
}

@test "JSON strings are those that were in the message" {
  printf "$receipts\\nfailed\tanswer\t1\t1\tc\t1\ts\tP0001 a \"quote\", a \\\\\\\\ and \\\\n\x01 é\n" > r.tsv
  fb-report --json r.tsv > r.json 2> /dev/null || true
  run -0 jq -j '.models.answer.errors[0].message' r.json
  assert_output "$(printf 'a "quote", a \\ and \n\x01 é')"
}

@test "nothing in a slug or a message acts on the terminal" {
  printf "$receipts\\nupdated\tanswer\t1\t1\t\e[31mred\\\\n\\\\b\t1\t\xc2\x9b2J \xe2\x80\xaeñ\t\\\\N\n" > r.tsv
  run -0 fb-report r.tsv
  assert_line '  ✓ Answer 1: cohort=\x1b[31mred\x0a\x08 → syllabus=\xc2\x9b2J \xe2\x80\xaeñ'
}

@test "--model shows that model alone" {
  receipts > r.tsv
  run -0 fb-report --model review r.tsv
  refute_output --partial Answer
  assert_line '✓ Successfully updated 1 records in total'
}

@test "a record's line is printed as soon as it comes out of a pipe" {
  mkfifo pipe
  fb-report < pipe > report &
  { lines "$receipts" 'updated\tanswer\t1\t1\tmiami-1\t10\tfull-stack\t\\N'
    for _ in {1..1200}; do grep -q 'Answer 1:' report && break; sleep 0.05; done
    grep -c 'Answer 1:' report > seen
  } > pipe
  wait
  assert_equal "$(cat seen)" 1
}

@test "another kind of file, an unknown status or reason" {
  lines 'model\tid\tcohort_id' > c.tsv
  run -2 fb-report c.tsv
  assert_output 'fb-report: c.tsv:1: this is a file of candidates, not a plan'
  lines "$receipts" 'done\tanswer\t1\t1\ta\t1\tb\t\\N' 'skipped\tanswer\t1\t1\ta\t1\tb\twhy' > r.tsv
  run -1 --separate-stderr fb-report r.tsv
  assert_equal "$stderr" "fb-report: r.tsv:2: unknown status, or unknown reason for it
fb-report: r.tsv:3: unknown status, or unknown reason for it"
}

@test "a record that could be neither carried out nor taken back is rejected: it has no syllabus_id, or no cohort_id" {
  lines "$receipts" 'updated\tanswer\t1\t1\ta\t\\N\tb\t\\N' 'reverted\tanswer\t2\tx\ta\t1\tb\t\\N' 'skipped\tanswer\t3\t1\ta\t\\N\tb\tgone' > r.tsv
  run -1 --separate-stderr fb-report --undo r.tsv
  assert_line 'Skipped: 1 (gone 1)'
  assert_equal "$stderr" "fb-report: r.tsv:2: syllabus_id is NULL
fb-report: r.tsv:3: cohort_id is not a decimal integer in bigint range: 'x'"
  lines 'model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus' 'answer\t1\t1\ta\t\\N\tb' 'answer\t2\t1\ta\t3\tb' > p.tsv
  run -1 --separate-stderr fb-report p.tsv
  assert_line 'DRY RUN: Would update 1 records in total, 1 rejected'
  assert_equal "$stderr" 'fb-report: p.tsv:2: syllabus_id is NULL'
}

@test "--summary of several files has one section for each model" {
  lines "$receipts" 'updated\tanswer\t1\t1\ta\t1\tb\t\\N' 'updated\treview\t1\t1\ta\t1\tb\t\\N' > r.tsv
  run -0 fb-report --summary r.tsv r.tsv
  assert_equal "$(grep -E '^(Updated|Processing)' <<< "$output")" "$(lines 'Processing Answer model...' 'Updated 2 Answer records' \
    'Processing Review model...' 'Updated 2 Review records')"
}

@test "with a line for each record, each section counts its own, and their sums are the totals" {
  { lines "$receipts"; for id in 1 2 3 4; do lines "failed\tanswer\t$id\t1\ta\t1\tb\t23503 no"; done
    lines 'skipped\tanswer\t5\t1\ta\t1\tb\tgone' 'updated\tanswer\t6\t1\ta\t1\tb\t\\N' 'updated\treview\t1\t1\ta\t1\tb\t\\N'; } > one.tsv
  lines "$receipts" 'skipped\tanswer\t7\t1\ta\t1\tb\talready-set' 'updated\tanswer\t8\t1\ta\t1\tb\t\\N' \
    'updated\tanswer\t9\t1\ta\t1\tb\t\\N' > two.tsv
  run -1 --separate-stderr fb-report one.tsv two.tsv one.tsv
  assert_equal "$(grep -E '^[A-Z✓]|more' <<< "$output")" 'Processing Answer model...
Found 15 Answer records to process
Updated 1 Answer records
Skipped: 1 (gone 1)
Errors: 4
Processing Review model...
Found 2 Review records to process
Updated 1 Review records
Processing Answer model...
Updated 3 Answer records
Skipped: 2 (already-set 1, gone 1)
Errors: 4
  ... and 3 more
Processing Review model...
Updated 1 Review records
✓ Successfully updated 6 records in total'
}

@test "a section whose failed records are beyond the first five lists none of them again" {
  { lines "$receipts"; for id in 1 2 3 4 5 6; do lines "failed\tanswer\t$id\t1\ta\t1\tb\t23503 no"; done
    lines 'updated\treview\t1\t1\ta\t1\tb\t\\N'; } > one.tsv
  lines "$receipts" 'failed\tanswer\t7\t1\ta\t1\tb\t23503 no' > two.tsv
  run -1 --separate-stderr fb-report one.tsv two.tsv
  assert_equal "$(grep -E '^(Errors|  -|  \.)' <<< "$output" | tail -n 2)" '  ... and 1 more
Errors: 1'
}

@test "malformed records are reported once, and not counted" {
  lines "$receipts" 'updated\tquiz\t1\t1\ta\t1\tb\t\\N' 'updated\tanswer\tx\t1\ta\t1\tb\t\\N' \
    '\\N\tanswer\t1\t1\ta\t1\tb\t\\N' 'skipped\tanswer\t1\t1\ta\t1\tb\t\\N' 'short' 'updated\tanswer\t1\t1\ta\t1\tb\t\\N' > r.tsv
  for command in 'fb-report r.tsv' 'fb-report --plan r.tsv r.tsv'; do
    run -1 --separate-stderr $command
    assert_line 'Updated 1 Answer records'
    assert_equal "$(head -n 5 <<< "$stderr")" "fb-report: r.tsv:2: unknown model: quiz
fb-report: r.tsv:3: id is not a decimal integer in bigint range: 'x'
fb-report: r.tsv:4: unknown status, or unknown reason for it
fb-report: r.tsv:5: unknown status, or unknown reason for it
fb-report: r.tsv:6: expected 8 fields, found 1"
  done
}

@test "a failure without SQLSTATE, without a message, without anything" {
  lines "$receipts" 'failed\tanswer\t1\t1\ta\t1\tb\toops' 'failed\tanswer\t2\t1\ta\t1\tb\t23503 ' \
    'failed\tanswer\t3\t1\ta\t1\tb\t' 'failed\tanswer\t4\t1\ta\t1\tb\t\\N' > r.tsv
  run -1 --separate-stderr fb-report --summary r.tsv
  assert_line 'Errors: 4'
  assert_line '  - Answer 1: oops'
  for id in 2 3 4; do assert_line "  - Answer $id: "; done
  refute_output --partial 'more'
  run -0 bash -c 'fb-report --json r.tsv 2> /dev/null | jq -c "[.models.answer.errors[] | [.sqlstate, .message]]"'
  assert_output '[["","oops"],["23503",""],["",""],["",""]]'
}

@test "--json: of a pipe without --plan, of an undo, of one model" {
  receipts | sed s/updated/reverted/ > r.tsv
  run -0 bash -c 'cat r.tsv | fb-report --json 2> /dev/null | jq -c "[.undo, .total, (.models.answer | .found, .reverted, .updated)]"'
  assert_output '[true,2,null,1,null]'
  run -0 bash -c 'fb-report --json --model review r.tsv | jq -c "[.total, (.models | keys)]"'
  assert_output '[1,["review"]]'
}

# Every kind of character that a terminal might act on, or that nobody could see, each between two of its neighbours that are
# neither.
odd='\x1f \x7f~ \xc2\x9f\xc2\xa1 \xc2\xac\xc2\xad\xc2\xae \xd8\x9c\xd8\x9d \xe2\x80\x8a\xe2\x80\x8b\xe2\x80\x8f\xe2\x80\x90 \xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xaf\xe2\x80\xb0'
odd+=' \xe2\x81\x9f\xe2\x81\xa0\xe2\x81\xaf\xe2\x81\xb0 \xef\xbb\xbe\xef\xbb\xbf\xef\xbc\x80 \xe2\x82\xac \xe3\x80\x8e \xf0\x9f\x98\x80'
shown='\\x1f \\x7f~ \\xc2\\x9f\xc2\xa1 \xc2\xac\\xc2\\xad\xc2\xae \\xd8\\x9c\xd8\x9d \xe2\x80\x8a\\xe2\\x80\\x8b\\xe2\\x80\\x8f\xe2\x80\x90 \xe2\x80\xa7\\xe2\\x80\\xa8\\xe2\\x80\\xaf\xe2\x80\xb0'
shown+=' \xe2\x81\x9f\\xe2\\x81\\xa0\\xe2\\x81\\xaf\xe2\x81\xb0 \xef\xbb\xbe\\xef\\xbb\\xbf\xef\xbc\x80 \xe2\x82\xac \xe3\x80\x8e \xf0\x9f\x98\x80'

@test "only what a terminal might act on is escaped: report, JSON, messages" {
  printf "$receipts\\nupdated\\tanswer\\t1\\t1\\t$odd\\t1\\ts\\t\\\\N\\nfailed\\tanswer\\t2\\t1\\tc\\t1\\ts\\tP0001 $odd\\n" > r.tsv
  run -1 --separate-stderr fb-report r.tsv
  assert_line "$(printf "  ✓ Answer 1: cohort=$shown → syllabus=s")"
  assert_line "$(printf "  ✗ Answer 2: $shown")"
  assert_equal "$stderr" "$(printf "fb-report: r.tsv:3: answer 2 failed: P0001 $shown")"
  run -1 --separate-stderr fb-report --json r.tsv
  echo "$output" > r.json
  run -0 jq -j '.models.answer.errors[0].message' r.json
  assert_output "$(printf "$odd")"
  run -0 grep -c '\\u001f \\u007f~ \\u009f.* .*\\u00ad.* \\u061c.* .*\\u200b\\u200f.* .*\\u2028\\u202f.* .*\\u2060\\u206f.* .*\\ufeff' r.json
}

@test "bytes that are not text are escaped in messages: file names, and text cut inside a character" {
  run -2 fb-report $'a\xff\xe2\x82b\xc3'
  assert_output "fb-report: a\xff\xe2\x82b\xc3: No such file or directory"
  euros=$(printf '€%.0s' {1..40})
  lines "$receipts" "updated\\t$euros\\t1\\t1\\ta\\t1\\tb\\t\\\\N" > r.tsv
  run -1 --separate-stderr fb-report r.tsv
  assert_equal "$stderr" "fb-report: r.tsv:2: unknown model: ${euros:0:33}\xe2"
}

@test "a plan that is not sorted by model: no section says that there is nothing before it knows" {
  lines 'model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus' 'review\t1\t1\ta\t3\tb' 'answer\t1\t1\ta\t3\tb' > p.tsv
  run -0 fb-report p.tsv
  assert_equal "$(grep -E '^[A-Z]|No ' <<< "$output")" 'DRY RUN MODE - No changes will be made
Processing Review model...
Found 1 Review records to process
Would update 1 Review records
Processing Answer model...
Found 1 Answer records to process
Would update 1 Answer records
DRY RUN: Would update 2 records in total'
  run -0 bash -c 'cat p.tsv | fb-report'
  refute_output --partial 'No answers'
}

@test "skipped without a known reason: rejected, and not found either; --undo of a plan is refused" {
  lines "$receipts" 'skipped\tanswer\t1\t1\ta\t1\tb\t\\N' 'updated\tanswer\t2\t1\ta\t1\tb\t\\N' > r.tsv
  run -1 --separate-stderr fb-report r.tsv
  assert_line 'Found 1 Answer records to process'
  assert_line '✓ Successfully updated 1 records in total, 1 rejected'
  lines 'model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus' > p.tsv
  run -2 fb-report --undo p.tsv
  assert_output 'fb-report: p.tsv: not receipts, which --undo is about'
}
