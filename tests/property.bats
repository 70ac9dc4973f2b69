# Random databases, runs and kills, compared with the plain UPDATE; see property.py.
#   FB_SEED=123 tests/run tests/property.bats    that seed instead of a fresh one
#   FB_ROUNDS=50 tests/run tests/property.bats   more rounds
# bats file_tags=server,slow
load helper

rounds=${FB_ROUNDS:-3}

setup() {
  cd "$BATS_TEST_TMPDIR"
  new_database schema
}

@test "killed at random and run again, it leaves what the plain UPDATE leaves: fixed seeds" {
  # shellcheck disable=SC2046  # words
  run python3 "$BATS_TEST_DIRNAME/property.py" $(seq "$rounds")
  assert_success   # prints what is wrong
  assert_equal "$(grep -c ' rows, ' <<< "$output")" "$rounds"
}

@test "killed at random and run again, it leaves what the plain UPDATE leaves: a fresh seed" {
  seed=${FB_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
  echo "# FB_SEED=$seed" >&3
  run python3 "$BATS_TEST_DIRNAME/property.py" "$seed"
  assert_success
  assert_output --partial "seed $seed: "
}
