#!/usr/bin/env bash
# demo.sh: shows the back-fill on a throwaway PostgreSQL server, which it starts and removes.
# demo.sh --here: the same in the database that psql connects to, which must be empty.
# The programs are found in PATH.
set -u -o pipefail

project=$(cd "$(dirname "$0")/.." && pwd) || exit 2

case $*:$# in
  :0)
    # The demo must not use settings in the environment that are meant for other servers.
    for name in $(compgen -e PG | grep -vx PG_BINDIR) PSQLRC; do unset "$name"; done
    echo 'Starting a PostgreSQL for this demo alone. It is removed at the end.'
    exec "$project/examples/with-server.sh" "$project/examples/demo.sh" --here ;;
  --here:1) ;;
  *) echo 'usage: demo.sh [--here]' >&2; exit 2 ;;
esac

bold='' plain=''
if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m'; fi

# The demo runs in a temporary folder, in which examples/ is in the same place as in a checkout.
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
{ mkdir "$tmp/demo" && cd "$tmp/demo" && ln -s "$project/examples" examples; } || exit 2

tell() { echo; printf '%s\n' "$@"; }

# Prints a command as one would type it, runs exactly that, and shows its standard output. If the output is long,
# shows the first and last lines, and how many are in between. An unexpected exit status ends the demo.
show() { # exit-status first last command
  local status=0
  printf '\n%s$ %s%s\n' "$bold" "$4" "$plain"
  eval "$4" > "$tmp/output" 2> "$tmp/messages" || status=$?
  if [ "$status" != "$1" ]; then
    cat "$tmp/output" "$tmp/messages"
    echo "demo.sh: this should exit with status $1, not $status" >&2
    exit 2
  fi
  awk -v first="$2" -v last="$3" '
    { line[NR] = $0 }
    END {
      hidden = NR - first - last
      for (i = 1; i <= NR; i++)
        if (hidden < 2 || i <= first || i > NR - last) print line[i]
        else if (i == first + 1) printf "... (%d more lines)\n", hidden
    }' "$tmp/output"
  [ "$status" = 0 ] || echo "(exit status $status)"
}

tell 'The example: cohorts, their syllabuses, 300 answers and 80 reviews.'
show 0 3 0 'psql -Xq -v ON_ERROR_STOP=1 -f examples/schema.sql -f examples/data.sql'

tell '1. What is there to do? Rows that have a cohort, but no syllabus.' \
  'Some cohorts lead to no syllabus; their rows stay as they are.'
show 1 9 0 'fb-backfill --check'

tell '2. A dry run shows what would be done, and changes nothing.'
show 0 8 5 'fb-backfill --dry-run --plan plan.tsv'
tell 'It saved its plan: a table that any tool can read or filter.' \
  'fb-backfill --apply plan.tsv would do exactly what it says.'
show 0 9 0 'head -n 4 plan.tsv'

tell '3. A limit: just the first two of each, to look at in the application.'
show 0 12 12 'fb-backfill --limit 2 --receipts first.tsv'

tell '4. The real run sets the rest, and keeps a receipt for each row.'
show 0 9 5 'fb-backfill --receipts rest.tsv'
show 0 9 0 'head -n 4 rest.tsv | cut -f 1-6'

tell '5. A second run finds nothing that is left.'
show 0 99 0 'fb-backfill'

tell '6. The check agrees.'
show 0 9 0 'fb-backfill --check'

tell '7. Somebody edits an answer, and then the real run is undone. That takes back' \
  'what the receipts say: not the edited answer, and not the four rows of step 3.'
show 0 9 0 'psql -Xqc "UPDATE feedback_answer SET syllabus_id = 17 WHERE id = 113"'
show 0 9 5 'fb-backfill --undo rest.tsv'
show 1 9 0 'fb-backfill --check'

tell '8. Without a database: what would be done, from CSV exports alone.'
show 0 4 0 'cat examples/csv/cohorts.csv'
show 0 8 5 'examples/csv-replay.sh'

tell "That is the tour. For everything else, see README.md and 'man fb'" "('man man/fb.7' before it is installed)."
