# Ways through the four programs, with small inputs that contain a bit of everything.

setup() {
  cd "$BATS_TEST_TMPDIR"
  inputs
}

plan='model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus'
receipts="status\t$plan\tdetail"

# Makes small files of every kind, with escapes, malformed records, a record longer than one read, and
# more cohorts than the map's initial size.
inputs() {
  { lines 'x\tmodel\tid\tcohort_id\tsyllabus_id' 'a\\tb\tanswer\t1\t1\t\\N' 'c\treview\t2\t2\t\\N' 'bad'
    printf '%0140000d\tanswer\t3\t3\t\\N\n\tanswer\t4\tx\t\\N\n' 0; } > rows.tsv
  { printf '\xef\xbb\xbfx,model,id,cohort_id,syllabus_id\r\n"a ""b""\nc",answer,1,1,\r\nd,review,2,"2"z,\n'
    printf '"%05000d",answer,3,3,\n,answer,4,"4' 0; } > rows.csv
  { lines 'cohort_id\tcohort\tsyllabus_id\tsyllabus' '1\ta\\tb\t10\ts' '2\tc\t\\N\t\\N' '3\td\tx\t\\N' '4\te\\x66\t11\t\\N'
    printf '%s\tc\t1\ts\n' {1001..1200}; } > cohorts.tsv
  printf 'cohort_id,cohort,syllabus_id,syllabus\n1,"a\tb",10,s\n2,c,,\n4,ef,11,' > cohorts.csv
  lines '# models' 'note="my ""notes"' 'answer=a.b$$:id,c,s' > models.txt
  lines 'model\tid\tcohort_id' 'answer\t1\t1' 'answer\t2\t2' 'answer\t3\t9' 'quiz\t3\t1' 'review\t1\t4' > candidates.tsv
  lines "$plan" 'answer\t1\t1\ta\\tb\t10\ts' 'answer\t2\t1\ta\t\\N\ts' 'review\t1\t4\te\\x66\t11\t\\N' 'answer\t1\t1\tx\t1\t\\N' > plan.tsv
  { lines "$receipts" 'updated\tanswer\t1\t1\ta\\tb\t10\ts\t\\N' 'skipped\tanswer\t2\t1\ta\t10\ts\tgone'
    printf 'failed\treview\t%s\t1\ta\t10\t\\N\t23503 no\\nsuch\n' {3..8}; } > receipts.tsv
  lines 'model\tcohort_id\tcohort\tsyllabus_id\tsyllabus\trows' 'answer\t1\ta\t\\N\t\\N\t3' 'answer\t2\tb\t10\ts\t4' 'quiz\t2\tb\t10\ts\t4' > count.tsv
}

# Every way through the programs. Output other than standard output goes to `side`.
ways=(
  'fb-extract --rejects side rows.tsv rows.csv'
  'fb-extract < rows.csv'
  'fb-extract --sql'
  'fb-resolve --cohorts cohorts.tsv --unresolved side candidates.tsv'
  'fb-resolve --cohorts cohorts.csv < candidates.tsv'
  'fb-resolve --sql'
  'fb-apply --batch-size 1 --pause 10 plan.tsv'
  'fb-apply < plan.tsv'
  'fb-apply --undo receipts.tsv'
  'fb-report receipts.tsv'
  'fb-report --json receipts.tsv'
  'fb-report --by-cohort --json receipts.tsv'
  'fb-report --by-cohort count.tsv'
  'fb-report --plan plan.tsv < receipts.tsv'
  'fb-report < plan.tsv'
  'fb-extract --models models.txt --table x=y --sql'
  'fb-resolve --print-models'
  'fb-report --help'
  'fb-apply --version'
)

# Runs it without faults: sets the files expected.out, expected.side, and $expected_status.
expect() { # way
  rm -f side expected.side
  expected_status=0
  eval "$1" > expected.out 2> /dev/null || expected_status=$?
  [ ! -e side ] || mv side expected.side
}

# Runs it under test: sets the files out, err, side, $status, and $message to the last message.
attempt() { # command line
  rm -f side
  status=0
  eval "$1" > out 2> err || status=$?
  message=$(< err)
  attempted="$1: exit $status: $message"
  message=${message##*$'\n'}
}

attempted=
teardown() { echo "$attempted"; }   # shown if a test fails

is_prefix() { cmp -s -n "$(wc -c < "$1")" "$1" "$2"; } # of

# Everything is as without faults.
assert_unharmed() {
  assert_equal "$status" "$expected_status"
  cmp out expected.out
  [ ! -e expected.side ] || cmp side expected.side
}

# It gave up with a message that ends with this, and what it had written until then is right.
assert_given_up() { # reason
  assert_equal "$status" 2
  [[ $message == *"$1" ]]
  is_prefix out expected.out
  [ ! -e side ] || is_prefix side expected.side
}
