#!/usr/bin/env bash
# several-databases.sh [--dry-run | --undo EARLIER] DATABASES RUN [OPTION...]
# Back-fills several databases at once with GNU parallel, and prints one summary.
#
# DATABASES is a file with a line `NAME<TAB>CONNINFO` for each database: a name of your choice and a connection string.
# Do not put passwords there, since other users could see them; put them in ~/.pgpass.
# RUN is a new folder, in which each database gets a folder with its name, for its plan and receipts, its report
# (stdout) and its messages (stderr). The summary is printed at the end, and kept in RUN/summary.tsv. OPTIONs are those
# of fb-backfill.
#
#     several-databases.sh --dry-run databases.tsv look      # what would be done
#     several-databases.sh databases.tsv run --pause 200     # do it
#     several-databases.sh databases.tsv again               # if something failed: this finds only what is left
#     several-databases.sh --undo run databases.tsv back     # undo what `run` did, but not what `again` did
#
# If one database fails, the others continue. The exit status is the worst of all: 0, 1 or 2, as from fb-backfill.
#
# As many databases are done at a time as this machine has processors. parallel takes other options from the
# environment: PARALLEL='--jobs 4' does four at a time. The work can also be done over ssh, on whichever of several
# machines is free; each needs fb, parallel, rsync, and the passwords:
#
#     HOSTS=one.example.com,two.example.com several-databases.sh databases.tsv run
#
# The folder of a database is then RUN/NAME below the home folder on that machine, and is copied here at the end.
# shellcheck disable=SC2016  # the shell of each job expands what is in single quotes
set -u -o pipefail
umask 077   # connection strings, plans and receipts

die() { printf 'several-databases.sh: %s\n' "$@" >&2; exit 2; }

what='--plan "$folder/plan.tsv" --receipts "$folder/receipts.tsv"' earlier='' first='true'
case ${1-} in
  --dry-run) what='--dry-run --plan "$folder/plan.tsv"'; shift ;;
  --undo)
    earlier=${2-} what="--undo ${2-}/\$1/receipts.tsv --receipts \"\$folder/receipts.tsv\""
    # A database in which nothing was done has no receipts.
    first="ls $earlier/\$1/receipts.tsv* > /dev/null 2>&1 || { echo '{\"models\": {\"none\": {\"found\": 0, \"reverted\": 0, \"skipped\": {}, \"failed\": 0}}}'; exit; }"
    shift; shift ;;
esac
[ $# -ge 2 ] || die 'usage: several-databases.sh [--dry-run | --undo EARLIER] DATABASES RUN [OPTION...]'
databases=$1 run=$2; shift 2

if [[ $(parallel --version 2> /dev/null) != 'GNU parallel '* ]] || ! command -v jq > /dev/null; then
  die 'GNU parallel and jq are needed'
fi

# These become file names, here and on other machines, and part of a command.
plain='^[A-Za-z0-9_.][A-Za-z0-9_./-]*$'
for name in "$run" ${earlier:+"$earlier"}; do
  [[ $name =~ $plain ]] || die "$name: a folder's name may have letters, digits and ._-/ in it"
done
list=$(cat -- "$databases") || die "$databases: cannot be read"   # once, since it may be a pipe
awk -F '\t' '
  NF != 2 || $1 !~ /^[A-Za-z0-9][A-Za-z0-9_-]*$/ || $2 == "" { print "line " NR ": must be NAME<TAB>CONNINFO, NAME of letters, digits and _-"; exit 1 }
  seen[$1]++ { print "line " NR ": " $1 " appears twice"; exit 1 }
  END { if (NR == 0) { print "no database"; exit 1 } }' <<< "$list" >&2 || die "$databases: cannot be used"
[ ! "$earlier" ] || [ -d "$earlier" ] || die "$earlier: no such folder"
mkdir "$run" || die "each run needs a new folder, since receipts are the way back"
mapfile -t names < <(cut -f 1 <<< "$list")

# Ctrl-C stops all of them. Each gets five minutes to finish its batch, and the summary is still printed.
trap : INT
# The command that each of them runs is in a file, so that parallel finds nothing to replace in the options.
cat > "$run/command" << END
folder=$run/\$1
umask 077
mkdir -p "\$folder" && { $first; } && exec fb-backfill --dbname "\$2" --json $what${*:+ ${*@Q}}
END
# Without --jobs, parallel asks lscpu for the number of processors, which complains if /sys is not mounted.
PARALLEL="--jobs $(nproc) ${PARALLEL-}"
export PARALLEL
over=()
[ ! "${HOSTS-}" ] || over=(--sshlogin "$HOSTS" --basefile "$run/command" --return "$run/{1}" ${earlier:+--transferfile "$earlier/{1}"})
parallel --colsep '\t' --joblog "$run/jobs" --results "$run/{1}/" --termseq INT,300000,KILL,25 "${over[@]}" \
  "bash $run/command {1} {2}" :::: <(printf '%s\n' "$list")

# ---- the summary, from each one's report and exit status

# The status is also 2 if a signal ended it, ssh failed, it was never run, or it printed no report.
status_of() { # line
  [ -s "$run/${names[$1 - 1]}/stdout" ] || { echo 2; return; }
  awk -F '\t' -v line="$1" 'BEGIN { status = 2 } NR > 1 && $1 == line && $7 < 2 && $8 == 0 { status = $7 } END { print status }' "$run/jobs"
}

worst=0 statuses=()
for i in "${!names[@]}"; do
  statuses[i]=$(status_of $((i + 1)))
  case ${statuses[i]} in 0) ;; 1) [ "$worst" = 2 ] || worst=1 ;; *) statuses[i]=2 worst=2 ;; esac
done

summary() {
  local i
  for i in "${!names[@]}"; do
    jq -sr --arg name "${names[i]}" --arg status "${statuses[i]}" '
      [.[0].models[]?] | [$name, $status] +
        [(map(.found), map(.updated // .reverted // .would_update), map(.skipped | add // 0), map(.failed)) | add // "-"] |
        @tsv' "$run/${names[i]}/stdout"
  done | awk -F '\t' -v OFS='\t' -v worst="$worst" '
    BEGIN { print "database", "exit", "found", "done", "skipped", "failed" }
    { print; found += $3; done += $4; skipped += $5; failed += $6 }
    $3 == "-" { or_more = "+" }   # it printed no report; what it committed is in its receipts
    END { print "all", worst, found + 0 or_more, done + 0 or_more, skipped + 0 or_more, failed + 0 or_more }'
}
summary | tee "$run/summary.tsv" | expand -t 24,32,40,48,56

for i in "${!names[@]}"; do
  [ "${statuses[i]}" = 0 ] || {
    echo "several-databases.sh: ${names[i]}: exit status ${statuses[i]}"
    # this may include messages from ssh: nothing in them may act on the terminal
    LC_ALL=C sed -e $'s/\xc2[\x80-\x9f]\|[\x01-\x08\x0b-\x1f\x7f]/?/g' -e "s/^/${names[i]}: /" "$run/${names[i]}/stderr"
  } >&2
done
exit "$worst"
