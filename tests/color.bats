# Colors: those of the original command, on a terminal only, unless requested.
load helper

terminal() { TERM=xterm python3 "$BATS_TEST_DIRNAME/terminal.py" raw 80 env "$@"; }

plan='model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus'
receipts="status\t$plan\tdetail"
receipts() {
  lines "$receipts" 'updated\tanswer\t1\t1\ta\t1\ts\t\\N' 'skipped\tanswer\t2\t1\ta\t1\ts\tgone' 'failed\tanswer\t3\t1\ta\t1\ts\t23503 no'
}
plain() { sed 's/\x1b\[[0-9;]*m//g'; }

# Django's styles: code, text, reset, then the end of the line.
heading() { printf '\e[36;1m%s\e[0m' "$1"; }
success() { printf '\e[32;1m%s\e[0m' "$1"; }
warning() { printf '\e[33;1m%s\e[0m' "$1"; }
error() { printf '\e[31;1m%s\e[0m' "$1"; }

@test "receipts: the colors" {
  receipts > r.tsv
  rule='======================================================================'
  run -1 --separate-stderr fb-report --color=always r.tsv
  assert_output "
$rule
$(heading 'Processing Answer model...')
$rule
Found 3 Answer records to process
  ✓ Answer 1: cohort=a → syllabus=s
$(warning '  - Answer 2: skipped, gone')
$(error '  ✗ Answer 3: no')

$(success 'Updated 1 Answer records')
$(warning 'Skipped: 1 (gone 1)')
$(error 'Errors: 1')
$(error '  - Answer 3: no')

$rule
$(heading 'Processing Review model...')
$rule
Found 0 Review records to process
$(warning '  No reviews need updating')

$rule
$(warning '✓ Successfully updated 1 records in total')
$rule"
}

@test "receipts of which none failed: the total is green" {
  receipts | grep -v failed > r.tsv
  run -0 fb-report --color always r.tsv
  assert_line "$(success '✓ Successfully updated 1 records in total')"
}

@test "a dry run's warning, a count of more errors, an undo" {
  lines "$plan" 'answer\t1\t1\ta\t1\ts' > p.tsv
  run -0 fb-report --color always p.tsv
  assert_line --index 0 "$(warning 'DRY RUN MODE - No changes will be made')"
  assert_line '  [DRY RUN] Answer 1: cohort=a → syllabus=s'
  assert_line "$(success 'DRY RUN: Would update 1 records in total')"
  { receipts; for id in {4..9}; do lines "failed\tanswer\t$id\t1\ta\t1\ts\t23503 no"; done; } | sed s/updated/reverted/ > r.tsv
  run -1 fb-report --color always r.tsv
  assert_line "$(error '  ... and 2 more')"
  assert_line "$(success 'Reverted 1 Answer records')"
}

@test "auto, the default: on a terminal, unless NO_COLOR or TERM says otherwise" {
  receipts > r.tsv
  fb-report r.tsv > plain.out 2> /dev/null || true
  run grep -c $'\e' plain.out
  assert_output 0
  fb-report --color always r.tsv > color.out 2> /dev/null || true
  run -0 diff plain.out <(plain < color.out)
  on_terminal() { terminal "$@" sh -c 'fb-report '"$options"' r.tsv 2> /dev/null' > got || [ $? = 1 ]; }
  for options in '' '--color auto' '--color=always'; do
    on_terminal; run -0 diff color.out got
    on_terminal NO_COLOR=; run -0 diff color.out got
  done
  on_terminal NO_COLOR=1; run -0 diff color.out got   # always overrides NO_COLOR
  options='--color never'
  on_terminal; run -0 diff plain.out got
  for options in '' '--color auto'; do
    on_terminal NO_COLOR=1; run -0 diff plain.out got
    on_terminal TERM=dumb; run -0 diff plain.out got
    on_terminal -u TERM; run -0 diff plain.out got
  done
}

@test "JSON is never colored" {
  receipts > r.tsv
  fb-report --json r.tsv > plain.out 2> /dev/null || true
  fb-report --json --color always r.tsv > color.out 2> /dev/null || true
  run -0 cmp plain.out color.out
}

# bats test_tags=server
@test "fb-backfill: the same, and without color the original's bytes" {
  sample_database
  terminal sh -c 'fb-backfill --dry-run 2> /dev/null' > color.out
  run -0 diff "$BATS_TEST_DIRNAME/original/dry-run.txt" <(plain < color.out)
  run -0 grep -c $'\e\\[' color.out
  assert_output 6
  terminal sh -c 'fb-backfill --dry-run --color never 2> /dev/null' > got
  run -0 diff "$BATS_TEST_DIRNAME/original/dry-run.txt" got
  terminal NO_COLOR=1 sh -c 'fb-backfill --dry-run 2> /dev/null' > got
  run -0 diff "$BATS_TEST_DIRNAME/original/dry-run.txt" got
  fb-backfill --dry-run --color=always > got
  run -0 diff color.out got
}

@test "--color takes auto, always and never" {
  for program in fb-report fb-backfill; do
    run -2 $program --color=sometimes
    assert_line "$program: --color: invalid value 'sometimes' (expected auto, always or never)"
    run -2 $program --color
  done
}
