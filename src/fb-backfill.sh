#!/usr/bin/env -S -u SHELLOPTS -u BASHOPTS -u BASH_ENV bash
# shellcheck shell=bash disable=SC2317  # traps call functions
# fb-backfill: the whole back-fill as one command, from the programs beside it and psql. This script conducts; all that is
# told of a run, to a person or a machine, is told by fb-report.
# It reads top to bottom: options, files, the connection, the plan, applying, how it ends, then main.
set -u -o pipefail

programs=$(dirname -- "$(realpath -- "${BASH_SOURCE[0]}")"; echo .) && programs=${programs%$'\n.'}

help='Usage: fb-backfill [--dry-run] [-m NAME]... [-l N] [OPTION...] [DBNAME]
       fb-backfill --apply PLAN [OPTION...] [DBNAME]
       fb-backfill --undo RECEIPTS... [--dry-run] [OPTION...]
       fb-backfill --check [-m NAME]... [OPTION...] [DBNAME]
Set the syllabus of every answer and review that has a cohort and no syllabus.

What to do:
  -n, --dry-run             tell what would be done, and change nothing
  -m, --model=NAME          work on this model; may be repeated (default: all)
  -l, --limit=N             the N lowest ids of each model (default 0: all)
      --after=ID            only ids above this one
      --apply=PLAN          do what an earlier plan says
      --undo=RECEIPTS...    take back what earlier runs did
      --check               count what is still to be done; exit 1 if there is any
      --table=SPEC          add a model, or replace one:
                            NAME=[SCHEMA.]TABLE[:ID,COHORT,SYLLABUS]
      --models=FILE         the models are those in FILE, a SPEC a line
      --print-models        print the models in force, and exit
What is kept:
      --plan=FILE           keep the plan in FILE
      --receipts=FILE       keep the receipts in FILE, for --undo (default:
                            fb-receipts-TIME.tsv in this folder)
      --no-receipts         keep none: there is no way back
      --log=DIR             keep plan, receipts and summary of each run in DIR
How it is done:
  -j, --jobs=N              apply over N connections at once (default 1)
      --batch-size=N        records a transaction (default 5000)
      --lock-timeout=MS     wait at most so long for a lock (default 5000; 0: forever)
      --pause=MS            sleep between transactions (default 0)
      --max-lag=SECONDS     wait between transactions while a replica is further behind
      --max-failures=N      stop when more records have failed; N% of the records so far
      --schema=SCHEMA       the tables are in this schema
      --enable-row-security work on the rows that the role may see
What is told:
      --summary             report without the line for each record
      --by-cohort           instead of it, a line for each cohort and syllabus
      --json                report as one JSON object
      --color=WHEN          color the report: auto (on a terminal), always or never
      --progress            show progress on standard error, even if it is no terminal
      --no-progress         show none, even if it is
  -q, --quiet               no report
  -V, --version             print the version and exit
  -?, --help                print this and exit
The connection, as of psql:
  -h, --host=HOST           the server, or the folder of its socket
  -p, --port=PORT           its port
  -U, --username=NAME       the role
  -d, --dbname=CONNINFO     the database, or a connection string
  -w, --no-password         never ask for a password
  -W, --password            ask for it in any case

Exit status: 0 all is well, 1 some records failed, 2 trouble. See fb-backfill(1).'

