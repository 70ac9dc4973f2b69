# What the programs do when system calls fail: tests/faults/faults.c makes each call fail in turn. They never
# exit with 0 and different output than without the fault.
load helper
load ways

# Built by `make build/faults.so`, which make check runs before the tests.
export FAULTS=$project/build/faults.so

setup_file() { [ -e "$FAULTS" ] || fail 'build/faults.so is missing: make build/faults.so'; }

# Runs the ways in Python, with faults.
with_faults() { cases "${ways[@]}"; } # < program

@test "the n-th allocation fails, for every n" {
  with_faults << 'END'
from ways import *
given_up = 0
for way in ways():
    for plus in "", "+":  # only this call, or all later ones as well
        for attempt in way.each_fault("memory", plus):
            if attempt.status == 2:
                attempt.assert_given_up(": out of memory")
                given_up += 1
            else:  # libcsv retries with less; a sanitizer's own allocations are counted here, too
                attempt.assert_unharmed()
assert given_up > 200, given_up
END
}

@test "short and interrupted reads and writes change nothing" {
  with_faults << 'END'
from ways import *
for way in ways():
    for size in 7 if "rows.tsv" in way.text else 1, 1000:  # rows.tsv is large
        Attempt(way, FAULT_CHUNK=size, FAULT_EINTR="yes").assert_unharmed()
END
}

# Makes each read or write of the ways fail; with sizes, they are split, so that there are many.
fail_each() { # read|write ERRNO MESSAGE [SIZES]
  cases "$1" "$2" "$3" "${4-}" "${ways[@]}" << 'END'
from ways import *
call, error, message, sizes, *texts = sys.argv[1:]
total = 0
for way in ways(texts):
    pieces = {"FAULT_CHUNK": sizes.split()["rows" in way.text]} if sizes else {}
    reached = 0
    for attempt in way.each_fault(call, FAULT_ERROR=error, **pieces):
        attempt.assert_given_up(f"{attempt.file}: {message}")
        reached += 1
    assert reached > 0 or call == "read", way.text
    total += reached
assert total > (100 if sizes else 20), total
END
}

@test "any failed read is reported" { fail_each read 5 'Input/output error'; }
@test "any failed write is reported" { fail_each write 28 'No space left on device'; }
# rows.tsv is large
@test "any failed read of many is reported" { fail_each read 5 'Input/output error' '83 5003'; }
# bats test_tags=slow
@test "any failed write of many is reported" { fail_each write 28 'No space left on device' '83 5003'; }

@test "any file that cannot be opened is reported" {
  with_faults << 'END'
from ways import *
total = 0
for way in ways():
    for attempt in way.each_fault("open", FAULT_ERROR=24):
        attempt.assert_given_up(f"{attempt.file}: Too many open files")
        total += 1
assert total == 15, total
END
}

@test "a failed close of an output is reported; of an input it does not matter" {
  with_faults << 'END'
from ways import *
outputs = 0
for way in ways():
    for attempt in way.each_fault("close", FAULT_ERROR=122):
        if attempt.file in ("side", "standard output"):
            attempt.assert_given_up(f"{attempt.file}: Disk quota exceeded")
            outputs += 1
        else:
            attempt.assert_unharmed()
assert outputs == len(sys.argv) - 1 + 2, outputs
END
}

@test "standard input or error is closed, and /dev/null cannot be opened" {
  for way in 'fb-apply plan.tsv <&-' 'fb-extract --rejects side rows.tsv <&-'; do
    expect "$way"
    attempt "env LD_PRELOAD='$FAULTS' FAULT_CALL=open FAULT_AT=1 FAULT_ERROR=24 $way"
    assert_given_up "${way%% *}: /dev/null: Too many open files"
    [ ! -e side ]
  done
}
