#!/usr/bin/env -S -u SHELLOPTS -u BASHOPTS -u BASH_ENV bash
# shellcheck shell=bash disable=SC2317  # traps call functions
# fb-backfill: the whole back-fill as one command. This script runs psql and the programs beside it; everything that a person or
# a program is told about a run comes from fb-report.
# Read it from top to bottom: options, files, processes, the connection, the plan, applying, the end, then main.
set -u -o pipefail

programs=$(dirname -- "$(realpath -- "${BASH_SOURCE[0]}")"; echo .) && programs=${programs%$'\n.'}

help='Usage: fb-backfill [--dry-run] [-m NAME]... [-l N] [OPTION...] [DBNAME]
       fb-backfill --apply PLAN [OPTION...] [DBNAME]
       fb-backfill --undo RECEIPTS... [--dry-run] [OPTION...]
       fb-backfill --check [-m NAME]... [OPTION...] [DBNAME]
Set the syllabus of every answer and review that has a cohort and no syllabus.

Actions and selection:
  -n, --dry-run             show what would be done, and change nothing
  -m, --model=NAME          only this model; may be repeated (default: all)
  -l, --limit=N             only the N lowest ids of each model (default 0: all)
      --after=ID            only ids above ID
      --apply=PLAN          carry out a plan kept by an earlier run
      --undo=RECEIPTS...    take back what earlier runs did
      --check               count the rows still to be filled; exit 1 if there are any
      --table=SPEC          add a model, or replace one:
                            NAME=[SCHEMA.]TABLE[:ID,COHORT,SYLLABUS]
      --models=FILE         read the models from FILE, one SPEC per line
      --print-models        print the models in force, and exit
Files to keep:
      --plan=FILE           keep the plan in FILE
      --receipts=FILE       keep the receipts, which --undo needs, in FILE
                            (default: fb-receipts-TIME.tsv in this directory)
      --no-receipts         keep no receipts: the run cannot be undone
      --log=DIR             keep plan, receipts and summary of each run in DIR
Applying:
  -j, --jobs=N              use N connections at once (default 1)
      --batch-size=N        records in a transaction (default 5000)
      --lock-timeout=MS     longest wait for a lock (default 5000; 0: no limit)
      --pause=MS            sleep between transactions (default 0)
      --max-lag=SECONDS     wait between transactions while a replica is further behind
      --max-failures=N      stop if more than N records have failed (N%: of those so far)
      --schema=SCHEMA       the schema of the tables (default: by search_path)
      --enable-row-security work only on rows that the role may see
Reporting:
      --summary             no line for each record
      --by-cohort           a line for each cohort and syllabus instead
      --json                one JSON object instead
      --color=WHEN          use color: auto (on a terminal), always or never
      --progress            show progress even when not on a terminal
      --no-progress         never show progress
  -q, --quiet               no report (with --json, the object alone)
  -V, --version             print the version and exit
  -?, --help                print this help and exit
Connection, as for psql:
  -h, --host=HOST           server, or directory of its socket
  -p, --port=PORT           port
  -U, --username=NAME       role
  -d, --dbname=CONNINFO     database, or connection string
  -w, --no-password         never ask for a password
  -W, --password            always ask for a password

Exit status: 0 success, 1 some records failed, 2 trouble. See fb-backfill(1).'

