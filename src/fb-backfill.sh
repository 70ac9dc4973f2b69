#!/usr/bin/env -S -u SHELLOPTS -u BASHOPTS -u BASH_ENV bash
# shellcheck shell=bash
# fb-backfill: the whole back-fill as one command, from the programs beside it and psql.
# It reads top to bottom: options, then one function for each thing that it can do, then main.
set -u -o pipefail

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd) && PATH=$here:$PATH

help='Usage: fb-backfill [--dry-run] [--model NAME|all] [--limit N] [--plan FILE]
                   [--receipts FILE] [OPTION...]
       fb-backfill --apply PLAN [--receipts FILE] [OPTION...]
       fb-backfill --undo RECEIPTS [--receipts FILE] [OPTION...]
       fb-backfill --check [--model NAME|all] [OPTION...]
Set the syllabus of every answer and review that has a cohort and no syllabus.

  -n, --dry-run          tell what would be done, and change nothing
  -m, --model NAME       work on this model (default: all)
  -l, --limit N          the N lowest ids of each model (default 0: all)
      --after ID         only ids above this one
      --table SPEC       add a model, or replace one:
                         NAME=[SCHEMA.]TABLE[:ID,COHORT,SYLLABUS]
      --models FILE      the models are those in FILE, a SPEC a line
      --print-models     print the models in force, and exit
      --apply PLAN       do what an earlier plan says
      --undo RECEIPTS    take back what an earlier run did
      --check            count what is still to be done; exit 1 if there is any
      --plan FILE        keep the plan in FILE
      --receipts FILE    keep the receipts in FILE: what --undo needs
      --log DIR          keep plan, receipts and summary of each run in DIR, by its time
  -d, --dbname CONNINFO  connect to this database, as psql does
      --schema SCHEMA    the tables are in this schema
      --enable-row-security
                         work on the rows that the role may see
  -J, --jobs N           apply over N connections at once (default 1)
      --batch-size N     records a transaction (default 5000)
      --lock-timeout MS  wait at most so long for a lock (default 5000; 0: forever)
      --pause MS         sleep between transactions (default 0)
      --max-lag SECONDS  wait between transactions while a replica is further behind
      --max-failures N   stop when more records have failed; N% of the records so far
      --summary          report without the line for each record
      --json             report as one JSON object
      --color WHEN       color the report: auto (on a terminal), always or never
      --progress         show progress on standard error, even if it is no terminal
      --no-progress      show none, even if it is
  -q, --quiet            no report
  -h, --help             print this and exit
  -V, --version          print the version and exit

Exit status: 0 all is well, 1 some records failed, 2 trouble. See fb-backfill(1).'

