# The README's figures are what the benchmarks printed.
load helper

results=$BATS_TEST_DIRNAME/bench/results

@test "the chart is drawn from the kept results" {
  "$BATS_TEST_DIRNAME/bench/chart" < "$results.txt" > chart.svg
  cmp chart.svg "$results.svg"
  python3 -c 'import xml.dom.minidom; xml.dom.minidom.parse("chart.svg")'
  run -0 grep -c '<rect' chart.svg
  [ "$output" -gt 10 ]
}

@test "the README's figures are those of the kept results" {
  awk '/^## / { speed = $2 == "Speed" } speed && /^```/ { if (inside++) exit; next } inside' "$project/README.md" > figures
  run -0 wc -l < figures
  [ "$output" -ge 9 ]
  while IFS= read -r line; do
    grep -qxF -- "$line" "$results.txt" || { echo "not in the results: $line"; false; }
  done < figures
}

# bats test_tags=slow
@test "the benchmarks' table: medians, spread and ratios of what was measured" {
  # shellcheck disable=SC1091
  source "$BATS_TEST_DIRNAME/bench/measure.sh"
  first=0
  slow() { sleep 0.2; }
  before_slow() { first=$((first + 1)); }
  quick() { :; }
  names=([slow]='a name, with a comma')
  ROUNDS=3 measure slow quick
  assert_equal "$first" 4  # one for warming up
  times=([slow]='300000 100000 200000 ' [quick]='400000 100000 ')
  run -0 table title slow quick
  assert_line --regexp '^title +median +least +most +ratio$'
  assert_line --regexp '^  a name, with a comma +0\.200 +0\.100 +0\.300 +1\.00$'
  assert_line --regexp '^  quick +0\.250 +0\.100 +0\.400 +1\.25$'
}
