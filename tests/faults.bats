# What the programs do where the system fails them: tests/faults/faults.c makes it fail at each call in
# turn. Never is there an exit 0 with other output than without the fault.
load helper

faults=$project/build/faults.so

setup_file() { MAKEFLAGS='' make -s -C "$BATS_TEST_DIRNAME/.." build/faults.so; }

setup() {
  cd "$BATS_TEST_TMPDIR"
  inputs
}

plan='model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus'
receipts="status\t$plan\tdetail"

# Small files of every kind, with escapes, malformed records, a record longer than what is read at
# once, and more cohorts than the map has room for at first.
inputs() {
  { lines 'x\tmodel\tid\tcohort_id\tsyllabus_id' 'a\\tb\tanswer\t1\t1\t\\N' 'c\treview\t2\t2\t\\N' 'bad'
    printf '%0140000d\tanswer\t3\t3\t\\N\n\tanswer\t4\tx\t\\N\n' 0; } > rows.tsv
  { printf '\xef\xbb\xbfx,model,id,cohort_id,syllabus_id\r\n"a ""b""\nc",answer,1,1,\r\nd,review,2,"2"z,\n'
    printf '"%05000d",answer,3,3,\n,answer,4,"4' 0; } > rows.csv
  { lines 'cohort_id\tcohort\tsyllabus_id\tsyllabus' '1\ta\\tb\t10\ts' '2\tc\t\\N\t\\N' '3\td\tx\t\\N' '4\te\\x66\t11\t\\N'
    for id in {1001..1200}; do lines "$id\tc\t1\ts"; done; } > cohorts.tsv
  printf 'cohort_id,cohort,syllabus_id,syllabus\n1,"a\tb",10,s\n2,c,,\n4,ef,11,' > cohorts.csv
  lines 'model\tid\tcohort_id' 'answer\t1\t1' 'answer\t2\t2' 'answer\t3\t9' 'quiz\t3\t1' 'review\t1\t4' > candidates.tsv
  lines "$plan" 'answer\t1\t1\ta\\tb\t10\ts' 'answer\t2\t1\ta\t\\N\ts' 'review\t1\t4\te\\x66\t11\t\\N' 'answer\t1\t1\tx\t1\t\\N' > plan.tsv
  { lines "$receipts" 'updated\tanswer\t1\t1\ta\\tb\t10\ts\t\\N' 'skipped\tanswer\t2\t1\ta\t10\ts\tgone'
    for id in 3 4 5 6 7 8; do lines "failed\treview\t$id\t1\ta\t10\t\\\\N\t23503 no\\\\nsuch"; done; } > receipts.tsv
}

# Shown where a test fails.
teardown() { echo "$at_hand"; }
at_hand=

# Every way through the programs. What stands beside standard output is written to `side`.
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
  'fb-report --plan plan.tsv < receipts.tsv'
  'fb-report < plan.tsv'
  'fb-report --help'
  'fb-apply --version'
)

# Does it as it goes without fault: files expected.out, expected.side, and $expected_status.
expect() { # way
  rm -f side expected.side
  expected_status=0
  eval "$1" > expected.out 2> /dev/null || expected_status=$?
  [ ! -e side ] || mv side expected.side
}

# Does it with the faults that the variables say: files out, side, note (if there was the fault),
# $status and $message.
with_faults() { # way [VARIABLE=VALUE...]
  rm -f side note
  status=0
  eval "env LD_PRELOAD='$faults' FAULT_NOTE=note ${*:2} $1" > out 2> err || status=$?
  message=$(< err)
}

is_prefix() { cmp -s -n "$(wc -c < "$1")" "$1" "$2"; } # of

# All is as without fault.
assert_unharmed() {
  assert_equal "$status" "$expected_status"
  cmp out expected.out
  [ ! -e expected.side ] || cmp side expected.side
}

# It gave up, with this at the end of its message, and what was written until then is right.
assert_given_up() { # reason
  assert_equal "$status" 2
  [[ $message == *"$1" ]]
  is_prefix out expected.out
  [ ! -e side ] || is_prefix side expected.side
}

# Lets the N-th call fail for every N there is, and runs a check on each; $file is what the call was about.
each_fault() { # way check VARIABLE=VALUE...
  local n
  for (( n = 1; ; n++ )); do
    with_faults "$1" "${@:3}" FAULT_AT="$n$plus"
    [ -e note ] || break
    file=$(< note) file=${file##*/}
    at_hand="$1, $3 number $n ($file): exit $status: $message"
    $2
  done
  assert_unharmed
  reached=$((n - 1))
}
plus=

@test "memory that cannot be had at the n-th allocation, for every n" {
  total=0
  unharmed_or_out_of_memory() {
    if (( status == 2 )); then assert_given_up ': out of memory'; else assert_unharmed; fi
  }
  out_of_memory() { assert_given_up ': out of memory'; }
  for way in "${ways[@]}"; do
    expect "$way"
    # libcsv asks again for less
    each_fault "$way" unharmed_or_out_of_memory FAULT_CALL=memory
    plus=+ each_fault "$way" out_of_memory FAULT_CALL=memory
    total=$((total + reached))
  done
  (( total > 100 ))
}

@test "short and interrupted reads and writes change nothing" {
  for way in "${ways[@]}"; do
    expect "$way"
    for size in 1 7 1000; do
      with_faults "$way" FAULT_CHUNK=$size FAULT_EINTR=yes
      assert_unharmed
    done
  done
}

# Bytes a call, for a few dozen calls: rows.tsv is large.
chunk() { case $1 in *rows*) echo 5003 ;; *) echo 83 ;; esac; } # way

@test "a read that fails, whichever, is named" {
  total=0
  read_error() { assert_given_up "$file: Input/output error"; }
  for way in "${ways[@]}"; do
    expect "$way"
    each_fault "$way" read_error FAULT_CALL=read
    each_fault "$way" read_error FAULT_CALL=read FAULT_CHUNK="$(chunk "$way")"
    total=$((total + reached))
  done
  (( total > 50 ))
}

@test "a write that fails, whichever, is named" {
  total=0
  no_space() { assert_given_up "$file: No space left on device"; }
  for way in "${ways[@]}"; do
    expect "$way"
    each_fault "$way" no_space FAULT_CALL=write FAULT_ERROR=28
    assert [ "$reached" -gt 0 ]
    each_fault "$way" no_space FAULT_CALL=write FAULT_ERROR=28 FAULT_CHUNK="$(chunk "$way")"
    total=$((total + reached))
  done
  (( total > 50 ))
}

@test "a file that cannot be opened, whichever, is named" {
  total=0
  too_many() { assert_given_up "$file: Too many open files"; }
  for way in "${ways[@]}"; do
    expect "$way"
    each_fault "$way" too_many FAULT_CALL=open FAULT_ERROR=24
    total=$((total + reached))
  done
  assert_equal "$total" 12
}

@test "an output whose close fails is named; of an input it does not matter" {
  outputs=0
  closed() {
    case $file in
      side|'standard output') assert_given_up "$file: Disk quota exceeded"; outputs=$((outputs + 1)) ;;
      *) assert_unharmed ;;
    esac
  }
  for way in "${ways[@]}"; do
    expect "$way"
    each_fault "$way" closed FAULT_CALL=close FAULT_ERROR=122
  done
  assert_equal "$outputs" $((${#ways[@]} + 2))
}