# Prints a line in which nothing can act on a terminal: it may have a file's name in it, or what a server says. Shown as
# question marks are control characters, bytes that are no UTF-8, and bidirectional controls (U+061C, U+200E to U+202E,
# U+2066 to U+2069).
put_line() ( # text
  text=$1
  { LC_ALL=C.UTF-8; } 2> /dev/null   # what is printable does not depend on the caller's locale
  for turn in $'\xd8\x9c' $'\xe2\x80\x8e' $'\xe2\x80\x8f' $'\xe2\x80\xaa' $'\xe2\x80\xab' $'\xe2\x80\xac' $'\xe2\x80\xad' \
      $'\xe2\x80\xae' $'\xe2\x81\xa6' $'\xe2\x81\xa7' $'\xe2\x81\xa8' $'\xe2\x81\xa9'; do
    text=${text//"$turn"/?}
  done
  printf '%s\n' "${text//[^[:print:]	]/?}"
)
put_lines() { local line; while IFS= read -r line || [ "$line" ]; do put_line "$line"; done; }
warn() {
  put_line "fb-backfill: $*" >&8
  clear_line
}
die() { error=$*; warn "$@"; exit 2; }
die_usage() { warn "$@"; die "see 'fb-backfill --help'"; }

# ---- options ----

exec 8>&2        # where messages go, until prepare_messages
drawing=''       # whether progress is drawn
action=run       # or apply, undo, check
file=''          # --apply's or --undo's operand
dry_run='' model=all limit=0 plan='' receipts='' log='' progress=auto jobs=1 quiet='' json='' lock_timeout=5000
given=' '        # the names of the options that were given
table_options=() # --table and --models, in their order
models=''        # the models in force, as --models reads them
print_models=''
reach=()         # --schema and --enable-row-security, for what prints SQL
after=()
psql=(psql -Xq) extract=(fb-extract) resolve=(fb-resolve) apply=(fb-apply) report=(fb-report)

# Takes an option's argument, a whole number from $3 to $4, and sets value to it (010 is ten).
number() { # name value least most
  if [[ ! $2 =~ ^[0-9]{1,18}$ ]] || (( 10#$2 < $3 || 10#$2 > $4 )); then
    die_usage "$1: '$2' is no whole number from $3 to $4"
  fi
  value=$((10#$2))
  is_count "$value"
}

# The same from 0 to $3, or from 0% to 100%.
number_or_percentage() { # name value most
  case $2 in
    *%) number "$1" "${2%\%}" 0 100; value+=% ;;
    *) number "$1" "$2" 0 "$3" ;;
  esac
}

# What comes from outside is not computed with before it is known to be a count: digits, none of them leading zeros, and
# no more than arithmetic can bear. The shell would evaluate anything else.
is_count() { [[ $1 =~ ^(0|[1-9][0-9]{0,17})$ ]]; }
is_model() { [[ $1 =~ ^[a-z0-9_]+$ && $'\n'$models == *$'\n'"$1="* ]]; }

# $1 is an action that excludes the others.
set_action() {
  [ "$action" = run ] || [ "$action" = "$1" ] || die_usage "--$action and --$1 exclude each other"
  action=$1
}

# Asks a program for the models in force, and checks --model. They are read once, since a file may be a pipe.
read_models() {
  local name names=''
  if ! models=$(fb-report --print-models "${table_options[@]}" 2>&1); then
    [ "$models" ] || die "fb-report ended before it had said which models there are: nothing was changed"
    sed "s/^fb-report: see 'fb-report/fb-report: see 'fb-backfill/; s/^fb-report:/fb-backfill:/" >&2 <<< "$models"
    exit 2
  fi
  while IFS='=' read -r name _; do names+="$name, "; done <<< "$models"
  if [ "$model" != all ] && { [[ ! $model =~ ^[a-z0-9_]+$ ]] || [[ ", $names" != *", $model, "* ]]; }; then
    die_usage "--model: '$model' is none of ${names}all"
  fi
  [ ! "$print_models" ] || { printf '%s\n' "$models" || exit 2; exit; }
}

set_color() { # when
  case $1 in auto|always|never) report+=(--color "$1") ;; *) die_usage "--color: '$1' is none of auto, always, never" ;; esac
}

read_options() {
  local name value int_max=2147483647
  while [ $# -gt 0 ]; do
    name=$1; shift
    case $name in
      -n) name=--dry-run ;; -m) name=--model ;; -l) name=--limit ;; -d) name=--dbname ;;
      -J) name=--jobs ;; -q) name=--quiet ;; -h) name=--help ;; -V) name=--version ;;
    esac
    case $name in
      --dry-run=*|--check=*|--summary=*|--json=*|--progress=*|--no-progress=*|--quiet=*|--print-models=*|--enable-row-security=*|--help=*|--version=*) die_usage "${name%%=*} takes no argument" ;;
      --*=*) value=${name#*=} name=${name%%=*} ;;
      --model|--limit|--table|--models|--apply|--undo|--plan|--receipts|--log|--dbname|--schema|--after|--jobs|--batch-size|--lock-timeout|--pause|--max-lag|--max-failures|--color)
        [ $# -gt 0 ] || die_usage "$name needs an argument"
        value=$1; shift ;;
      *) value='' ;;
    esac
    given+="$name "
    case $name in
      --apply|--undo|--plan|--receipts|--log) [ "$value" ] || die_usage "$name: a file with no name" ;;
    esac
    case $name in
      --dry-run) dry_run=yes ;;
      --model) model=$value ;;
      --table|--models) table_options+=("$name=$value") ;;
      --print-models) print_models=yes ;;
      --limit) number "$name" "$value" 0 $((10 ** 18 - 1)); limit=$value ;;
      --apply|--undo) set_action "${name#--}"; file=$value ;;
      --check) set_action check ;;
      --plan) plan=$value ;;
      --receipts) receipts=$value ;;
      --log) log=$value ;;
      --dbname) psql+=(-d "$value") ;;
      --schema) reach+=("$name=$value") ;;
      --enable-row-security) reach+=("$name") ;;
      --after) after=("$name=$value") ;;
      --jobs) number "$name" "$value" 1 1000; jobs=$((value)) ;;
      --batch-size) number "$name" "$value" 1 $int_max; apply+=("$name" "$value") ;;
      --lock-timeout) number "$name" "$value" 0 $int_max; lock_timeout=$value; apply+=("$name" "$value") ;;
      --pause) number "$name" "$value" 0 $int_max; apply+=("$name" "$value") ;;
      --max-lag) number "$name" "$value" 1 $int_max; apply+=("$name" "$value") ;;
      --max-failures) number_or_percentage "$name" "$value" $int_max; apply+=("$name" "$value") ;;
      --summary) report+=(--summary) ;;
      --json) json=yes ;;
      --progress) progress=yes ;;
      --no-progress) progress='' ;;
      --color) set_color "$value" ;;
      --quiet) quiet=yes ;;
      --help) printf '%s\n' "$help"; exit ;;
      --version) version=$(fb-apply --version) || exit 2; printf 'fb-backfill %s\n' "${version#* }"; exit ;;
      *) die_usage "$name: no such option or operand" ;;
    esac
  done
  read_models

  # What makes no sense together is more likely a slip than a wish.
  local excluded=''
  case $action in
    apply|undo) excluded='--dry-run --model --limit --after --plan' ;;
    check) excluded='--dry-run --limit --after --plan --receipts --log' ;;
    run) [ -z "$dry_run" ] || excluded=--receipts ;;
  esac
  for name in $excluded; do
    [[ $given != *" $name "* ]] || die_usage "$name does not go with --${action/#run/dry-run}"
  done

  # Receipts are the way back: they must be somewhere where they stay, and not where they replace what is read.
  if [ "$receipts" ] && [ -e "$receipts" ] && [ ! -f "$receipts" ]; then
    die "$receipts: receipts can only be kept in a regular file"
  fi
  for name in "$plan" "$file"; do
    if [ "$name" ] && [ "$receipts" ] && { [ "$name" = "$receipts" ] || [ "$name" -ef "$receipts" ]; }; then
      die "$receipts: the receipts of this run need a file of their own"
    fi
  done
}

