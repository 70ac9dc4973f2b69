#!/usr/bin/env bash
# csv-replay.sh [FOLDER]: what would the back-fill do, from CSV exports alone? No database is needed.
# FOLDER (default: csv, beside this script) has answers.csv, reviews.csv and cohorts.csv.
set -eu -o pipefail

folder=${1:-$(dirname "$0")/csv}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Exit status 1 says that some records were left out and named; the rest is good, so go on.
status=0
run() { "$@" || { [ $? -eq 1 ] || exit 2; status=1; }; }

run fb-extract --model answer "$folder/answers.csv" > "$tmp/answers.tsv"
run fb-extract --model review "$folder/reviews.csv" > "$tmp/reviews.tsv"
run fb-resolve --cohorts "$folder/cohorts.csv" "$tmp/answers.tsv" "$tmp/reviews.tsv" > "$tmp/plan.tsv"
run fb-report "$tmp/plan.tsv"
exit "$status"
