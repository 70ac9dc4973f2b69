#!/usr/bin/env bash
# filters.sh FOLDER: fb-extract and fb-resolve beside other programs that do the same work: keep the rows with a
# cohort and no syllabus, add the syllabus, drop those whose cohort has none. ROWS (default 10,000,000) says
# on how many rows, ROUNDS (default 5) how often; each round runs them all in turn. Prints a table: medians,
# spread, and what multiple of fb's time each takes. FOLDER keeps the rows for the next time.
set -eu -o pipefail
# shellcheck disable=SC1091  # is checked by itself
source "$(dirname "$0")/measure.sh"
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../../bin:$PATH
rows=${ROWS:-10000000}
mkdir -p "$1" && cd "$1"

if [ "$(cat size 2> /dev/null)" != "$rows" ]; then
  echo "making $rows rows ..." >&2
  awk -v rows="$rows" -v format=text -f "$here/data.awk" > rows.tsv
  awk -v rows="$rows" -v format=csv -f "$here/data.awk" > rows.csv
  awk -v format=cohorts -f "$here/data.awk" > cohorts.tsv
  echo "$rows" > size
fi

fb_text() { fb-extract --model answer rows.tsv | fb-resolve --cohorts cohorts.tsv; }
fb_csv() { fb-extract --model answer rows.csv | fb-resolve --cohorts cohorts.tsv; }

# shellcheck disable=SC2016  # awk's own variables
join='NR == 1 { next }
  NR == FNR { if ($3 != "\\N") plan[$1] = $1 "\t" $2 "\t" $3 "\t" $4; next }
  FNR == 1 { print "model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus"; next }
  $4 in plan && $5 == "\\N" { print "answer\t" $1 "\t" plan[$4] }'
mawk_text() { mawk -F '\t' "$join" cohorts.tsv rows.tsv; }
gawk_text() { LC_ALL=C gawk -F '\t' "$join" cohorts.tsv rows.tsv; }
# shellcheck disable=SC2016,SC1010  # Miller's own variables and its own then
mlr_text() {
  # shellcheck disable=SC2016,SC1010  # Miller's own variables and its own then
  printf 'model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus\n'
  mlr --tsv filter '$cohort_id != "\N" && $syllabus_id == "\N"' then cut -o -f id,cohort_id \
    then join -j cohort_id -f cohorts.tsv then filter '$syllabus_id != "\N"' \
    then put -q 'print "answer\t".$id."\t".$cohort_id."\t".$cohort."\t".$syllabus_id."\t".$syllabus' rows.tsv
}
duckdb_plan() { # reader
  duckdb -init /dev/null -c "COPY (SELECT 'answer' AS model, r.id, c.cohort_id, c.cohort, c.syllabus_id, c.syllabus
    FROM $1 AS r JOIN read_csv('cohorts.tsv', delim = '\t', header = true, nullstr = '\N', quote = '') AS c USING (cohort_id)
    WHERE r.syllabus_id IS NULL AND c.syllabus_id IS NOT NULL) TO '/dev/stdout' (FORMAT csv, DELIMITER '\t', HEADER)"
}
duckdb_text() { duckdb_plan "read_csv('rows.tsv', delim = '\t', header = true, nullstr = '\N', quote = '')"; }
duckdb_csv() { duckdb_plan "read_csv('rows.csv', header = true)"; }
# shellcheck disable=SC2002  # what is passed on, untouched, is the least that a pipeline can do
cat_text() { cat rows.tsv | cat; }
# shellcheck disable=SC2002
cat_csv() { cat rows.csv | cat; }


names=([fb_text]='fb-extract | fb-resolve' [fb_csv]='fb-extract | fb-resolve'
  [cat_text]='cat | cat' [cat_csv]='cat | cat' [mlr_text]=Miller [mawk_text]=mawk [gawk_text]=gawk
  [duckdb_text]=DuckDB [duckdb_csv]=DuckDB)

# Before anything is timed: it is the same work.
same() { # contender
  "$1" | tail -n +2 | sort | cmp - expected || { echo "$1 made another plan" >&2; exit 2; }
}
fb_text | tail -n +2 | sort > expected
output=output

programs=(fb-extract)
for peer in mawk gawk mlr duckdb; do
  if command -v "$peer" > /dev/null; then
    programs+=("$peer")
  else
    echo "$peer is not installed: not measured" >&2
  fi
done
machine "${programs[@]}"

for format in text csv; do
  contenders=("fb_$format")
  for program in cat "${programs[@]}"; do
    declare -F "${program}_$format" > /dev/null && contenders+=("${program}_$format")
  done
  for contender in "${contenders[@]}"; do
    [ "${contender%_*}" = cat ] || same "$contender"
  done
  measure "${contenders[@]}"
  file=rows.${format/text/tsv}
  table "$format, $rows rows, $(( $(stat -c %s "$file") / 1000000 )) MB" "${contenders[@]}"
done