# Prints a line that may have a file's name in it. Control characters, bytes that are not UTF-8, and invisible characters are
# shown as \x bytes, as the other programs show them.
put_line() ( # text
  text=$1 shown=''
  { LC_ALL=C.UTF-8; } 2> /dev/null   # what is printable does not depend on the caller's locale
  printable='[[:print:]	]' invisible=$'[\xc2\xa0\xc2\xad\xd8\x9c\xe2\x80\x8b-\xe2\x80\x8f\xe2\x80\xa8-\xe2\x80\xaf\xe2\x81\xa0-\xe2\x81\xaf\xef\xbb\xbf]'
  for (( i = 0; i < ${#text}; i++ )); do
    char=${text:i:1}
    # shellcheck disable=SC2053  # a pattern
    if [[ $char == $printable && $char != $invisible ]]; then
      shown+=$char
    else
      shown+=$(printf %s "$char" | od -A n -t x1 | sed 's/ /\\x/g')
    fi
  done
  printf '%s\n' "$shown"
)
# Messages go to descriptor 8: standard error, or, once fb-report runs and passes them on, a file.
warn() {
  if [ "$hushed" ]; then tell say "fb-backfill: $*"; return; fi
  put_line "fb-backfill: $*" 2> /dev/null >&8 || put_line "fb-backfill: $*" >&2
}
hushed=''        # psql's messages are no longer passed on, so ours go another way
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

# Checks an option's argument, a whole number from $3 to $4, and sets value to it (010 is ten).
number() { # name value least most
  if [[ ! $2 =~ ^[0-9]{1,18}$ ]] || (( 10#$2 < $3 || 10#$2 > $4 )); then
    die_usage "$1: invalid number '$2' (expected $3 to $4)"
  fi
  value=$((10#$2))
  is_count "$value"
}

# Whether this is a count: digits without leading zeros, and few enough for the shell's arithmetic, which would evaluate anything
# else. So whatever comes from outside is checked first.
is_count() { [[ $1 =~ ^(0|[1-9][0-9]{0,17})$ ]]; }

# Asks fb-report for the models in force, and checks those that were chosen. A --models file may be a pipe, so it is
# read only once.
read_models() {
  local name names='' line all
  if ! all=$("${report[@]}" --print-models "${table_options[@]}" 2>&1); then
    [ "$all" ] || die "fb-report could not list the models: nothing was changed"
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
      die_usage "--model: unknown model '$name' (known: ${names%, })"
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
      *) [[ $seen != *" $name "* ]] || die_usage "$name is given more than once" ;;
    esac
    seen+="$name "
    value=${1-}
    case $name in
      --apply|--undo|--plan|--receipts|--log) [ "$value" ] || die_usage "$name: empty file name" ;;
    esac
    case $name$value in
      --receipts-|--log-) die_usage "$name: standard output cannot be used" ;;
    esac
    case $name in
      --apply|--undo|--check)
        [ "$action" = run ] || [ "--$action" = "$name" ] || die_usage "--$action and $name cannot be combined"
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
        case $value in auto|always|never) ;; *) die_usage "--color: invalid value '$value' (expected auto, always or never)" ;; esac
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
    (( $# == 1 )) || die_usage "too many arguments: '$2' (expected one DBNAME)"
    [ ! "$conninfo" ] || die_usage "too many arguments: '$1' (the database is already given by --dbname)"
    conninfo=$1
  fi
  for value in "$conninfo" "${where[@]}"; do
    [[ ! $value =~ [[:cntrl:]] ]] || die_usage "'$value': control characters are not allowed in connection options"
  done
  read_models

  # A combination that makes no sense is probably a mistake.
  local excluded=''
  case $action in
    apply|undo) excluded='--model --limit --after --plan' ;;
    check) excluded='--dry-run --limit --after --plan --receipts --no-receipts --log' ;;
  esac
  [ "$action" != apply ] || excluded+=' --dry-run'
  for name in $excluded; do
    [[ $seen != *" $name "* ]] || die_usage "$name cannot be combined with --$action"
  done
  for name in --receipts --no-receipts; do
    [ ! "$dry_run" ] || [[ $seen != *" $name "* ]] || die_usage "$name cannot be combined with --dry-run"
  done
  for name in --receipts --no-receipts --log; do
    for value in --receipts --no-receipts --log; do
      [[ $name == "$value" || $seen != *" $name "* || $seen != *" $value "* ]] || die_usage "$name and $value cannot be combined"
    done
  done
  [[ $seen != *' --progress '* || $seen != *' --no-progress '* ]] || die_usage "--progress and --no-progress cannot be combined"
  [[ $seen != *' --password '* || $seen != *' --no-password '* ]] || die_usage "--password and --no-password cannot be combined"
}

# ---- files that stay ----

declare -A claimed=()   # the descriptors of this run's files, by name
fault=''                # why a file could not be claimed

# Creates a file: new, readable by its owner alone, and locked while this run or one of its psql processes is alive.
# Fails if the name exists; whatever has it is not opened.
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

# Makes a name free for a file of this run. What an earlier run wrote there may be the only way to undo it, so receipts are
# renamed to FILE.~N~; a plan or an empty file is removed.
make_room() { # file [keep]
  local n=1 fd
  [ -e "$1" ] || [ -L "$1" ] || return 0
  [ ! -L "$1" ] || die "$1: is a symbolic link, which is not followed: nothing was changed"
  [ -f "$1" ] || die "$1: is not a regular file, so it cannot keep receipts: nothing was changed"
  { exec {fd}< "$1"; } 2> /dev/null || die "$1: cannot be read, so another run may be writing it: nothing was changed"
  flock -n "$fd" || die "$1: another run is writing it: nothing was changed"
  if [ "${2-}" ] && [ -s "$1" ]; then
    while [ -e "$1.~$n~" ] || [ -L "$1.~$n~" ]; do n=$((n + 1)); done
    fault=$(mv -nT -- "$1" "$1.~$n~" 2>&1) || die "$1: could not be renamed: ${fault##*: }: nothing was changed"
    warn "$1: earlier receipts renamed to $1.~$n~"
  else
    rm -f -- "$1" || die "$1: could not be replaced: nothing was changed"
  fi
  exec {fd}<&-
}

# Copies what can be read from one file to another. Signals are handled meanwhile. If it fails, fault says why.
copy() { # from to
  cat -- "$1" <&0 2> "$tmp/fault" > "$2" 9>&- & wait_for $! && return
  fault=$(< "$tmp/fault") fault=${fault##*: }
  return 1
}

# Copies a file to a new file, an existing pipe or device, or standard output.
keep() { # from to
  if [ "$2" = - ]; then
    step cat -- "$1" || die "standard output: the plan could not be written: nothing was changed"
    return
  elif [ -p "$2" ] || [ -c "$2" ]; then
    copy "$1" "$2" || die "$2: $fault: nothing was changed"
    return
  fi
  make_room "$2"
  claim_or_die "$2"
  cat -- "$1" >&"${claimed[$2]}" && return
  rm -f -- "$2"
  die "$2: could not be written: nothing was changed"
}

# Sets record to a name for this run's files that no other run can have: a prefix, then the time. Claims $record$2.
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
  if [ ! -O "$log" ] || [ -n "$(cd -- "$(absolute "$log")" && find . -maxdepth 0 -perm /022)" ]; then
    die "$log: others can write to this directory, so it cannot keep the log: nothing was changed"
  fi
  name_run "$log/" -summary.json
  plan=${plan:-$record-plan.tsv}
  report+=(--object "$record-summary.json")
}

# ---- processes ----

tmp=''
reporter='' writers=()   # process ids

# Whether a child has ended, according to bash: its pid may belong to another process by now.
ended() { # pid
  local running
  jobs -pr > "$tmp/running"
  mapfile -t running < "$tmp/running"
  [[ " ${running[*]} " != *" $1 "* ]]
}
signal() { ended "$2" || kill -s "$1" -- "${3-}$2" 2> /dev/null; } # name pid [-]

# Waits for a child, and returns its exit status. Bash's wait can lose the status if a trapped signal comes just as the child
# ends, and returns the signal's if one comes at all. So wait is called only after the child has ended, and repeated until no
# signal came meanwhile.
wait_for() { # pid
  local status naps=0
  until ended "$1"; do
    if (( ++naps < 20 )); then sleep 0.01; elif (( naps < 40 )); then sleep 0.05; else sleep 0.2; fi
  done
  while signalled=''; wait "$1" 2> /dev/null; status=$?; [ "$signalled" ]; do :; done
  return "$status"
}
signalled=''     # whether a trap has run that does not end the run

# Runs a program so that signals are handled meanwhile.
step() { "$@" <&0 2>&8 9>&- & wait_for $!; }

worst=0          # the worst exit status so far; a death by signal counts as 2
note_status() { if (( $1 > 1 )); then worst=2; elif (( $1 > worst )); then worst=1; fi; return 0; }

# Makes a named pipe and opens it: 5 to write, 6 to read. Opening one end by its name would wait for the other, for ever if
# that process was killed.
open_pipe() { # FIFO
  # shellcheck disable=SC2094  # it is a pipe
  mkfifo "$1" && exec 4<> "$1" 5> "$1" 6< "$1" 4>&-
}

# Tells fb-report a fact about the run. It may be gone.
tell() { # key value
  local value=${2//\\/\\\\}
  value=${value//$'\t'/\\t} value=${value//$'\r'/\\r}
  printf '%s\t%s\n' "$1" "${value//$'\n'/\\n}" 2> /dev/null >&9
}
absolute() { case $1 in ''|/*) printf %s "$1" ;; *) printf %s "$PWD/$1" ;; esac; }

# From now on fb-report does all the reporting: it reads facts from the pipe that is 9 here, and messages from the file that is 8.
# Each psql that writes receipts holds the pipe open, too, so it ends when nobody writes receipts any more, and by no signal. (It
# sees to that itself as soon as it has begun.)
start_report() {
  : > "$tmp/messages" && open_pipe "$tmp/facts" && exec 9>&5 5>&- 8>> "$tmp/messages" || exit 2
  (trap '' INT TERM HUP USR1; exec "${report[@]}" --models "$tmp/models" --follow "$tmp/messages") <&6 2>&7 7>&- 8>&- 9>&- & reporter=$!
  exec 6<&-
  tell action "${dry_run:+dry-}$action"
}

# The last error that psql or another program printed is the run's error. A server may print it in another language.
last_error() { grep -aE '(ERROR|FATAL|PANIC):|^psql: error:|^fb-(extract|resolve|apply):' "$tmp/messages" | tail -n 1 | grep . || tail -n 1 "$tmp/messages"; }
psql_failed() { # words
  error=$(last_error)
  die "$@"
}

# ---- the connection ----

# Moves a password from the connection string to a file, because everybody can read a command line.
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
  { exec {terminal}<> /dev/tty; } 2> /dev/null || die "a password is required, and there is no terminal to ask for it: nothing was changed"
  terminal_settings=$(stty -g <&"$terminal") && stty -echo <&"$terminal"   # before the prompt, so that nothing typed early is echoed
  printf 'Password: ' >&"$terminal"
  IFS= read -r password <&"$terminal"
  printf '\n' >&"$terminal"
  restore_terminal
  use_password "$password"
}

check_psql() {
  local version
  command -v psql > /dev/null || die "psql not found: install PostgreSQL's client (Debian: postgresql-client): nothing was changed"
  version=$(psql --version 2> /dev/null)   # a wrapper may warn of its locale
  if [[ ! $version =~ ^psql\ \([^\)]*\)\ ([0-9]{1,3})[.a-z] ]] || (( BASH_REMATCH[1] < 13 )); then
    die "psql 13 or later is required; this is '$version': nothing was changed"
  fi
}

# Whether neither an option nor the environment says which database.
is_nowhere() { [ ! "$conninfo" ] && (( ${#where[@]} == 0 )) && [ ! "${PGHOST-}${PGHOSTADDR-}${PGPORT-}${PGDATABASE-}${PGUSER-}${PGSERVICE-}" ]; }

# Connects once, to find out which database it is, and to ask for a password, once for all connections, if one is needed.
connect() {
  local database
  if is_nowhere && [ "${DATABASE_URL-}" ]; then
    [[ $DATABASE_URL =~ ^(postgres|postgresql|postgis|pgsql|psql)([+][a-z0-9]+)?://(.*)$ ]] ||
      die "DATABASE_URL is not a postgresql:// URL: nothing was changed"
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

# The beginning of a psql script for a transaction that cannot write.
begin_reading() {
  cat << END
\\set ON_ERROR_STOP on
\\set in_transaction on
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY
  \\; SET LOCAL statement_timeout = 0 \\; SET LOCAL idle_in_transaction_session_timeout = 0
  \\; SET LOCAL lock_timeout = ${lock_timeout};
END
}

# The psql script for the snapshot: cohorts to a file, rows to standard output, in one read-only transaction.
snapshot_script() {
  begin_reading &&
  echo '\o :cohorts' &&
  "${resolve[@]}" --sql "${reach[@]}" &&
  echo '\o' &&
  "${extract[@]}" --sql --limit "$limit" "${after[@]}" "${reach[@]}" &&
  echo 'COMMIT;'
}

# The status is the worse of the two: pipefail's would be that of fb-resolve, if both fail.
filter_rows() {
  "${extract[@]}" < "$tmp/rows.tsv" | "${resolve[@]}" --cohorts "$tmp/cohorts.tsv" > "$tmp/plan.tsv"
  case ${PIPESTATUS[*]} in
    '0 0') return 0 ;;
    [01]' '[01]) return 1 ;;
    *) return 2 ;;
  esac
}

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

# Takes the plan or receipts that were given. A pipe is copied, because its contents are needed more than once.
take_files() {
  local file i copy
  for i in "${!files[@]}"; do
    file=${files[i]} copy=$tmp/input.$i
    case $file in
      -) file=/dev/stdin copy=$tmp/standard-input ;;   # messages have this name in them
      /*) ;;
      -*) file=./$file ;;   # no option
    esac
    [ -e "$file" ] || die "${files[i]}: No such file or directory"
    if [ ! -f "$file" ] || [ "$file" = /dev/stdin ]; then
      copy "$file" "$copy" || die "${files[i]}: $fault"
      file=$copy
    fi
    inputs+=("$file")
  done
}

# ---- applying ----

inputs=()        # the plan or receipts to be carried out
parts=()         # the receipts of each job, joined at the end
applying=''      # something may have been committed

# Sets records to the number of records in the inputs. It counts a last line that was cut off, as wc would not.
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

# Makes the script that asks the server, before anything is changed, whether all of it is allowed. Dies if the
# input is not what it should be.
prepare_preflight() { step "${apply[@]}" --preflight "${inputs[@]}" > "$tmp/preflight.sql" || die "nothing was changed"; }
preflight() { step "${psql[@]}" < "$tmp/preflight.sql" > /dev/null; }

# Starts a job: fb-apply for its share of the records, and psql. A share is a run of ids, so two connections have at most a page
# in common.
start_job() { # index
  local share=()
  (( jobs == 1 )) || share=(--share "$(($1 + 1))/$jobs")
  open_pipe "$tmp/script.$1" || exit 2
  (trap '' USR1; exec "${apply[@]}" "${share[@]}" "${inputs[@]}") >&5 2>&8 5>&- 6<&- 9>&- & appliers+=($!)
  # psql writes receipts straight to their file, so no other process can lose them. setsid, because Ctrl-C or a hang-up of the
  # terminal would end psql before the receipts of the last commit.
  (trap '' USR1; exec setsid "${psql[@]}" -v in_doubt="$tmp/in-doubt.$1" -v waiting="$tmp/waiting.$1" -v go_on="$tmp/go-on") \
    <&6 >&"${claimed[${parts[$1]}]}" 2>&8 5>&- 6<&- & writers+=($!)
  exec 5>&- 6<&-
}
appliers=()

# Creates the files for the receipts.
prepare_receipts() {
  local i file
  if [ ! "$receipts" ] && [ ! "$no_receipts" ] && [ ! "$log" ] && (( records > 0 )); then
    name_run fb-receipts- .tsv
    receipts=$record.tsv by_default=1
  fi
  [ ! "$log" ] || receipts=$record-receipts.tsv
  kept=$receipts
  receipts=${receipts:-$tmp/receipts.tsv}
  parts=("$receipts")
  (( jobs == 1 )) || for (( i = 0; i < jobs; i++ )); do parts[i]=$receipts.$((i + 1)); done
  for file in "${parts[@]}"; do
    for i in "${files[@]}" "$plan"; do
      [ ! "$file" -ef "$i" ] || die "$file: is already used as input or plan; choose another --receipts file: nothing was changed"
    done
  done
  for file in "$receipts" "${parts[@]}"; do
    [ ! "${claimed[$file]-}" ] || continue   # the one part of one job is the whole
    make_room "$file" keep
    claim_or_die "$file"
  done
}
kept='' by_default=0

# Prints a command, for people, that works on the same models and database. The password is not in it.
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

# Receipts must be kept in a file, and not in one that is read.
check_receipts() {
  local name
  if [ "$receipts" ] && [ -e "$receipts" ] && [ ! -f "$receipts" ]; then
    die "$receipts: is not a regular file, so it cannot keep receipts: nothing was changed"
  fi
  for name in "$plan" "${files[@]}"; do
    if [ "$name" ] && [ "$receipts" ] && { [ "$name" = "$receipts" ] || [ "$name" -ef "$receipts" ]; }; then
      die "$receipts: is already used as input or plan; choose another --receipts file: nothing was changed"
    fi
  done
}

# Carries out the inputs.
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
  (( worst < 2 )) || error=$(last_error)
}

# Asks over a new connection whether a transaction was committed or aborted, and prints which, or nothing if the server does not
# know (it is still in progress, or this is a standby) or cannot be reached. All jobs together wait ten seconds for an answer.
# 22023 means that this server has not given that id to any transaction yet: it has taken the place of the one that did.
ask_until=0
ask_status() { # transaction id
  local answer
  while :; do
    answer=$(PGCONNECT_TIMEOUT=${PGCONNECT_TIMEOUT:-5} "${psql[@]}" -At 2> /dev/null 9>&- << END
SELECT pg_catalog.pg_xact_status('$1'::pg_catalog.xid8) WHERE NOT pg_catalog.pg_is_in_recovery();
\\echo :SQLSTATE
END
    )
    case $answer in
      $'committed\n00000') echo committed; return ;;
      $'aborted\n00000'|22023) echo aborted; return ;;
    esac
    (( SECONDS < ask_until )) || return 0
    sleep 1
  done
}

# Corrects a job's receipts, if its connection was lost between a COMMIT and its receipts. They are in the file in-doubt,
# each after the transaction's id and its place among this job's receipts.
settle() { # job
  local doubt=$tmp/in-doubt.$1 part=${parts[$1]} xid first last printed size outcome
  [ -s "$doubt" ] && [ -e "$part" ] || return 0
  read -r xid first last <<< "$(awk -F '\t' 'NR == 1 { first = $2 } $2 > last { last = $2 } END { print $1, first, last }' "$doubt")"
  printed=$(wc -l < "$part")
  if ! is_count "$xid" || ! is_count "$first" || ! is_count "$last" || ! is_count "$printed" || (( printed > last )); then
    return 0  # they were printed, or the file was cut off before the COMMIT
  fi
  outcome=$(ask_status "$xid")
  if [ "$outcome" ]; then
    size=$(head -n "$first" < "$part" | wc -c)
    truncate -s "$size" -- "$part" && { [ "$outcome" = aborted ] || cut -f 3- < "$doubt" >&"${claimed[$part]}"; } && return
    warn "$part: the receipts of the last batch, which was $outcome, could not be written"
  else
    warn "it is unknown whether the last batch ($((last - first + 1)) records) was committed: the server could not be asked"
  fi
  tell in-doubt yes
  worst=2
  [ "$kept" ] || return 0
  unsettled=yes
  if ! claim "$part.in-doubt" || ! cat < "$doubt" >&"${claimed[$part.in-doubt]}"; then
    # Whatever happens, these are not lost: it may have been the disk of the receipts that was full.
    keep_tmp=yes
    warn "its receipts could not be kept in $part.in-doubt, and are in $doubt"
  else
    warn "its receipts are in $part.in-doubt; to find out, ask the server: SELECT pg_xact_status('$xid')"
    warn "if it says committed, complete the receipts in FILE: head -n $first $part > FILE && cut -f 3- $part.in-doubt >> FILE"
  fi
}
unsettled=''     # the files of receipts are needed as they are: the parts are not joined, and none is removed
keep_tmp=''      # receipts are nowhere else

# Joins the receipts of all jobs. A line that was cut off gets its newline here, so that it spoils no other.
join_parts() {
  local part first=1
  (( ${#parts[@]} > 1 )) && [ ! "$unsettled" ] || return 0
  for part in "${parts[@]}"; do
    # As standard input, because awk takes a name like a=b for an assignment. "return 1", because in a trap a bare return
    # returns the status from before the trap.
    awk -v first="$first" 'NR >= first' < "$part" >&"${claimed[$receipts]}" || return 1
    [ ! -s "$part" ] || first=2
  done
}

# ---- how it ends ----

error=''         # the last error
reached_end=''   # if it stays empty, the status is 2 whatever the shell says

# Stops the run: psql finishes the open batch, and stops before the next because a file is gone. A pause between batches is
# canceled at once, and the batch itself at a second signal.
interrupted() { # signal
  local pid i left=1
  trap 'again=yes' INT TERM HUP
  [ ! "$tmp" ] || rm -f "$tmp/go-on"
  again='' died_of=$1 error="interrupted by SIG$1"
  warn "$error${applying:+: finishing the open batch; interrupt again to roll it back}"
  if [ "$reporter" ]; then
    tell hush "$(wc -c < "$tmp/messages")"   # what psql says from now on is caused by the interrupt itself
    hushed=yes
    tell phase ending
  fi
  exec 5>&- 6<&-
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

# Reports where the receipts are, and the command that takes the run back.
tell_receipts() {
  local file files=("$kept") lines
  [ "$kept" ] || return 0
  lines=$({ head -n 2 < "$kept" | wc -l; } 2> /dev/null)
  if [ ! "$unsettled" ] && (( lines < 1 || (by_default && lines < 2) )); then
    rm -f -- "$kept"   # nothing was done, or not even begun
    return
  fi
  if (( ${#parts[@]} > 1 )) && [ "$unsettled" ]; then
    rm -f -- "$receipts"   # not all of them
    files=("${parts[@]}")
  fi
  for file in "${files[@]}"; do tell receipts "$(absolute "$file")"; done
  [ "$action" = undo ] || tell next "$(again --undo "${files[@]}")"
}

# Ends the run, however it ended: settles and joins the receipts, lets fb-report finish, and removes temporary files.
clean_up() {
  local status=$? pid file
  trap 'signalled=yes' USR1   # which wait_for needs to know
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
  if [ ! "$applying" ]; then
    for file in "${!claimed[@]}"; do [ -s "$file" ] || rm -f -- "$file"; done
  elif (( ${#parts[@]} > 1 )) && [ ! "$unsettled" ]; then
    rm -f -- "${parts[@]}"
  fi
  [ ! "$tmp" ] || [ "$keep_tmp" ] || rm -rf "$tmp"
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
  if [ -e "$tmp/messages" ]; then  # fb-report did not pass all of them on
    while IFS= read -r line; do put_line "$line" >&8; done < "$tmp/messages"
    line=''
    (( status > 1 )) || [ ! "$applying" ] || line=', but the run itself is complete'
    warn "fb-report ended before the run: the report is incomplete$line"
    told=2
  fi
  (( told <= status )) || status=$told
}

# At SIGUSR1, and at Ctrl-T where the terminal has it, fb-report prints the progress.
tell_progress() { signalled=yes; [ ! "$reporter" ] || signal USR1 "$reporter"; }

# ---- main ----

(( BASH_VERSINFO[0] >= 5 )) || die "bash 5 or later is required; this is $BASH_VERSION: nothing was changed"
getopt -T > /dev/null 2>&1; (( $? == 4 )) || die "util-linux's getopt is required (Debian: util-linux); the one in PATH is another: nothing was changed"
started=$(date -u +%FT%TZ)
read_options "$@"
trap clean_up EXIT
for name in INT TERM HUP; do
  # shellcheck disable=SC2064
  trap "interrupted $name" "$name"
done
trap tell_progress USR1
trap tell_progress INFO 2> /dev/null
trap : PIPE      # fb-report may be gone
check_psql
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
  preflight || warn "a real run would stop here: nothing was changed"
  for name in "${inputs[@]}"; do tell count "$name"; tell follow "$name"; done
else
  carry_out
fi
reached_end=yes
exit "$worst"
