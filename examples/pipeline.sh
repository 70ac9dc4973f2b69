#!/usr/bin/env bash
# pipeline.sh [--apply]: the back-fill in its pieces, from the programs and psql. Writes cohorts.tsv and
# plan.tsv in the current folder; with --apply it carries the plan out and writes receipts.tsv.
# psql connects to where PGHOST, PGSERVICE and the like say.
#
# A step that does not end with 0 ends it all: what is left out of a plan should be looked at first.
set -eu -o pipefail

case $*:$# in
  :0|--apply:1) ;;
  *) echo 'usage: pipeline.sh [--apply]' >&2; exit 2 ;;
esac
if [ $# -gt 0 ] && [ -s receipts.tsv ]; then
  echo 'pipeline.sh: receipts.tsv: is there already, and an earlier run is undone with it; move it away first' >&2
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

# The plan as a psql script, batch by batch, and what became of each record. If this breaks off,
# receipts.tsv has what is committed, and the report tells of that.
broken=''
fb-apply plan.tsv | psql -Xq > receipts.tsv || broken=yes

# For people. It ends with 1 if a record failed.
status=0
fb-report --plan plan.tsv receipts.tsv || status=$?
[ -z "$broken" ] || exit 2
exit "$status"

# To take exactly that back: fb-apply --undo receipts.tsv | psql -Xq > undone.tsv
