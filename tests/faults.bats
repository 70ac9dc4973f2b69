# What the programs do where the system fails them: tests/faults/faults.c makes it fail at each call in
# turn. Never is there an exit 0 with other output than without the fault.
load helper
load ways

faults=$project/build/faults.so

setup_file() { MAKEFLAGS='' make -s -C "$BATS_TEST_DIRNAME/.." build/faults.so; }

# Attempts it with the faults that the variables say; the file `note` is there if there was the fault.
with_faults() { # way [VARIABLE=VALUE...]
  rm -f note
  attempt "env LD_PRELOAD='$faults' FAULT_NOTE=note ${*:2} $1"
}

# Lets the N-th call fail for every N there is, and runs a check on each; $file is what the call was about.
each_fault() { # way check VARIABLE=VALUE...
  local n
  for (( n = 1; ; n++ )); do
    with_faults "$1" "${@:3}" FAULT_AT="$n$plus"
    [ -e note ] || break
    file=$(< note) file=${file##*/}
    $2
  done
  assert_unharmed
  reached=$((n - 1))
}
plus=

@test "memory that cannot be had at the n-th allocation, for every n" {
  given_up=0
  unharmed_or_out_of_memory() {
    if (( status == 2 )); then
      assert_given_up ': out of memory'
      given_up=$((given_up + 1))
    else
      assert_unharmed   # libcsv asks again for less; a sanitizer's own allocations come through here, too
    fi
  }
  for way in "${ways[@]}"; do
    expect "$way"
    each_fault "$way" unharmed_or_out_of_memory FAULT_CALL=memory
    plus=+ each_fault "$way" unharmed_or_out_of_memory FAULT_CALL=memory
  done
  (( given_up > 200 ))
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
  assert_equal "$total" 13
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

@test "standard input or error is closed, and there is nothing to take its place" {
  for way in 'fb-apply plan.tsv <&-' 'fb-extract --rejects side rows.tsv <&-'; do
    expect "$way"
    with_faults "$way" FAULT_CALL=open FAULT_AT=1 FAULT_ERROR=24
    assert_given_up "${way%% *}: /dev/null: Too many open files"
    [ ! -e side ]
  done
}
