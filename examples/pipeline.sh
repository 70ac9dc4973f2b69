#!/usr/bin/env bash
# pipeline.sh [--apply]: runs the back-fill step by step, with the programs and psql. It writes cohorts.tsv and
# plan.tsv to the current folder. With --apply, it also carries out the plan and writes receipts.tsv.
# psql connects as PGHOST, PGSERVICE and the like say.
#
# If a step of making the plan does not exit with 0, the script stops there: look first at what was left out of the plan.
set -eu -o pipefail
umask 077   # receipts are the only way to undo this

case $*:$# in
  :0|--apply:1) ;;
  *) echo 'usage: pipeline.sh [--apply]' >&2; exit 2 ;;
esac
if [ $# -gt 0 ] && [ -s receipts.tsv ]; then
  echo 'pipeline.sh: receipts.tsv already exists, and is needed to undo an earlier run; move it elsewhere first' >&2
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

# psql runs the plan as a script, batch by batch, and prints what happened to each record. If it stops early,
# receipts.tsv has what was committed, and the report shows that. Ctrl-C ends fb-apply, and with it the
# script: psql rolls the open batch back, but still prints the receipts of one that is committed.
broken=''
trap : INT
fb-apply plan.tsv | env --block-signal=INT psql -Xq > receipts.tsv || broken=yes

# The report for people. It exits with 1 if a record failed.
status=0
fb-report --plan plan.tsv receipts.tsv || status=$?
[ -z "$broken" ] || exit 2
exit "$status"

# To take exactly that back: fb-apply --undo receipts.tsv | psql -Xq > undone.tsv
