# Standard input, output and error, operands and output files that are closed, full, slow, or not regular files.
load helper
load ways

@test "standard output is closed: exit 2, and no other file gets the output" {
  for way in "${ways[@]}"; do
    expect "$way"
    attempt "$way >&-"
    assert_given_up 'standard output: Bad file descriptor'
    [ ! -s out ]
  done
}

@test "standard input or error is closed: nothing changes, and no file gets the messages" {
  for way in "${ways[@]}"; do
    expect "$way"
    for closed in '2>&-' '<&-' '2>&- <&-'; do
      [[ $closed != *'<'* || $way != *'<'* ]] || continue
      attempt "$way $closed"
      assert_unharmed
    done
  done
  for program in fb-extract 'fb-resolve --cohorts cohorts.tsv' fb-apply 'fb-apply --undo' fb-report; do
    attempt "$program <&-"
    assert_given_up "${program%% *}: standard input: Bad file descriptor"
  done
}

@test "the disk is full" {
  for way in "${ways[@]}"; do
    expect "$way"
    attempt "$way > /dev/full"
    assert_given_up "${way%% *}: standard output: No space left on device"
    [[ $way == *side* ]] || continue
    attempt "${way/side//dev/full}"
    assert_given_up "${way%% *}: /dev/full: No space left on device"
  done
}

# A plan whose script is larger than any pipe.
large_plan() {
  lines "$plan"
  awk 'BEGIN { for (n = 1; n <= 40000; n++) print "answer\t" n "\t1\tmiami\t1\tfull-stack" }'
}

@test "a file reaches the size limit (ulimit -f)" {
  large_plan > large.tsv
  awk 'NR > 1 { print "bad " $0 }' large.tsv | { lines 'model\tid\tcohort_id\tsyllabus_id'; cat; } > rows.tsv
  awk 'NR > 1 { print $1 "\t" $2 "\t7" }' large.tsv | { lines 'model\tid\tcohort_id'; cat; } > candidates.tsv
  for way in 'fb-apply large.tsv' 'fb-extract --rejects side rows.tsv' \
      'fb-resolve --cohorts cohorts.tsv --unresolved side candidates.tsv'; do
    expect "$way"
    attempt "(ulimit -f 200; trap '' XFSZ; exec $way)"
    case $way in *side*) file=side ;; *) file='standard output' ;; esac
    assert_given_up "${way%% *}: $file: File too large"
    # killed, unless the signal is ignored
    attempt "(ulimit -f 200; exec env --default-signal=XFSZ $way)"
    assert_equal "$status" $((128 + $(kill -l XFSZ)))
    is_prefix out expected.out
    [ ! -e side ] || is_prefix side expected.side
  done
}

@test "the reader goes away: death by SIGPIPE, or exit 2 where that is ignored" {
  large_plan > large.tsv
  for way in 'fb-apply large.tsv' 'fb-report large.tsv' 'fb-report --plan large.tsv < large.tsv'; do
    attempt "(env --default-signal=PIPE $way | head -n 1; exit \${PIPESTATUS[0]})"
    assert_equal "$status" $((128 + $(kill -l PIPE)))
    expect "$way"
    attempt "(env --ignore-signal=PIPE $way | head -n 1; exit \${PIPESTATUS[0]})"
    assert_given_up "${way%% *}: standard output: Broken pipe"
  done
}

@test "a slow reader, byte by byte, gets all of it" {
  large_plan | head -n 4000 > large.tsv
  for way in 'fb-apply large.tsv' 'fb-report large.tsv'; do
    expect "$way"
    [ "$(wc -c < expected.out)" -gt 150000 ]  # more than a pipe and a buffer hold
    attempt "$way | dd bs=1 status=none"
    cmp out expected.out
  done
}

@test "pipes and FIFOs, in and out" {
  mkfifo in in2 to
  for way in "${ways[@]}"; do
    expect "$way"
    cat to > got & reader=$!
    attempt "$way > to"
    wait "$reader"
    mv got out
    assert_unharmed
  done
  expect 'fb-extract rows.tsv rows.csv'
  cat rows.tsv > in & cat rows.csv > in2 &
  attempt 'fb-extract in in2'
  assert_unharmed
  expect 'fb-resolve --cohorts cohorts.csv candidates.tsv'
  cat candidates.tsv > in & cat cohorts.csv > in2 &
  attempt 'fb-resolve --cohorts in2 in'
  assert_unharmed
  expect 'fb-report --plan plan.tsv receipts.tsv'
  cat receipts.tsv > in & cat plan.tsv > in2 &
  attempt 'fb-report --plan in2 in'
  assert_unharmed
  wait
}

