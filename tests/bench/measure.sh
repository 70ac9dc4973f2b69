# shellcheck shell=bash
# What the benchmarks share: measuring contenders in turn, and a table of medians.

declare -A times=()
output=${output:-/dev/null}  # where what they print goes

# Runs each contender (a function) in turn, ROUNDS times and once before that to warm up. Its
# function before_CONTENDER, if there is one, is run first, and not counted.
measure() { # contender...
  local round contender begin
  for (( round = 0; round <= ${ROUNDS:-5}; round++ )); do
    for contender in "$@"; do
      ! declare -F "before_$contender" > /dev/null || "before_$contender"
      begin=${EPOCHREALTIME/[.,]/}
      "$contender" > "$output"
      (( round == 0 )) || times[$contender]+="$(( ${EPOCHREALTIME/[.,]/} - begin )) "
    done
  done
}

# A table of the contenders' times: median, least and most in seconds, and the median as a multiple of the first one's.
table() { # contender...
  local contender
  printf '%-24s %9s %9s %9s %9s\n' '' median least most ratio
  for contender in "$@"; do echo "$contender ${times[$contender]}"; done | awk '
    { n = NF - 1
      for (i = 1; i <= n; i++) t[i] = $(i + 1) / 1e6
      for (i = 2; i <= n; i++) for (j = i; j > 1 && t[j - 1] > t[j]; j--) { x = t[j]; t[j] = t[j - 1]; t[j - 1] = x }
      median = n % 2 ? t[(n + 1) / 2] : (t[n / 2] + t[n / 2 + 1]) / 2
      if (NR == 1) first = median
      printf "%-24s %9.3f %9.3f %9.3f %9.2f\n", $1, median, t[1], t[n], median / first }'
}
