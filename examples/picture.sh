#!/usr/bin/env bash
# picture.sh > picture.svg: a dry run and a run of it on the current database, drawn as a terminal shows them, from what
# they print. `make picture` makes the README's, on a server of its own.
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
cd "$folder"

show() { # command
  printf '$ %s\n' "$1"
  bash -c "${1/fb-backfill/fb-backfill --color always}" 2> /dev/null
}

{
  show 'fb-backfill --dry-run --plan plan.tsv'
  echo
  show 'fb-backfill --apply plan.tsv --receipts receipts.tsv --summary'
  echo
  show 'head -n 3 receipts.tsv | cut -f 1-7'
  echo
  show 'fb-backfill --undo receipts.tsv --quiet'   # take exactly that back
} | python3 "$here/terminal-svg.py"