# Prints a line in which nothing can act on a terminal: it may have a file's name in it. Shown as question marks are control
# characters, bytes that are no UTF-8, and bidirectional controls (U+061C, U+200E to U+202E, U+2066 to U+2069).
put_line() ( # text
  text=$1
  { LC_ALL=C.UTF-8; } 2> /dev/null   # what is printable does not depend on the caller's locale
  for turn in $'\xd8\x9c' $'\xe2\x80\x8e' $'\xe2\x80\x8f' $'\xe2\x80\xaa' $'\xe2\x80\xab' $'\xe2\x80\xac' $'\xe2\x80\xad' \
      $'\xe2\x80\xae' $'\xe2\x81\xa6' $'\xe2\x81\xa7' $'\xe2\x81\xa8' $'\xe2\x81\xa9'; do
    text=${text//"$turn"/?}
  done
  printf '%s\n' "${text//[^[:print:]	]/?}"
)
# Messages go to 8: standard error, or, while fb-report is there to pass them on, a file.
warn() {
  if [ "$hushed" ]; then tell say "fb-backfill: $*"; return; fi
  put_line "fb-backfill: $*" 2> /dev/null >&8 || put_line "fb-backfill: $*" >&2
}
hushed=''        # psql's messages are not passed on any more, so ours go another way
die() { error=${error:-$*}; warn "$@"; exit 2; }
die_usage() { warn "$@"; die "see 'fb-backfill --help'"; }
exec 8>&2

# ---- options ----

action=run       # or apply, undo, check
files=()         # --apply's or --undo's
dry_run='' limit=0 plan='' receipts='' no_receipts='' log='' jobs=1 lock_timeout=5000 print_models=''
chosen=()        # models
table_options=() # --table and --models, in their order
models=''        # the models in force, as --models reads them
reach=()         # --schema and --enable-row-security, for what prints SQL
after=()
psql=(psql -Xqw) conninfo='' where=() ask=auto
extract=("$programs/fb-extract") resolve=("$programs/fb-resolve") apply=("$programs/fb-apply") report=("$programs/fb-report")

# Takes an option's argument, a whole number from $3 to $4, and sets value to it (010 is ten).
number() { # name value least most
  if [[ ! $2 =~ ^[0-9]{1,18}$ ]] || (( 10#$2 < $3 || 10#$2 > $4 )); then
    die_usage "$1: '$2' is no whole number from $3 to $4"
  fi
  value=$((10#$2))
  is_count "$value"
}

# What comes from outside is not computed with before it is known to be a count: digits, none of them leading zeros, and
# no more than arithmetic can bear. The shell would evaluate anything else.
is_count() { [[ $1 =~ ^(0|[1-9][0-9]{0,17})$ ]]; }

# Asks a program for the models in force, and checks those that are chosen. They are read once, since a file may be a pipe.
read_models() {
  local name names='' line all
  if ! all=$("${report[@]}" --print-models "${table_options[@]}" 2>&1); then
    [ "$all" ] || die "fb-report ended before it had said which models there are: nothing was changed"
    sed "s/^fb-report: see 'fb-report/fb-report: see 'fb-backfill/; s/^fb-report:/fb-backfill:/" >&2 <<< "$all"
    exit 2
  fi
  while IFS= read -r line; do
    names+="${line%%=*}, "
    if (( ${#chosen[@]} == 0 )) || [[ " ${chosen[*]} " == *" ${line%%=*} "* || " ${chosen[*]} " == *' all '* ]]; then
      models+=$line$'\n'
    fi
  done <<< "$all"
  for name in "${chosen[@]}"; do
    if [[ ! $name =~ ^[a-z0-9_]+$ || ", ${names}all, " != *", $name, "* ]]; then
      die_usage "--model: '$name' is none of ${names}all"
    fi
  done
  [ ! "$print_models" ] || { printf %s "$models" || exit 2; exit; }
}

read_options() {
  local name value words seen=' ' int_max=2147483647
  local short='nm:l:j:qVh:p:U:d:wW' long='dry-run,model:,limit:,after:,apply:,undo:,check,table:,models:,print-models,plan:,receipts:
    no-receipts,log:,jobs:,batch-size:,lock-timeout:,pause:,max-lag:,max-failures:,schema:,enable-row-security,summary,by-cohort,json
    color:,progress,no-progress,quiet,version,help,host:,port:,username:,dbname:,no-password,password'
  [ "${1-}" != "-?" ] || set -- --help   # to getopt this letter is an error
  words=$(getopt -n fb-backfill -o "$short" -l "${long//[$' \n']/,}" -- "$@" 2>&1) || {
    words=${words%%$'\n'*}
    die_usage "${words#fb-backfill: }"
  }
  eval "set -- $words"   # getopt's own quoting
  while [ "$1" != -- ]; do
    name=$1; shift
    case $name in
      -n) name=--dry-run ;; -m) name=--model ;; -l) name=--limit ;; -j) name=--jobs ;; -q) name=--quiet ;; -V) name=--version ;;
      -h) name=--host ;; -p) name=--port ;; -U) name=--username ;; -d) name=--dbname ;; -w) name=--no-password ;;
      -W) name=--password ;;
    esac
    case $name in
      --model|--undo|--table|--models) ;;
      *) [[ $seen != *" $name "* ]] || die_usage "$name is given twice" ;;
    esac
    seen+="$name "
    value=${1-}
    case $name in
      --apply|--undo|--plan|--receipts|--log) [ "$value" ] || die_usage "$name: a file with no name" ;;
    esac
    case $name in
      --apply|--undo|--check)
        [ "$action" = run ] || [ "--$action" = "$name" ] || die_usage "--$action and $name exclude each other"
        action=${name#--} ;;
    esac
    case $name in
      --dry-run) dry_run=yes; continue ;;
      --check) continue ;;
      --print-models) print_models=yes; continue ;;
      --no-receipts) no_receipts=yes; continue ;;
      --enable-row-security) reach+=("$name"); continue ;;
      --summary|--by-cohort|--json|--quiet) report+=("$name"); continue ;;
      --progress) report+=(--progress always); continue ;;
      --no-progress) report+=(--progress never); continue ;;
      --no-password) ask=never; continue ;;
      --password) ask=always; continue ;;
      --help) printf '%s\n' "$help" || exit 2; exit ;;
      --version) value=$("${apply[@]}" --version) && printf 'fb-backfill %s\n' "${value#* }" || exit 2; exit ;;
      --model) chosen+=("$value") ;;
      --table|--models) table_options+=("$name=$value") ;;
      --limit) number "$name" "$value" 0 $((10 ** 18 - 1)); limit=$value ;;
      --apply|--undo) files+=("$value") ;;
      --plan) plan=$value ;;
      --receipts) receipts=$value ;;
      --log) log=$value ;;
      --schema) reach+=("$name=$value") ;;
      --after) after=("$name=$value") ;;
      --jobs) number "$name" "$value" 1 1000; jobs=$((value)) ;;
      --batch-size) number "$name" "$value" 1 $int_max; apply+=("$name=$value") ;;
      --lock-timeout) number "$name" "$value" 0 $int_max; lock_timeout=$value; apply+=("$name=$value") ;;
      --pause) number "$name" "$value" 0 $int_max; apply+=("$name=$value") ;;
      --max-lag) number "$name" "$value" 1 $int_max; apply+=("$name=$value") ;;
      --max-failures)
        if [[ $value == *% ]]; then number "$name" "${value%\%}" 0 100; value+=%; else number "$name" "$value" 0 $int_max; fi
        apply+=("$name=$value") ;;
      --color)
        case $value in auto|always|never) ;; *) die_usage "--color: '$value' is none of auto, always, never" ;; esac
        report+=(--color "$value") ;;
      --host|--port|--username) where+=("$name=$value") ;;
      --dbname) conninfo=$value ;;
    esac
    shift
  done
  shift
  if [ "$action" = undo ]; then
    files+=("$@")
  elif (( $# > 0 )); then
    (( $# == 1 )) || die_usage "'$2' is too much: there can be one DBNAME"
    [ ! "$conninfo" ] || die_usage "'$1' is too much: --dbname says which database"
    conninfo=$1
  fi
  for value in "$conninfo" "${where[@]}"; do
    [[ ! $value =~ [[:cntrl:]] ]] || die_usage "'$value': no control characters can be in what says where the database is"
  done
  read_models

  # What makes no sense together is more likely a slip than a wish.
  local excluded='' mode=$action
  case $action in
    apply|undo) excluded='--model --limit --after --plan' ;;
    check) excluded='--dry-run --limit --after --plan --receipts --no-receipts --log' ;;
  esac
  [ "$action" != apply ] || excluded+=' --dry-run'
  [ ! "$dry_run" ] || mode=dry-run excluded+=' --receipts --no-receipts'
  for name in $excluded; do
    [[ $seen != *" $name "* ]] || die_usage "$name does not go with --$mode"
  done
  for name in --receipts --no-receipts --log; do
    for value in --receipts --no-receipts --log; do
      [[ $name == "$value" || $seen != *" $name "* || $seen != *" $value "* ]] || die_usage "$name and $value exclude each other"
    done
  done
  [[ $seen != *' --progress '* || $seen != *' --no-progress '* ]] || die_usage "--progress and --no-progress exclude each other"
  [[ $seen != *' --password '* || $seen != *' --no-password '* ]] || die_usage "--password and --no-password exclude each other"
}

# ---- files that stay ----

declare -A claimed=()   # the descriptors of this run's files, by name
fault=''                # why a file could not be claimed

# Makes a file that nobody else has: new, its user's alone, and locked as long as this run or a psql of it goes on.
# Fails where there is one of that name; it is not opened, whatever it is.
claim() { # file
  local folder=. temporary fd
  [[ $1 != */* ]] || folder=${1%/*}/   # dirname's would lose a newline at its end
  if ! temporary=$(mktemp -- "$folder/.fb-receipts.XXXXXX" 2>&1); then
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
claim_or_die() { claim "$1" || die "$1: $fault: nothing was changed"; }

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

# Copies a file that is wanted to where it is wanted: a new file, a pipe or device that is there, or standard output.
keep() { # from to
  if [ "$2" = - ]; then
    cat -- "$1" || die "standard output: the plan could not be written: nothing was changed"
    return
  elif [ -p "$2" ] || [ -c "$2" ]; then
    fault=$(cat -- "$1" 2>&1 > "$2") || die "$2: ${fault##*: }: nothing was changed"
    return
  fi
  make_room "$2"
  claim_or_die "$2"
  cat -- "$1" >&"${claimed[$2]}" && return
  rm -f -- "$2"
  die "$2: could not be written: nothing was changed"
}

# A name for this run's files that no other run has or gets: a folder and a beginning, then its time. Claims NAME SUFFIX.
name_run() { # beginning suffix
  local n=1
  record=$1${started//:/-}
  until claim "$record$2"; do
    [ -e "$record$2" ] || [ -L "$record$2" ] || die "$record$2: $fault: nothing was changed"
    record=$1${started//:/-}.$((n += 1))
  done
}

open_log() {
  local message
  message=$(umask 077; [ -d "$log" ] || mkdir -p -- "$log" 2>&1) || die "$log: ${message##*: }: nothing was changed"
  if [ ! -O "$log" ] || [ -n "$(cd -- "$log" && find . -maxdepth 0 -perm /022)" ]; then
    die "$log: others can write to this folder, so it cannot keep the log: nothing was changed"
  fi
  name_run "$log/" -summary.json
  plan=${plan:-$record-plan.tsv}
  report+=(--object "$record-summary.json")
}

# ---- processes ----

tmp=''
reporter='' writers=()   # process ids

# Whether a child has ended, as bash knows it: its pid may be another process's by now.
ended() { # pid
  local running
  jobs -pr > "$tmp/running"
  mapfile -t running < "$tmp/running"
  [[ " ${running[*]} " != *" $1 "* ]]
}
signal() { ended "$2" || kill -s "$1" -- "${3-}$2" 2> /dev/null; } # name pid [-]

# Waits for a child, and returns its exit status. Bash's own wait loses the status if a trapped signal comes just when the
# child ends, and returns the signal's instead if one comes at all. So it is asked only when the child has ended, which
# loses nothing, and again until no signal came meanwhile.
wait_for() { # pid
  local status naps=0
  until ended "$1"; do
    if (( ++naps < 20 )); then sleep 0.01; elif (( naps < 40 )); then sleep 0.05; else sleep 0.2; fi
  done
  while signalled=''; wait "$1" 2> /dev/null; status=$?; [ "$signalled" ]; do :; done
  return "$status"
}
signalled=''     # whether a trap ran that does not end it all

# Runs a program, with its messages where they belong, such that a signal is heard meanwhile.
step() { "$@" <&0 2>&8 9>&- & wait_for $!; }

worst=0          # of the exit statuses so far; a death by signal is 2
note_status() { if (( $1 > 1 )); then worst=2; elif (( $1 > worst )); then worst=1; fi; return 0; }

# Makes a named pipe and opens it: to write at 5, to read at 6. By its name neither end opens before the other does,
# and who waits for one that was killed waits forever.
open_pipe() { # FIFO
  # shellcheck disable=SC2094  # it is a pipe
  mkfifo "$1" && exec 4<> "$1" 5> "$1" 6< "$1" 4>&-
}

# Tells fb-report a fact of the run. It may be gone.
tell() { # key value
  local value=${2//\\/\\\\}
  value=${value//$'\t'/\\t} value=${value//$'\r'/\\r}
  printf '%s\t%s\n' "$1" "${value//$'\n'/\\n}" 2> /dev/null >&9
}
absolute() { case $1 in ''|/*) printf %s "$1" ;; *) printf %s "$PWD/$1" ;; esac; }

# From now on fb-report tells everything: it reads facts from 9, and messages from the file that is 8. That pipe is also
# held open by each psql that writes receipts, so that it ends when nobody writes them any more.
start_report() {
  : > "$tmp/messages" && open_pipe "$tmp/facts" && exec 9>&5 5>&- 8>> "$tmp/messages" || exit 2
  "${report[@]}" --models "$tmp/models" --follow "$tmp/messages" <&6 2>&7 7>&- 8>&- 9>&- & reporter=$!
  exec 6<&-
  tell action "${dry_run:+dry-}$action"
}

# What psql said last of what went wrong is the run's error.
psql_failed() { # words
  error=$(grep -aE '(ERROR|FATAL|PANIC):|^psql: error:' "$tmp/messages" | tail -n 1)
  die "$@"
}

# ---- the connection ----

# A password that stands in a connection string goes to a file, since a command line can be read by all; then the string has none.
hide_password() {
  local found=''
  if [[ $conninfo =~ ^([a-z]+://[^/@:]*):([^/@]*)@(.*)$ ]]; then
    conninfo=${BASH_REMATCH[1]}@${BASH_REMATCH[3]} found=$(percent_decode "${BASH_REMATCH[2]}")
  elif [[ $conninfo =~ ^([a-z]+://.*[?\&])password=([^\&]*)\&?(.*)$ ]]; then
    conninfo=${BASH_REMATCH[1]}${BASH_REMATCH[3]} found=$(percent_decode "${BASH_REMATCH[2]}")
  elif [[ $conninfo != *://* && $conninfo =~ ^(.*[[:space:]])?password[[:space:]]*=[[:space:]]*(\'(([^\'\\]|\\.)*)\'|([^[:space:]]*))(.*)$ ]]; then
    conninfo="${BASH_REMATCH[1]} ${BASH_REMATCH[6]}" found=${BASH_REMATCH[3]:-${BASH_REMATCH[5]}}
    # shellcheck disable=SC2001  # no ${...//} can do it
    [[ $found != *\\* ]] || found=$(sed 's/\\\(.\)/\1/g' <<< "$found")
  fi
  [ ! "$found" ] || use_password "$found"
}
percent_decode() { printf %b "$(sed 's/\\/\\\\/g; s/%\([0-9A-Fa-f][0-9A-Fa-f]\)/\\x\1/g' <<< "$1")"; }
use_password() { # password
  local escaped=${1//\\/\\\\}
  (umask 077; printf '*:*:*:*:%s\n' "${escaped//:/\\:}" > "$tmp/password") || exit 2
  export PGPASSFILE=$tmp/password
  unset PGPASSWORD
}
terminal='' terminal_settings=''
restore_terminal() {
  [ ! "$terminal_settings" ] || { stty "$terminal_settings" <&"$terminal"; exec {terminal}>&-; }
  terminal_settings=''
}
ask_password() {
  local password=''
  { exec {terminal}<> /dev/tty; } 2> /dev/null || die "a password is needed, and there is no terminal to ask for it: nothing was changed"
  terminal_settings=$(stty -g <&"$terminal") && stty -echo <&"$terminal"   # before it is asked for: who types early is not seen
  printf 'Password: ' >&"$terminal"
  IFS= read -r password <&"$terminal"
  printf '\n' >&"$terminal"
  restore_terminal
  use_password "$password"
}

# Whether neither an option nor the environment says where the database is.
is_nowhere() { [ ! "$conninfo" ] && (( ${#where[@]} == 0 )) && [ ! "${PGHOST-}${PGHOSTADDR-}${PGPORT-}${PGDATABASE-}${PGUSER-}${PGSERVICE-}" ]; }

# Finds out which database it is, and asks for a password if one is needed: once, however many connections there will be.
connect() {
  local database
  if is_nowhere && [ "${DATABASE_URL-}" ]; then
    [[ $DATABASE_URL =~ ^(postgres|postgresql|postgis|pgsql|psql)([+][a-z0-9]+)?://(.*)$ ]] ||
      die "DATABASE_URL: it is no postgresql://...: nothing was changed"
    conninfo=postgresql://${BASH_REMATCH[3]}
  fi
  hide_password
  psql+=("${where[@]}")
  [ ! "$conninfo" ] || psql+=("--dbname=$conninfo")
  [ "$ask" != always ] || ask_password
  if ! identify; then
    if [ "$ask" = auto ] && grep -q 'no password supplied' "$tmp/connection"; then ask_password; identify; else false; fi || {
      cat "$tmp/connection" >&8
      psql_failed "nothing was changed"
    }
  fi
  database=$(< "$tmp/database")
  tell database "$database"
}
identify() {
  LC_ALL=C "${psql[@]}" > "$tmp/database" 2> "$tmp/connection" 9>&- <<< "\\echo :DBNAME on :HOST':':PORT as :USER" & wait_for $!
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

# The psql script of the snapshot: cohorts to a file, rows to standard output, in one transaction that cannot write.
snapshot_script() {
  begin_reading &&
  echo '\o :cohorts' &&
  "${resolve[@]}" --sql "${reach[@]}" &&
  echo '\o' &&
  "${extract[@]}" --sql --limit "$limit" "${after[@]}" "${reach[@]}" &&
  echo 'COMMIT;'
}

filter_rows() { "${extract[@]}" < "$tmp/rows.tsv" | "${resolve[@]}" --cohorts "$tmp/cohorts.tsv" > "$tmp/plan.tsv"; }

make_plan() {
  snapshot_script > "$tmp/snapshot.sql" 2>&8 || die "the plan could not be made: nothing was changed"
  tell phase reading
  step "${psql[@]}" -v cohorts="$tmp/cohorts.tsv" < "$tmp/snapshot.sql" > "$tmp/rows.tsv" ||
    psql_failed "the snapshot could not be taken: nothing was changed"
  tell phase resolving
  step filter_rows || note_status $?
  (( worst < 2 )) || die "the plan could not be made: nothing was changed"
  inputs=("$tmp/plan.tsv")
  prepare_preflight
}

# Another's plan or receipts. A pipe is read once only, and we need it more often.
take_files() {
  local file message i
  for i in "${!files[@]}"; do
    file=${files[i]}
    case $file in
      -) file=/dev/stdin ;;
      /*) ;;
      -*|*=*) file=./$file ;;   # no option, and no assignment of awk's
    esac
    [ -e "$file" ] || die "${files[i]}: No such file or directory"
    if [ ! -f "$file" ] || [ "$file" = /dev/stdin ]; then
      message=$(cat -- "$file" 2>&1 > "$tmp/input.$i") || die "${files[i]}: ${message##*: }"
      file=$tmp/input.$i
    fi
    inputs+=("$file")
  done
}

# ---- applying ----

inputs=()        # the files that are carried out
parts=()         # the receipts of each job, which become one file in the end
applying=''      # something may be committed

# Sets records to how many there are in the inputs. A last line that was cut off, which wc would not count, is one.
count_records() {
  local file lines
  records=0
  for file in "${inputs[@]}"; do
    lines=$(LC_ALL=C grep -c '' < "$file")
    is_count "$lines" || die "$file: could not be counted: nothing was changed"
    records=$((records + lines - 1))
  done
}
records=0

# Makes the script that asks the server whether all of it may be done, before any of it is. Fails if it is no plan or receipts.
prepare_preflight() { step "${apply[@]}" --preflight "${inputs[@]}" > "$tmp/preflight.sql" || die "nothing was changed"; }
preflight() { step "${psql[@]}" < "$tmp/preflight.sql" > /dev/null; }

# Starts a job: a script for its share of the records, and the session that carries it out. A share is a run of ids, so no
# two connections meet on more than a page.
start_job() { # index
  local share=()
  (( jobs == 1 )) || share=(--share "$(($1 + 1))/$jobs")
  open_pipe "$tmp/script.$1" || exit 2
  (trap '' USR1; exec "${apply[@]}" "${share[@]}" "${inputs[@]}") >&5 2>&8 5>&- 6<&- 9>&- & appliers+=($!)
  # A session's receipts go to their file with no process between that could lose them. In a session of its own it is not
  # ended by the terminal's Ctrl-C or hang-up, which would cut off the receipts of what is committed.
  (trap '' USR1; exec setsid "${psql[@]}" -v in_doubt="$tmp/in-doubt.$1" -v waiting="$tmp/waiting.$1" -v go_on="$tmp/go-on") \
    <&6 >&"${claimed[${parts[$1]}]}" 2>&8 5>&- 6<&- & writers+=($!)
  exec 5>&- 6<&-
}
appliers=()

# Makes the files of the receipts.
prepare_receipts() {
  local i file
  if [ ! "$receipts" ] && [ ! "$no_receipts" ] && [ ! "$log" ] && (( records > 0 )); then
    name_run fb-receipts- .tsv
    receipts=$record.tsv
  fi
  [ ! "$log" ] || receipts=$record-receipts.tsv
  kept=$receipts
  receipts=${receipts:-$tmp/receipts.tsv}
  parts=("$receipts")
  (( jobs == 1 )) || for (( i = 0; i < jobs; i++ )); do parts[i]=$receipts.$((i + 1)); done
  for file in "${parts[@]}"; do
    for i in "${files[@]}" "$plan"; do
      [ ! "$file" -ef "$i" ] || die "$file: the receipts of this run need a file of their own: nothing was changed"
    done
  done
  for file in "$receipts" "${parts[@]}"; do
    [ ! "${claimed[$file]-}" ] || continue   # the one part of one job is the whole
    make_room "$file" keep
    claim_or_die "$file"
  done
}
kept=''

# The command that does something else with the same models and database, for people: the password is not in it.
again() { # option file...
  local word line words=("${where[@]}")
  while IFS= read -r line; do
    case $line in
      answer=feedback_answer:id,cohort_id,syllabus_id | review=feedback_review:id,cohort_id,syllabus_id | '') ;;
      *) words+=("--table=$line") ;;
    esac
  done <<< "$models"
  [ ! "$conninfo" ] || words+=("--dbname=$conninfo")
  printf fb-backfill
  for word in "${words[@]}" "${reach[@]}" "$@"; do
    [[ ! $word =~ [^A-Za-z0-9_.,:/=@+-] ]] || word="'${word//\'/\'\\\'\'}'"
    printf ' %s' "$word"
  done
}

# Receipts must be somewhere where they stay, and not where they replace what is read.
check_receipts() {
  local name
  if [ "$receipts" ] && [ -e "$receipts" ] && [ ! -f "$receipts" ]; then
    die "$receipts: receipts can only be kept in a regular file"
  fi
  for name in "$plan" "${files[@]}"; do
    if [ "$name" ] && [ "$receipts" ] && { [ "$name" = "$receipts" ] || [ "$name" -ef "$receipts" ]; }; then
      die "$receipts: the receipts of this run need a file of their own"
    fi
  done
}

# Carries out the inputs, and follows their receipts.
carry_out() {
  local i file
  preflight || psql_failed "nothing was changed"
  count_records
  (( jobs <= records )) || jobs=$((records > 0 ? records : 1))
  prepare_receipts
  for file in "${inputs[@]}"; do tell count "$file"; done
  tell phase "$([ "$action" = undo ] && echo undoing || echo applying)"
  tell name "${kept:-receipts}"
  for file in "${parts[@]}"; do tell follow "$file"; done
  : > "$tmp/go-on" || exit 2
  applying=yes
  for i in "${!parts[@]}"; do start_job "$i"; done
  for i in "${!parts[@]}"; do
    wait_for "${appliers[i]}" || note_status $?
    wait_for "${writers[i]}" || note_status 2
  done
  (( worst < 2 )) || error=$(grep -aE '(ERROR|FATAL|PANIC):|^psql: error:|^fb-' "$tmp/messages" | tail -n 1)
}

# Whether a transaction was committed or aborted, by a new connection; nothing if that cannot be told. One that is going
# on, or that a standby is asked for, nobody can tell of. All jobs together wait ten seconds for a server that can.
ask_until=0
ask_status() { # transaction id
  local answer
  while :; do
    answer=$(PGCONNECT_TIMEOUT=${PGCONNECT_TIMEOUT:-5} "${psql[@]}" -At 2> /dev/null 9>&- << END
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
  tell in-doubt yes
  worst=2
  [ "$kept" ] || return 0
  if claim "$part.in-doubt" && cat < "$doubt" >&"${claimed[$part.in-doubt]}"; then
    warn "its receipts are in $part.in-doubt. To settle it, ask the server: SELECT pg_xact_status('$xid')"
    warn "if it says committed: head -n $first $part > FILE && cut -f 3- $part.in-doubt >> FILE, and FILE has all receipts"
    (( ${#parts[@]} == 1 )) || unsettled=yes
  fi
}
unsettled=''     # parts are needed as they are

# Makes one file of the receipts of all jobs. A line that was cut off gets an end, so that it spoils no other.
join_parts() {
  local part first=1
  (( ${#parts[@]} > 1 )) && [ ! "$unsettled" ] || return 0
  for part in "${parts[@]}"; do
    # As standard input, since awk takes a name like a=b for an assignment; and 1, since in a trap a return alone
    # has the status from before.
    awk -v first="$first" 'NR >= first' < "$part" >&"${claimed[$receipts]}" || return 1
    [ ! -s "$part" ] || first=2
  done
}

# ---- how it ends ----

error=''         # the message that it ended with
reached_end=''   # else, whatever the exit status, something is wrong with this script or its shell

# Begins no further batch: psql finishes the batch that is open, and stops before the next, since a file is gone. What it does
# between two batches, or, at a second signal, in a batch, is canceled.
interrupted() { # signal
  local pid i left=1
  trap 'again=yes' INT TERM HUP
  again='' died_of=$1 error="interrupted by SIG$1"
  warn "$error${applying:+: the open batch is finished first; once more, and it is rolled back}"
  # What psql says of an end in the middle of a script is our doing.
  tell hush "$(wc -c < "$tmp/messages")"
  hushed=yes
  tell phase ending
  exec 5>&- 6<&-
  rm -f "$tmp/go-on"
  for pid in $(jobs -pr); do
    [[ " $reporter ${appliers[*]} ${writers[*]} " == *" $pid "* ]] || kill -- "$pid" 2> /dev/null
  done
  while (( left > 0 )); do
    left=0
    for i in "${!writers[@]}"; do
      ended "${writers[i]}" && continue
      left=1
      if [ "$again" ] || [ -s "$tmp/waiting.$i" ]; then signal INT "${writers[i]}" -; fi
    done
    (( left == 0 )) || sleep 0.05
  done
  exit 2
}

# Where the receipts are, and what takes back what they say.
tell_receipts() {
  local file files=("$kept")
  [ "$kept" ] || return 0
  if (( ${#parts[@]} > 1 )) && [ "$unsettled" ]; then
    rm -f -- "$receipts"   # not all of them
    files=("${parts[@]}")
  fi
  for file in "${files[@]}"; do tell receipts "$(absolute "$file")"; done
  [ "$action" = undo ] || tell next "$(again --undo "${files[@]}")"
}

# What is told at the end: by fb-report, or, if it is gone, here.
clean_up() {
  local status=$? pid
  trap : USR1
  trap '' INT TERM HUP
  restore_terminal
  [ "$reached_end" ] || (( status == 2 )) || status=2
  for pid in $(jobs -pr); do
    [ "$pid" = "$reporter" ] || kill -- "$pid" 2> /dev/null
  done
  for pid in "${writers[@]}"; do wait "$pid"; done
  if [ "$applying" ]; then
    ask_until=$((SECONDS + 10))
    for pid in "${!parts[@]}"; do settle "$pid"; done
    join_parts || { worst=2 unsettled=yes; warn "$receipts: could not be written"; }
    tell_receipts
    (( worst <= status )) || status=$worst
  fi
  end_report
  [ ! "$applying" ] || (( ${#parts[@]} == 1 )) || [ "$unsettled" ] || rm -f -- "${parts[@]}"
  [ ! "$tmp" ] || rm -rf "$tmp"
  [ ! "$died_of" ] || { trap - "$died_of"; kill -s "$died_of" $$; }
  exit "$status"
}
died_of=''

end_report() {
  local told line
  [ "$reporter" ] || return 0
  tell error "$error"
  tell status "$status"
  exec 9>&- 8>&7
  wait_for "$reporter"; told=$? hushed=''
  if [ -e "$tmp/messages" ]; then  # it has not told them all
    while IFS= read -r line; do put_line "$line" >&8; done < "$tmp/messages"
    line=''
    (( status > 1 )) || [ ! "$applying" ] || line=', but all was carried out'
    warn "fb-report ended before the run did: the report is not whole$line"
    told=2
  fi
  (( told <= status )) || status=$told
}

# What is done at SIGUSR1, and at a terminal's Ctrl-T, where there is one.
tell_progress() { signalled=yes; [ ! "$reporter" ] || signal USR1 "$reporter"; }

# ---- main ----

started=$(date -u +%FT%TZ)
read_options "$@"
trap clean_up EXIT
for name in INT TERM HUP; do
  # shellcheck disable=SC2064
  trap "interrupted $name" "$name"
done
trap tell_progress USR1
trap tell_progress INFO 2> /dev/null
trap : PIPE      # fb-report may be gone when it is told something
command -v psql > /dev/null || die "psql is missing: install PostgreSQL's client (Debian: postgresql-client)"
tmp=$(mktemp -d) || exit 2
[[ $tmp == /* ]] || tmp=$PWD/$tmp   # it must not begin with a dash, nor with a | for psql's \o
printf %s "$models" > "$tmp/models" || exit 2
extract+=(--models "$tmp/models") resolve+=(--models "$tmp/models") apply+=(--models "$tmp/models" "${reach[@]}")
[ "$action" != undo ] || { apply+=(--undo) report+=(--undo ${dry_run:+--dry-run}); }
exec 7>&2
check_receipts
[ ! "$log" ] || open_log
start_report
[ "$action" = run ] || [ "$action" = check ] || { take_files; prepare_preflight; }
connect
case $action in
  run)
    make_plan
    if [ "$plan" ]; then
      keep "${inputs[0]}" "$plan"
      [ "$plan" = - ] || { tell plan "$(absolute "$plan")"; [ ! "$dry_run" ] || tell next "$(again --apply "$plan")"; }
    fi ;;
  apply) [ "${files[0]}" = - ] || tell plan "$(absolute "${files[0]}")" ;;
  undo) for name in "${files[@]}"; do [ "$name" = - ] || tell undone "$(absolute "$name")"; done ;;
esac
if [ "$action" = check ]; then
  { begin_reading && "${extract[@]}" --sql --count "${reach[@]}" && echo 'COMMIT;'; } > "$tmp/check.sql" 2>&8 || exit 2
  tell phase counting
  if ! step "${psql[@]}" < "$tmp/check.sql" > "$tmp/check.tsv" || [ ! -s "$tmp/check.tsv" ]; then psql_failed "could not count"; fi
  tell name "the database's answer"
  tell follow "$tmp/check.tsv"
elif [ "$dry_run" ]; then
  preflight || warn "a run would stop here: nothing was changed"
  for name in "${inputs[@]}"; do tell count "$name"; tell follow "$name"; done
else
  carry_out
fi
reached_end=yes
exit "$worst"
