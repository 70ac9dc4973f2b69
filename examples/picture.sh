#!/usr/bin/env bash
# picture.sh > picture.svg: makes a dry run, carries it out and takes it back, on the current database, and draws the output as a
# terminal shows it. `make picture` draws the README's picture in this way, on a server of its own.
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
cd "$folder"

in_color() { exec bash -c "exec ${1/fb-backfill/fb-backfill --color always}"; } # command
show() { # command
  printf '$ %s\n' "$1"
  (in_color "$1") 2> /dev/null
}
# The same, with the progress as it is after the first batch.
show_progress() { # command receipts
  local run
  printf '$ %s\n' "$1"
  (in_color "$1") > report 2> messages & run=$!
  until grep -qs '^updated' "$2"; do sleep 0.01; done
  kill -USR1 "$run"
  wait "$run"
  grep ' left, ' messages
  cat report
}

{
  show 'fb-backfill --dry-run --by-cohort --plan plan.tsv'
  echo
  show_progress 'fb-backfill --apply plan.tsv --receipts r.tsv --batch-size 3 --pause 2000' r.tsv
  echo
  show 'fb-backfill --undo r.tsv --summary'
} | python3 "$here/terminal-svg.py"