@test "sockets cannot be opened as files, but can be standard input and output" {
  python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
  run -2 fb-apply socket
  assert_output 'fb-apply: socket: No such device or address'
  run -2 fb-extract --rejects socket rows.tsv
  assert_output 'fb-extract: socket: No such device or address'
  fb-apply plan.tsv > expected.out || true
  python3 > out << 'PYTHON'
import socket, subprocess, sys
ours, theirs = socket.socketpair()
with subprocess.Popen(["fb-apply"], stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL):
    theirs.close()
    ours.sendall(open("plan.tsv", "rb").read())
    ours.shutdown(socket.SHUT_WR)
    while data := ours.recv(1000):
        sys.stdout.buffer.write(data)
PYTHON
  cmp out expected.out
}

# Without root's right to read and write everything.
unprivileged() {
  if [ "$(id -u)" = 0 ]; then setpriv --bounding-set=-dac_override,-dac_read_search "$@"; else "$@"; fi
}

@test "operands that cannot be read: each is reported with the reason, and there is no output" {
  mkdir folder
  touch unreadable; chmod 0 unreadable
  for command in 'fb-extract' 'fb-extract rows.csv' 'fb-resolve --cohorts cohorts.tsv' 'fb-resolve candidates.tsv --cohorts' \
      fb-apply 'fb-apply --undo' fb-report 'fb-report receipts.tsv --plan'; do
    for operand in /dev/null folder unreadable missing ''; do
      case $operand in
        /dev/null) reason='file is empty (expected ' ;;
        folder) reason='Is a directory' ;;
        unreadable) reason='Permission denied' ;;
        *) reason='No such file or directory' ;;
      esac
      attempt "unprivileged $command '$operand'"
      assert_equal "$status" 2
      [ ! -s out ]
      [[ $message == "${command%% *}: $operand: $reason"* ]]
    done
  done
  for command in fb-extract 'fb-resolve --cohorts cohorts.tsv' 'fb-resolve --cohorts -' fb-apply 'fb-apply --undo' fb-report; do
    attempt "$command < folder"
    assert_equal "$status" 2
    assert_equal "$message" "${command%% *}: standard input: Is a directory"
    attempt "$command < /dev/null"
    assert_equal "$status" 2
    [[ $message == "${command%% *}: standard input: file is empty "* ]]
  done
}

@test "output files that cannot be written are reported" {
  mkdir folder
  touch readonly; chmod 444 readonly
  for command in 'fb-extract rows.tsv --rejects' 'fb-resolve --cohorts cohorts.tsv candidates.tsv --unresolved'; do
    for file in folder readonly missing/file ''; do
      case $file in
        folder) reason='Is a directory' ;;
        readonly) reason='Permission denied' ;;
        *) reason='No such file or directory' ;;
      esac
      attempt "unprivileged $command '$file'"
      assert_equal "$status" 2
      [ ! -s out ]
      assert_equal "$message" "${command%% *}: $file: $reason"
    done
  done
}

@test "files larger than 2 GiB, and dated after 2038" {
  # sparse, and only the header is read
  lines 'model\tid\tcohort_id\tsyllabus_id' > large.tsv
  truncate -s 3G large.tsv
  cp rows.tsv late.tsv
  touch -d 2040-01-01 late.tsv
  for file in large.tsv late.tsv; do
    run -2 fb-extract --rejects $file $file
    assert_output "fb-extract: $file: is also an input file"
  done
  # for the Found lines it seeks back to where standard input was
  : > large.tsv
  truncate -s 3G large.tsv
  cat receipts.tsv >> large.tsv
  run -1 fb-report < receipts.tsv
  assert_line 'Found 2 Answer records to process'
  expected=$output
  run -1 bash -c '{ dd bs=1G skip=3 count=0 status=none; fb-report; } < large.tsv'
  assert_output "$expected"
}

# Uses the normal builds even if the suite tests others: sanitizers and valgrind need more memory than these tests
# allow. PLAIN_BIN is their folder, if it is not bin/.
plain_programs() { PATH=${PLAIN_BIN:-$project/bin}:$PATH; }

