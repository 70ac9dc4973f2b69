#!/usr/bin/env bash
# growth.sh FOLDER: how time and memory grow with rows and with cohorts, on the rows that filters.sh left in
# FOLDER. The largest size reads them ten times over.
set -eu -o pipefail
# shellcheck disable=SC1091  # is checked by itself
source "$(dirname "$0")/measure.sh"
PATH=$(cd "$(dirname "$0")/../.." && pwd)/bin:$PATH
cd "$1"
rows=$(cat size)

# Seconds, and the peak of memory in KiB, of the run of the median time.
median() { # program argument...
  local round
  for (( round = 0; round < ${ROUNDS:-5}; round++ )); do
    "$(type -P time)" -o used -f '%e %M' "$@" > /dev/null
    cat used
  done | sort -n | sed -n "$(( (${ROUNDS:-5} + 1) / 2 ))p"
}
report() { # what count unit, and what median has printed
  awk -v what="$1" -v count="$2" -v unit="$3" '
    { printf "  %-14s %12d %-12s %8.2f s %8.0f ns each %8.1f MB\n", what, count, unit, $1, $1 * 1e9 / count, $2 * 1024 / 1e6 }'
}

echo
echo "growth with rows: seconds, and the peak of memory"
head -n "$((rows / 10 + 1))" rows.tsv > tenth.rows.tsv
fb-extract --model answer tenth.rows.tsv > tenth.candidates
fb-extract --model answer rows.tsv > candidates
fb-resolve --cohorts cohorts.tsv tenth.candidates > tenth.plan
fb-resolve --cohorts cohorts.tsv candidates > plan
add_status() { awk 'BEGIN { FS = OFS = "\t" } { print NR == 1 ? "status" : "updated", $0, NR == 1 ? "detail" : "\\N" }' "$1"; }
add_status tenth.plan > tenth.receipts
add_status plan > receipts
grow() { # program argument... FILE: of FILE, a tenth of it, and it ten times
  local program=$1 file=${*: -1} lines
  set -- "${@:1:$#-1}"
  lines=$(( $(wc -l < "$file") - 1 ))
  median "$@" "tenth.$file" | report "$program" "$((lines / 10))" records
  median "$@" "$file" | report "$program" "$lines" records
  [ "$program" != fb-report ] || return 0  # it reads one file
  ROUNDS=1 median "$@" "$file" "$file" "$file" "$file" "$file" "$file" "$file" "$file" "$file" "$file" |
    report "$program" "$((lines * 10))" records
}
grow fb-extract --model answer rows.tsv
grow fb-resolve --cohorts cohorts.tsv candidates
grow fb-apply plan
grow fb-report receipts

echo
echo "growth with cohorts: fb-resolve on candidates whose cohorts are everywhere in the dump"
for cohorts in 2000 1000000; do
  awk -v n="$cohorts" 'BEGIN { OFS = "\t"; print "cohort_id", "cohort", "syllabus_id", "syllabus"
    for (i = 1; i <= n; i++) print i, "miami-web-dev-pt-" i, i % 300 + 1, "full-stack-" i % 300 + 1 }' > many.cohorts
  awk -v n="$cohorts" 'BEGIN { OFS = "\t"; print "model", "id", "cohort_id"
    for (i = 1; i <= 2000000; i++) print "answer", i, (i * 7919 * 104729) % n + 1 }' > many.candidates
  head -n 1 many.candidates > none.candidates
  median fb-resolve --cohorts many.cohorts none.candidates > load
  report 'read the dump' "$cohorts" cohorts < load
  # So many that what reading the dump takes more or less, from one time to the next, matters little.
  median fb-resolve --cohorts many.cohorts many.candidates many.candidates many.candidates many.candidates many.candidates > whole
  paste -d ' ' whole load | awk '{ print $1 - $3, $2 }' | report 'then resolve' 10000000 candidates
done