# ---- processes and temporary files ----

tmp=''
reached_end=''   # else, whatever the exit status, something is wrong with this script or its shell
applies=()       # process ids: a fb-apply for each job
writers=()       # and a psql
applying=''      # something may be committed

# shellcheck disable=SC2317  # called by trap
clean_up() {
  local status=$?
  stay
  [ -z "$(jobs -pr)" ] || stop_children
  [ "$reached_end" ] || (( status == 2 )) || status=2
  clear_line
  leave_object "$status" || status=2
  end_messages
  [ -z "$tmp" ] || rm -rf "$tmp"
  exit "$status"
}

# Ends what runs. fb-apply goes first: at the end of its script psql finishes the batch that it has and
# prints its receipts. It is given 5 s for that. What waits at the end of a pipe of ours must not wait for us.
# shellcheck disable=SC2317
stop_children() {
  local tries pid
  exec 3<&- 5>&- 6<&-
  for pid in "${applies[@]}"; do ended "$pid" || kill "$pid" 2> /dev/null; done
  for (( tries = 0; tries < 100; tries++ )); do
    for pid in "${writers[@]}"; do ended "$pid" || { sleep 0.05; continue 2; }; done
    break
  done
  for pid in $(jobs -pr); do
    # It ends with the last writer, and what it runs could outlive it.
    [ "$pid" = "${follower-}" ] || kill "$pid" 2>/dev/null
  done
  # One by one: a plain wait would also wait for who passes on messages, and that one for us.
  for pid in $(jobs -p); do wait "$pid"; done
}

# shellcheck disable=SC2317
interrupted() {
  stay
  stop_children
  error=interrupted
  warn "$error"
  if [ "$applying" ]; then
    settle_all
    tell_committed
  fi
  exit 2
}

# From here on no signal has an effect. Bash complains of a trap that is due and was taken away: it runs as a colon first.
# shellcheck disable=SC2317
stay() { trap : USR1; trap '' INT TERM HUP USR1; }

# Whether a child has ended, as bash knows it: its pid may be another process's by now.
ended() { # pid
  local running
  jobs -pr > "$tmp/running"
  mapfile -t running < "$tmp/running"
  [[ " ${running[*]} " != *" $1 "* ]]
}

signalled=''     # whether a trap ran that does not end it all

# Waits for a child, and returns its exit status. Bash's own wait loses the status if a trapped signal comes just when the
# child ends, and returns the signal's instead if one comes at all. So it is asked only when the child has ended, which
# loses nothing, and again until no signal came meanwhile.
wait_for() { # pid
  local status naps=0
  until ended "$1"; do
    if (( ++naps < 20 )); then sleep 0.01; else sleep 0.05; fi
  done
  while signalled=''; wait "$1"; status=$?; [ "$signalled" ]; do :; done
  return "$status"
}

# The same, with 2 for a death by signal. Shows progress meanwhile.
await() { # pid
  local status
  show_until ended "$1"
  wait_for "$1"; status=$?
  (( status > 128 )) && status=2
  return "$status"
}

# The worst of the exit statuses so far.
worst=0
note_status() { is_count "$1" && (( $1 > worst )) && worst=$(($1)); return 0; }

# Opens a named pipe: to write at 5, to read at 6. By its name neither end opens before the other does,
# and who waits for one that was killed waits forever.
open_pipe() { # FIFO
  # shellcheck disable=SC2094  # it is a pipe
  exec 4<> "$1" 5> "$1" 6< "$1" 4>&-
}
close_pipe() { exec 5>&- 6<&-; }

# ---- progress: a line about what goes on ----
#
# It is drawn by this shell while it waits, so there is no process for it. Nothing else gets into it: what
# programs say on standard error is held in a file, and passed on at the next look, when the line is
# erased. The report alone goes to the terminal directly, and fb-report erases the line itself.