# Tests tagged native are useless under an emulator: the memory that they limit or measure is the emulator's.

# Reads fields of this size in address spaces that are too small, and finally in one that is large enough.
in_address_spaces() { # BYTES FROM TO STEP, the sizes in KiB
  local file limit field
  plain_programs
  field() { head -c "$1" /dev/zero | tr '\0' "$2"; }
  { printf 'model,id,x,cohort_id,syllabus_id\nanswer,1,"'; field "$1" ,; printf '",7,\n'; } > large.csv
  { printf 'model\tid\tx\tcohort_id\tsyllabus_id\nanswer\t1\t'; field "$1" x; printf '\t7\t\\N\n'; } > large.tsv
  lines 'model\tid\tcohort_id' 'answer\t1\t7' > expected.out
  expected_status=0
  for file in large.csv large.tsv; do
    attempt "fb-extract $file"
    assert_unharmed
    for (( limit = $2; limit < $3; limit += $4 )); do
      attempt "(ulimit -v $limit; exec fb-extract $file)"
      (( limit > $2 )) || assert_equal "$status" 2
      (( status == 0 )) || assert_given_up ': out of memory'
    done
    assert_unharmed
  done
}

# bats test_tags=native
@test "an address space too small: out of memory, no crash; large enough: a field of 4 MiB" {
  in_address_spaces 4194304 6000 28000 1000
}
# bats test_tags=native,slow
@test "an address space too small: out of memory, no crash; large enough: a field of 64 MiB" {
  in_address_spaces 67108864 20000 400000 20011
}

# bats test_tags=native
@test "an unclosed quote: exit 1 at the end of the file, exit 2 if out of memory" {
  plain_programs
  { printf 'model,id,cohort_id,syllabus_id\nanswer,1,"'; yes 'answer,2,7,' | head -c 20000000; } > open.csv
  attempt "fb-extract --rejects side open.csv"
  assert_equal "$status" 1
  assert_equal "$message" 'fb-extract: open.csv:2-1666668: unterminated quoted field; 1666667 lines are not used'
  cmp side <(tail -n +2 open.csv)
  attempt "(ulimit -v 24000; exec fb-extract --rejects side open.csv)"
  assert_equal "$status" 2
  assert_equal "$message" 'fb-extract: out of memory'
}

# bats test_tags=native,slow
@test "a record of more than 1 GiB is refused" {
  lines 'id\tcohort_id\tsyllabus_id' > large.tsv
  truncate -s 1100000000 large.tsv
  attempt 'fb-extract --model answer large.tsv'
  rm large.tsv
  assert_equal "$status" 2
  assert_equal "$message" 'fb-extract: large.tsv:2: record longer than 1 GiB (an unclosed quote?)'
}

# bats test_tags=native
@test "8 MB of memory are enough for any number of records" {
  requires time
  plain_programs
  awk 'BEGIN { print "id\tcomment\tcohort_id\tsyllabus_id"; for (n = 1; n <= 250000; n++) print n "\ta comment of some length\t" n % 2000 "\t\\N" }' > rows.tsv
  awk 'BEGIN { print "cohort_id\tcohort\tsyllabus_id\tsyllabus"; for (n = 0; n < 2000; n++) print n "\tmiami-" n "\t" n "\tfull-stack" }' > cohorts.tsv
  peak() { # file program...
    local out=$1
    shift
    "$(type -P time)" -f %M -o kib "$@" > "$out"
    [ "$(cat kib)" -lt 7812 ] || { echo "$*: $(cat kib) KiB"; false; }
  }
  peak candidates.tsv fb-extract --model answer rows.tsv
  tr '\t' , < rows.tsv | sed 's/\\N//g' > rows.csv
  peak same.tsv fb-extract --model answer rows.csv
  cmp candidates.tsv same.tsv
  peak plan.tsv fb-resolve --cohorts cohorts.tsv candidates.tsv
  peak script.sql fb-apply plan.tsv
  peak report.txt fb-report plan.tsv
  awk 'BEGIN { FS = OFS = "\t" } { print NR == 1 ? "status" : "updated", $0, NR == 1 ? "detail" : "\\N" }' plan.tsv > receipts.tsv
  peak undo.sql fb-apply --undo receipts.tsv
  peak report.txt fb-report receipts.tsv
  assert_equal "$(tail -n 2 report.txt | head -n 1)" '✓ Successfully updated 250000 records in total'
}
