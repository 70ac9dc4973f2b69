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

# What the tables call a contender, if not by its function.
declare -A names=()

# A table of the contenders' times: median, least and most in seconds, and the median as a multiple of the first one's.
table() { # title contender...
  local contender
  printf '\n%-46s %9s %9s %9s %9s\n' "$1" median least most ratio
  for contender in "${@:2}"; do printf '%s\t%s\n' "${names[$contender]:-$contender}" "${times[$contender]}"; done | awk -F '\t' '
    { n = split($2, t, " ")
      for (i = 1; i <= n; i++) t[i] /= 1e6
      for (i = 2; i <= n; i++) for (j = i; j > 1 && t[j - 1] > t[j]; j--) { x = t[j]; t[j] = t[j - 1]; t[j - 1] = x }
      median = n % 2 ? t[(n + 1) / 2] : (t[n / 2] + t[n / 2 + 1]) / 2
      if (NR == 1) first = median
      printf "  %-44s %9.3f %9.3f %9.3f %9.2f\n", $1, median, t[1], t[n], median / first }'
}

# What it is measured on, and with.
machine() { # program...
  local program
  awk -F ': *' '$1 ~ /^model name/ { model = $2; n++ } END { printf "%s, %d cores", model, n }' /proc/cpuinfo
  awk '$1 == "MemTotal:" { printf ", %.0f GiB of memory", $2 / 2 ^ 20 }' /proc/meminfo
  printf ', %s %s\n' "$(uname -s)" "$(uname -r | cut -d - -f 1)"
  for program in "$@"; do
    case $program in
      mawk) mawk -W version 2>&1 | sed -n 1p | cut -d ' ' -f 1,2 ;;
      duckdb) echo "DuckDB $(duckdb --version)" ;;
      *) "$program" --version | sed -n '1s/,.*//; 1p' ;;
    esac
  done | paste -s -d ';' | sed 's/;/; /g'
}
