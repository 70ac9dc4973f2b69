#!/usr/bin/env bash
# pipeline.sh [--apply]: the back-fill step by step, with the programs and psql. Writes cohorts.tsv and
# plan.tsv in the current folder; with --apply it carries the plan out and writes receipts.tsv.
# psql connects as PGHOST, PGSERVICE and so on say.
#
# Stops if a step exits with anything but 0: records left out of a plan should be looked at first.
set -eu -o pipefail

case $*:$# in
  :0|--apply:1) ;;
  *) echo 'usage: pipeline.sh [--apply]' >&2; exit 2 ;;
esac
if [ $# -gt 0 ] && [ -s receipts.tsv ]; then
  echo 'pipeline.sh: receipts.tsv: already exists, and is needed to undo an earlier run; move it away first' >&2
  exit 2
fi

# Every cohort, with the syllabus that it leads to.
fb-resolve --sql | psql -Xq > cohorts.tsv

# The rows with a cohort and no syllabus, and for each the syllabus that its cohort leads to.
fb-extract --sql | psql -Xq | fb-extract | fb-resolve --cohorts cohorts.tsv > plan.tsv

# A dry run stops here.
if [ $# -eq 0 ]; then
  fb-report plan.tsv
  exit
fi

# The plan as a psql script, batch by batch, and what became of each record. If this is interrupted,
# receipts.tsv has what is committed, and the report shows that.
broken=''
fb-apply plan.tsv | psql -Xq > receipts.tsv || broken=yes

# The report. It exits with 1 if a record failed.
status=0
fb-report --plan plan.tsv receipts.tsv || status=$?
[ -z "$broken" ] || exit 2
exit "$status"

# To undo exactly that: fb-apply --undo receipts.tsv | psql -Xq > undone.tsv