drawn=''         # whether one stands
next_draw=0      # when the next may be drawn
phase=starting   # what goes on
phase_began=${EPOCHREALTIME//[!0-9]/}   # microseconds
watched=()       # the files that grow by it, each with a header line
passed=()        # bytes of each that were counted
lines=0 failures=0   # whole lines in them, and those of failed records
to_do=''         # how many there will be, if that is known

# Decides whether to draw. What programs, and psql for the server, say goes to 8, and comes to standard error line by
# line, harmless: at once, or where progress is drawn at the next look.
prepare_messages() {
  if [ "$progress" = yes ] || { [ "$progress" ] && [ -t 2 ] && [ "${TERM-dumb}" != dumb ]; }; then
    # shellcheck disable=SC2094  # others write, this shell reads
    exec 8>> "$tmp/messages" 7< "$tmp/messages"
    drawing=yes
  else
    exec 8> >(trap '' INT TERM HUP USR1; put_lines >&2)
    shower=$!
  fi
}
shower=''

# All that was said is on standard error when this returns.
# shellcheck disable=SC2317  # called by clean_up
end_messages() {
  clear_line
  exec 8>&-
  [ ! "$shower" ] || wait "$shower"
}

begin_phase() { # phase file...
  phase=$1 watched=("${@:2}") passed=() lines=0 failures=0 to_do=''
  phase_began=${EPOCHREALTIME//[!0-9]/}
  next_draw=$((phase_began + 300000))   # what is over by then needs no line
}

# Erases the line, and passes on what was said meanwhile.
clear_line() {
  [ "$drawing" ] || return 0
  [ -z "$drawn" ] || printf '\r\e[K' >&2
  drawn=''
  [ ! -s "$tmp/messages" ] || put_lines <&7 >&2
}

# Counts what came to the files since they were counted last.
count_growth() {
  local i new failed bytes
  for i in "${!watched[@]}"; do
    # A line's end behind it all: what is the last line then has no end yet, or is empty.
    read -r new failed bytes <<< "$({ tail -c "+$((${passed[i]-0} + 1))" -- "${watched[i]}" 2> /dev/null; echo; } | LC_ALL=C awk '
      NR > 1 { bytes += length(line) + 1; failed += line ~ /^failed\t/ }
      { line = $0 }
      END { printf "%.0f %.0f %.0f\n", NR - 1, failed, bytes }')"
    if ! is_count "$new" || ! is_count "$failed" || ! is_count "$bytes"; then continue; fi
    (( new == 0 || ${passed[i]-0} > 0 )) || new=$((new - 1))   # the header
    lines=$((lines + new)) failures=$((failures + failed)) passed[i]=$((${passed[i]-0} + bytes))
  done
}

# How many receipts there will be: of an undo, one for each that says updated.
count_to_do() {
  [ "$action" = undo ] || { count_records "$input"; return; }
  awk -F '\t' 'NR == 1 { while (++i <= NF && $i != "status"); next } $i == "updated" { n++ } END { print n + 0 }' < "$input"
}

clock() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); } # seconds

# What goes on, in words, as it was counted last.
progress_text() {
  is_count "$to_do" || to_do=''
  local time=$((${EPOCHREALTIME//[!0-9]/} - phase_began)) text=$phase
  if (( ${#watched[@]} > 0 )); then
    text+=" $lines"
    [ -z "$to_do" ] || text+=" of $to_do"
    (( ${to_do:-0} == 0 )) || text+=" ($((lines * 100 / to_do))%)"
    text+=", $((lines * 1000000 / (time + 1)))/s"
  fi
  if (( ${to_do:-0} > 0 && lines > 0 )); then
    text+=", $(clock $(((to_do - lines) * (time / 1000) / lines / 1000))) left"
  else
    text+=", $(clock $((time / 1000000))) so far"
  fi
  [ -z "$applying" ] || text+=", $failures failed"
  printf %s "$text"
}

draw() {
  local began=${EPOCHREALTIME//[!0-9]/} text columns='' spent
  [ ! -s "$tmp/messages" ] || clear_line
  count_growth
  [ -z "$applying" ] || to_do=${to_do:-$(count_to_do)}
  text=$(progress_text)
  read -r _ columns <<< "$(stty size <&2 2> /dev/null)"
  is_count "$columns" && (( columns > 1 )) || columns=80
  printf '\r%s\e[K' "${text:0:columns - 1}" >&2
  drawn=yes
  # Five times a second, but no more than a tenth of the time.
  spent=$((${EPOCHREALTIME//[!0-9]/} - began))
  next_draw=$((began + (spent > 20000 ? 10 * spent : 200000)))
}

# Shows progress until a command succeeds.
show_until() { # command...
  [ "$drawing" ] || return 0
  until "$@"; do
    sleep 0.1
    (( ${EPOCHREALTIME//[!0-9]/} < next_draw )) || draw
  done
}

# What is done at SIGUSR1, and at a terminal's Ctrl-T, where there is one.
# shellcheck disable=SC2064
on_request() { # command
  trap "signalled=yes; $1" USR1
  trap "signalled=yes; $1" INFO 2> /dev/null
}

# One line of it, for a signal, which can come at any moment: so it counts for itself. Others that come meanwhile
# would be told the same, and, faster than they are told, would keep the run from going on.
# shellcheck disable=SC2317,SC2030
tell_progress() {
  on_request :
  (
    IFS=$' \t\n'   # it may come while this is another
    passed=() lines=0 failures=0
    count_growth
    [ -z "$applying" ] || to_do=$(count_to_do)
    [ -z "$drawn" ] || printf '\r\e[K'
    printf 'fb-backfill: %s\n' "$(progress_text)"
  ) >&2
  on_request tell_progress
}

# ---- files that stay ----

declare -A claimed=()   # the descriptors of this run's files, by name
fault=''                # why a file could not be claimed

# Makes a file that nobody else has: new, its user's alone, and locked as long as this run or a psql of it goes on.
# Fails where there is one of that name; it is not opened, whatever it is.
claim() { # file
  local folder=. temporary fd
  [[ $1 != */* ]] || folder=${1%/*}/   # dirname's would lose a newline at its end
  if ! temporary=$(mktemp -- "$folder/.fb-backfill.XXXXXX" 2>&1); then
    fault=${temporary##*: }
    return 1
  fi
  exec {fd}>> "$temporary"
  flock -n "$fd"
  if ! fault=$(mv -nT -- "$temporary" "$1" 2>&1) || [ -e "$temporary" ]; then
    fault=${fault##*: } fault=${fault:-File exists}
    rm -f -- "$temporary"
    exec {fd}>&-
    return 1
  fi
  claimed[$1]=$fd
}

# Sees to it that nothing has a name that is wanted for a file of this run. What an earlier run has written there may be the
# only way to undo it, so receipts are moved to FILE.~N~; a plan or an empty file is removed.
make_room() { # file [keep]
  local n=1 fd
  [ -e "$1" ] || [ -L "$1" ] || return 0
  [ ! -L "$1" ] || die "$1: a symbolic link, which no file of a run is written through: nothing was changed"
  [ -f "$1" ] || die "$1: receipts can only be kept in a regular file"
  { exec {fd}< "$1"; } 2> /dev/null || die "$1: cannot be read, so another run may be writing it: nothing was changed"
  flock -n "$fd" || die "$1: another run is writing it: nothing was changed"
  if [ "${2-}" ] && [ -s "$1" ]; then
    while [ -e "$1.~$n~" ] || [ -L "$1.~$n~" ]; do n=$((n + 1)); done
    fault=$(mv -nT -- "$1" "$1.~$n~" 2>&1) || die "$1: could not be moved aside: ${fault##*: }: nothing was changed"
    warn "$1: the earlier receipts are kept as $1.~$n~"
  else
    rm -f -- "$1" || die "$1: could not be replaced: nothing was changed"
  fi
  exec {fd}<&-
}

# Copies a file that is wanted to where it is wanted: a new file, or a pipe or device that is there.
keep() { # from to
  if [ -p "$2" ] || [ -c "$2" ]; then
    fault=$(cat -- "$1" 2>&1 > "$2") || die "$2: ${fault##*: }: nothing was changed"
    return
  fi
  make_room "$2"
  claim "$2" || die "$2: $fault: nothing was changed"
  cat -- "$1" >&"${claimed[$2]}" && return
  rm -f -- "$2"
  die "$2: could not be written: nothing was changed"
}

# ---- the plan ----

# What begins the psql script of a transaction that cannot write.
begin_reading() {
  cat << END
\\set ON_ERROR_STOP on
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY
  \\; SET LOCAL statement_timeout = 0 \\; SET LOCAL idle_in_transaction_session_timeout = 0
  \\; SET LOCAL lock_timeout = ${lock_timeout};
END
}

# The psql script of the snapshot: cohorts to a file, then, after a line that says that the file is
# complete, the rows to standard output; in one transaction that cannot write and ends here.
snapshot_script() {
  begin_reading
  printf '%s\n' '\o :cohorts'
  fb-resolve --sql "${reach[@]}" || return
  printf '%s\n' '\o' '\echo snapshot'
  "${extract[@]}" --sql --model "$model" --limit "$limit" "${after[@]}" "${reach[@]}" || return
  printf '%s\n' 'COMMIT;'
}

# Makes the plan in $tmp/plan.tsv. Nothing is applied unless all of it was made.
make_plan() {
  local line
  if ! snapshot_script > "$tmp/snapshot.sql" || ! mkfifo "$tmp/rows" "$tmp/candidates"; then
    die "the plan could not be made: nothing was changed"
  fi
  open_pipe "$tmp/rows"
  "${psql[@]}" -v cohorts="$tmp/cohorts.tsv" < "$tmp/snapshot.sql" >&5 2>&8 5>&- 6<&- & local reader=$!
  exec 3<&6
  close_pipe
  begin_phase 'reading cohorts' "$tmp/cohorts.tsv"
  show_until read -r -t 0 -u 3
  if ! IFS= read -r line <&3 || [ "$line" != snapshot ]; then
    await "$reader"
    die "the snapshot could not be taken: nothing was changed"
  fi
  open_pipe "$tmp/candidates"
  "${extract[@]}" <&3 >&5 2>&8 3<&- 5>&- 6<&- & local extracting=$!
  "${resolve[@]}" --cohorts "$tmp/cohorts.tsv" <&6 > "$tmp/plan.tsv" 2>&8 3<&- 5>&- 6<&- & local resolving=$!
  close_pipe
  exec 3<&-
  begin_phase resolving "$tmp/plan.tsv"
  await "$reader" || note_status 2
  await "$extracting" || note_status $?
  await "$resolving" || note_status $?
  clear_line
  (( worst < 2 )) || die "the plan could not be made: nothing was changed"
}

# ---- applying ----

count_records() {
  local lines
  lines=$(LC_ALL=C grep -c '' < "$1")  # wc would not count a last line that was cut off
  is_count "$lines" || lines=0
  echo $((lines > 0 ? lines - 1 : 0))
}

# Whether a transaction was committed or aborted, by a new connection; nothing if that cannot be told. One that is going
# on, or that a standby is asked for, nobody can tell of. All jobs together wait ten seconds for a server that can.
ask_until=0
ask_status() { # transaction id
  local answer
  while :; do
    answer=$(PGCONNECT_TIMEOUT=${PGCONNECT_TIMEOUT:-5} "${psql[@]}" -wAt 2> /dev/null << END
SELECT CASE
    WHEN pg_catalog.pg_is_in_recovery() THEN 'unknown'
    WHEN '$1'::pg_catalog.xid8 OPERATOR(pg_catalog.<) pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())
    THEN pg_catalog.pg_xact_status('$1'::pg_catalog.xid8)
    ELSE 'aborted' END;
END
    )
    case $answer in committed|aborted) echo "$answer"; return ;; esac
    (( SECONDS < ask_until )) || return 0
    sleep 1
  done
}

# A connection may have been lost between a COMMIT and its receipts. What they would be is in a file, with the
# transaction's id; each line has its place among this job's receipts. Makes the job's receipts true.
settle() { # job
  local doubt=$tmp/in-doubt.$1 part=${parts[$1]} xid first last printed size outcome
  [ -s "$doubt" ] && [ -e "$part" ] || return 0
  read -r xid first last <<< "$(awk -F '\t' 'NR == 1 { xid = $1; first = $2 } END { print xid, first, $2 }' "$doubt")"
  printed=$(wc -l < "$part")
  if ! is_count "$xid" || ! is_count "$first" || ! is_count "$last" || ! is_count "$printed" || (( printed > last )); then
    return 0  # they were printed, or the file broke off before the COMMIT
  fi
  outcome=$(ask_status "$xid")
  if [ "$outcome" ]; then
    size=$(head -n "$first" < "$part" | wc -c)
    truncate -s "$size" -- "$part" && { [ "$outcome" = aborted ] || cut -f 3- < "$doubt" >&"${claimed[$part]}"; } && return
    warn "$part: the receipts of the last batch could not be written, which is $outcome"
  else
    warn "whether the last batch ($((last - first + 1)) records) was committed is not known: the server could not be asked"
  fi
  [ "$receipts_kept" ] || return 0
  if claim "$part.in-doubt" && cat < "$doubt" >&"${claimed[$part.in-doubt]}"; then
    warn "its receipts are in $part.in-doubt. To settle it, ask the server: SELECT pg_xact_status('$xid')"
    warn "if it says committed: head -n $first $part > FILE && cut -f 3- $part.in-doubt >> FILE, and FILE has all receipts"
  fi
}
settle_all() { local i; ask_until=$((SECONDS + 10)); for i in "${!parts[@]}"; do settle "$i"; done; }

tell_committed() {
  local committed
  committed=$(cat -- "${parts[@]}" 2>/dev/null | awk -F '\t' '$1 == "updated" || $1 == "reverted" { n++ } END { print n + 0 }')
  warn "$committed of $(count_records "$input") records are committed, batch by batch"
  if [ "$receipts_kept" ]; then
    warn "their receipts are in ${parts[*]}"
  fi
  warn "nothing is half done: to go on, run the same command again"
}

# Splits the plan in runs of ids, one for each job: no two connections share more than a page.
split_input() {
  local total per i first last
  total=$(count_records "$input")
  is_count "$total" || die "$input: could not be counted: nothing was changed"
  per=$(( (total + jobs - 1) / jobs ))
  (( jobs == 1 || total < 2 )) && { inputs=("$input") parts=("$receipts"); return; }
  for (( i = 1; i <= jobs && (i - 1) * per < total; i++ )); do
    first=$(( (i - 1) * per + 2 )) last=$((i * per + 1))
    sed -n -e 1p -e "$first,${last}p" -e "${last}q" < "$input" > "$tmp/plan.$i" ||
      die "the plan could not be split for the jobs: nothing was changed"
    inputs+=("$tmp/plan.$i")
    parts+=("$receipts.$i")
  done
}
inputs=() parts=() input=

start_job() { # index
  open_pipe "$tmp/script.$1"
  "${apply[@]}" "${inputs[$1]}" >&5 2>&8 5>&- 6<&- & applies+=($!)
  # A session's receipts go to their file with no process between that could lose them.
  # A terminal's Ctrl-C and hang-up would go to psql, too, and cut off the receipts of what is committed.
  env --block-signal=INT --block-signal=HUP "${psql[@]}" -v in_doubt="$tmp/in-doubt.$1" <&6 >&"${claimed[${parts[$1]}]}" 2>&8 5>&- 6<&- & writers+=($!)
  close_pipe
}

# Prints the receipts of all jobs in turn, as one file, while they are being written.
follow() {
  local i first=1
  for i in "${!parts[@]}"; do
    while [ ! -s "${parts[$i]}" ] && kill -0 "${writers[$i]}" 2>/dev/null; do sleep 0.02; done
    tail -n "+$first" -f -s 0.02 --pid="${writers[$i]}" -- "${parts[$i]}" || return
    [ ! -s "${parts[$i]}" ] || first=2
  done
}

# Becomes fb-report: call it in a subshell, whose process id is then fb-report's.
report_to() { # input [option...]
  [ ! "$quiet$json" ] || exec > /dev/null
  exec "${report[@]}" "${@:2}" --plan "$input" "$1"
}

# Prints the receipts of all jobs as one file. A line that was cut off gets an end, so that it spoils no other.
join_parts() {
  local part first=1
  for part in "${parts[@]}"; do
    # As standard input, since awk takes a name like a=b for an assignment; and 1, since in a trap a return alone
    # has the status from before.
    awk -v first="$first" 'NR >= first' < "$part" || return 1
    [ ! -s "$part" ] || first=2
  done
}

# Carries out $input, which fb-apply understands, and reports.
carry_out() {
  local i file status follower='' reporter
  receipts=${receipts:-${record:+$record-receipts.tsv}}
  receipts_kept=$receipts
  receipts=${receipts:-$tmp/receipts.tsv}
  split_input
  for file in "${parts[@]}"; do
    if [ "$file" -ef "$input" ] || { [ "$plan" ] && [ "$file" -ef "$plan" ]; }; then
      die "$file: the receipts of this run need a file of their own: nothing was changed"
    fi
  done
  for file in "$receipts" "${parts[@]}"; do
    [ "${claimed[$file]-}" ] && continue   # the one part of one job is the whole
    make_room "$file" keep
    claim "$file" || die "$file: $fault: nothing was changed"
  done
  for i in "${!inputs[@]}"; do
    mkfifo "$tmp/script.$i" || exit 2
  done
  mkfifo "$tmp/receipts" || die "nothing was changed"
  applying=yes
  for i in "${!inputs[@]}"; do start_job "$i"; done
  open_pipe "$tmp/receipts"
  follow >&5 2>&8 5>&- 6<&- & follower=$!
  report_to - ${drawing:+--erase-line} <&6 2>&8 5>&- 6<&- & reporter=$!
  close_pipe

  begin_phase "$([ "$action" = undo ] && echo undoing || echo applying)" "${parts[@]}"
  for i in "${!inputs[@]}"; do
    await "${applies[$i]}" || note_status $?
    await "${writers[$i]}" || note_status 2
  done
  clear_line
  (( worst < 2 )) || settle_all
  wait_for "$reporter"; status=$?
  wait_for "$follower" || (( status > 1 )) || status=2
  if (( ${#parts[@]} > 1 )); then
    if join_parts >&"${claimed[$receipts]}"; then
      rm -f -- "${parts[@]}"
      parts=("$receipts")
    else
      rm -f -- "$receipts"  # not all of them
      worst=2
    fi
  fi
  if (( worst == 2 )); then
    error='not all of it was carried out'
    tell_committed
  elif (( status > 1 )); then
    warn "the report could not be written, but all was carried out"
    worst=2
  else
    note_status "$status"
  fi
}

# ---- for machines: one JSON object about the run, however it ended ----

error=''         # the message that it ended with
plan_kept=''     # the file that has the plan
receipts_kept=''
counted=''       # the object of --check
started=''       # UTC
start=${EPOCHREALTIME//[!0-9]/}   # microseconds

# A string for JSON, null for an empty one. Where it has any but these characters, all of them are escaped
# by their UTF-16, since a file's name may hold anything. Bytes that are no UTF-8 JSON cannot have.
# shellcheck disable=SC2317
json_string() {
  case $1 in
    '') printf null ;;
    *[!A-Za-z0-9\ ._/:,\;+=~@%\(\)\'-]*)
      printf '"%s"' "$(printf %s "$1" | iconv -c -f UTF-8 -t UTF-16BE | od -An -v -tx1 | tr -d ' \n' | sed 's/..../\\u&/g')" ;;
    *) printf '"%s"' "$1" ;;
  esac
}
# shellcheck disable=SC2317
json_file() { case $1 in ''|/*) json_string "$1" ;; *) json_string "$PWD/$1" ;; esac; }

# What fb-report says of the receipts, or in a dry run of the plan. Where there is neither: no models.
# shellcheck disable=SC2317
report_object() {
  local part header='status\tmodel\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus\tdetail\n'
  if [ "$applying" ]; then
    for part in "${parts[@]}"; do [ ! -s "$part" ] || header=''; done
    { printf '%b' "$header"; join_parts; } | "${report[@]}" --json --plan "$input"
  elif [ "$dry_run" ] && [ "$input" ]; then
    "${report[@]}" --json "$input"
  fi
}

# The object: what is known here, and then the keys of fb-report's.
# shellcheck disable=SC2317
object() { # exit status
  local now=${EPOCHREALTIME//[!0-9]/} name=$action separator='' part models
  [ -z "$dry_run" ] || name=dry-run
  printf '{"action": "%s", "status": %d, "error": ' "$name" "$1"
  json_string "$error"
  printf ', "started": "%s", "finished": "%s", "seconds": %d.%03d' "$started" "$(date -u +%FT%TZ)" \
    $(( (now - start) / 1000000 )) $(( (now - start) / 1000 % 1000 ))
  printf ', "plan": '; json_file "$plan_kept"
  printf ', "undone": '; if [ "$action" = undo ] && [ "$file" != - ]; then json_file "$file"; else printf null; fi
  printf ', "receipts": ['
  for part in "${parts[@]}"; do
    if [ "$applying" ] && [ "$receipts_kept" ]; then printf %s "$separator"; json_file "$part"; separator=', '; fi
  done
  models=${counted:-$(report_object 2> /dev/null)}   # what is wrong with records was said before
  models=${models:-'{"models": {}, "total": 0}'}
  printf '], %s\n' "${models#\{}"
}

# Leaves the object where it is wanted.
# shellcheck disable=SC2317
leave_object() { # exit status
  local object failed=''
  # a 0, since in a trap a return alone has the status from before
  [ "$record" ] || { [ "$json" ] && [ ! "$quiet" ]; } || return 0
  object=$(object "$1")
  [ -z "$record" ] || close_record "$object" || failed=yes
  if [ "$json" ] && [ ! "$quiet" ]; then
    cat <<< "$object" || { warn 'the JSON object could not be written'; failed=yes; }
  fi
  [ -z "$failed" ]
}

# ---- the log: files about each run, under names that begin with its time ----

record=''        # what this run's names in the log begin with

# Makes the run's summary in the log, empty as yet, under a name that no other run has or gets.
open_record() {
  local message name n=1
  message=$(umask 077; [ -d "$log" ] || mkdir -p -- "$log" 2>&1) || die "$log: ${message##*: }: nothing was changed"
  if [ ! -O "$log" ] || [ -n "$(cd -- "$log" && find . -maxdepth 0 -perm /022)" ]; then
    die "$log: others can write to this folder, so it cannot keep the log: nothing was changed"
  fi
  name=$log/${started//:/-}
  until claim "$name-summary.json"; do
    [ -e "$name-summary.json" ] || [ -L "$name-summary.json" ] || die "$name-summary.json: $fault: nothing was changed"
    name=$log/${started//:/-}.$((n += 1))
  done
  record=$name
}

# Keeps the plan in the log.
record_plan() {
  [ "$record" ] || return 0
  keep "$input" "$record-plan.tsv"
  plan_kept=${plan_kept:-$record-plan.tsv}
}

# Writes the summary, and the receipts that --receipts has elsewhere.
# shellcheck disable=SC2317
close_record() { # object
  local failed=''
  cat <<< "$1" >&"${claimed[$record-summary.json]}" && [ -e "$record-summary.json" ] || failed=yes
  if [ "$applying" ] && [ "$receipts_kept" != "$record-receipts.tsv" ]; then
    claim "$record-receipts.tsv" && join_parts >&"${claimed[$record-receipts.tsv]}" || failed=yes
  fi
  [ -z "$failed" ] || { warn "$log: the log of this run could not be written"; return 2; }
}

# ---- what it can do ----

run() {
  make_plan
  input=$tmp/plan.tsv
  [ -z "$plan" ] || { keep "$input" "$plan"; plan_kept=$plan; }
  record_plan
  if [ "$dry_run" ]; then
    (report_to "$input"); note_status $?
  else
    carry_out
  fi
}

# Another's plan or receipts. A pipe is read once only, and we need it twice.
take_file() {
  local message
  input=$file
  case $file in
    -) input=/dev/stdin ;;
    /*) ;;
    -*|*=*) input=./$file ;;   # no option, and no assignment of awk's
  esac
  [ -e "$input" ] || die "$input: No such file or directory"
  if [ ! -f "$input" ] || [ "$input" = /dev/stdin ]; then
    message=$(cat -- "$input" 2>&1 > "$tmp/input.tsv") || die "$input: ${message##*: }"
    input=$tmp/input.tsv
  fi
}

check() {
  local name eligible no_syllabus title left=0 objects=
  { begin_reading && "${extract[@]}" --sql --count --model "$model" "${reach[@]}" && echo 'COMMIT;'; } > "$tmp/check.sql" || exit 2
  begin_phase counting
  "${psql[@]}" < "$tmp/check.sql" > "$tmp/check.tsv" 2>&8 &
  if ! await $! || [ ! -s "$tmp/check.tsv" ]; then
    die "could not count"
  fi
  clear_line
  while IFS=$'\t' read -r name eligible no_syllabus; do
    [ "$name" != model ] || continue
    is_model "$name" || die "the database answered with the model '$name', which is none of ours"
    if ! is_count "$eligible" || ! is_count "$no_syllabus"; then
      die "the database answered with '$eligible' and '$no_syllabus' for $name, where counts were expected"
    fi
    left=$((left + eligible))
    objects+=", \"$name\": {\"eligible\": $eligible, \"no_syllabus\": $no_syllabus}"
    title=${name^}
    [ "$quiet$json" ] || printf '%s: %s eligible, %s with a cohort without a syllabus\n' "$title" "$eligible" "$no_syllabus"
  done < "$tmp/check.tsv"
  counted="{\"models\": {${objects#, }}, \"total\": $left}"
  (( left == 0 )) || note_status 1
}

read_options "$@"
started=$(date -u +%FT%TZ)
trap clean_up EXIT
trap interrupted INT TERM HUP
on_request tell_progress
command -v psql > /dev/null || die "psql is missing: install PostgreSQL's client (Debian: postgresql-client)"
tmp=$(mktemp -d) || exit 2
[[ $tmp == /* ]] || tmp=$PWD/$tmp   # it must not begin with a dash, nor with a | for psql's \o
printf '%s\n' "$models" > "$tmp/models" || exit 2
extract+=(--models "$tmp/models")
resolve+=(--models "$tmp/models")
apply+=(--models "$tmp/models" "${reach[@]}")
report+=(--models "$tmp/models" --model "$model")
prepare_messages
[ -z "$log" ] || open_record
case $action in
  run) run ;;
  apply) take_file; [ "$file" = - ] || plan_kept=$file; record_plan; carry_out ;;
  undo) take_file; apply+=(--undo); report+=(--undo); carry_out ;;
  check) check ;;
esac
reached_end=yes
exit "$worst"
