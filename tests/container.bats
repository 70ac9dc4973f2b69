# examples/container/: the image, the CronJob, and the commands of the README there. There is no container engine here. The
# Dockerfile's own steps are carried out by docker.py, and Kubernetes' types are those of its API.
load helper
load aftermath

container=$project/examples/container
mount=/var/lib/fb-backfill

# The commands that the README shows.
commands() { awk '/^```/ { on = $0 == "```sh"; next } on' "$container/README.md"; }
crontab() { sed -n 's/^17 3 \* \* 0  root  //p' "$container/README.md"; }

manifests() { python3 "$BATS_TEST_DIRNAME/manifests.py" "$container/cronjob.yaml"; }
cron_job() { manifests | jq "${@:2}" ".[] | select(.kind == \"CronJob\") | $1"; } # FILTER [JQ-OPTION...]

# One instruction of the Dockerfile, which has it once.
instruction() { sed -n "s/^$1 //p" "$container/Dockerfile"; }

needs_yaml() {
  python3 -c 'import yaml' 2> /dev/null && return
  [ -z "${CI-}" ] || fail "python3's yaml is missing"
  skip "python3's yaml is missing"
}

# ---- the files

@test "the CronJob runs when cron and systemd run it: Sundays at 03:17, in UTC as the timer" {
  needs_yaml
  schedule=$(cron_job '.spec.schedule' -r)
  assert_equal "$schedule" "$(sed -n 's/^\([0-9* ]*\)  fb-backfill .*/\1/p' "$project/examples/fb-backfill.cron")"
  read -r minute hour _ _ day <<< "$schedule"
  assert_equal "$day" 0
  assert_equal "OnCalendar=Sun *-*-* $(printf '%02d:%02d:00' "$hour" "$minute") UTC" \
    "$(grep ^OnCalendar "$project/examples/fb-backfill.timer")"
  assert_equal "$(cron_job '.spec.timeZone' -r)" Etc/UTC
  run -0 grep -cF "$schedule  root  docker run" "$container/README.md"
}

@test "the CronJob: never two at once or again, and with the rights that the strictest policy of Kubernetes asks for" {
  needs_yaml
  run -0 cron_job '.spec | .concurrencyPolicy, .jobTemplate.spec.backoffLimit, (.jobTemplate.spec.template.spec |
      .restartPolicy, .automountServiceAccountToken, .terminationGracePeriodSeconds >= 60,
      .securityContext.runAsNonRoot, .securityContext.seccompProfile.type,
      (.containers[] | .securityContext | .allowPrivilegeEscalation, .readOnlyRootFilesystem, .capabilities.drop[]))' -c
  assert_output "$(lines '"Forbid"' 0 '"Never"' false true true '"RuntimeDefault"' false true '"ALL"')"
}

@test "the CronJob fits the image: the same user and folders" {
  needs_yaml
  run -0 cron_job '.spec.jobTemplate.spec.template.spec | .securityContext | "\(.runAsUser):\(.runAsGroup) \(.fsGroup)"' -r
  assert_output "$(instruction USER) $(instruction USER | cut -d : -f 2)"
  assert_equal "$(instruction WORKDIR | tail -n 1)" $mount
  assert_equal "$(instruction VOLUME)" $mount
  run -0 cron_job '.spec.jobTemplate.spec.template.spec | .volumes as $volumes | .containers[0].volumeMounts[] | .mountPath as $path |
      .name as $name | $volumes[] | select(.name == $name) | [$path, (keys - ["name"])[0]] | @tsv' -r
  assert_output "$(lines "$mount\tpersistentVolumeClaim" '/etc/fb-backfill\tsecret' '/tmp\temptyDir')"
  # and each name leads to something
  run -0 manifests
  assert_equal "$(jq -r '.[] | select(.kind == "PersistentVolumeClaim") | .metadata.name' <<< "$output")" \
    "$(cron_job '.spec.jobTemplate.spec.template.spec.volumes[].persistentVolumeClaim.claimName // empty' -r)"
}

@test "no password is in the environment or on a command line" {
  needs_yaml
  run -0 cron_job '.spec.jobTemplate.spec.template.spec.containers[0] | .env[].name, .args[]' -r
  assert_output "$(lines PGSERVICE PGSERVICEFILE --summary)"
  run -0 bash -c "grep -E '^ENV|-e ' '$container/Dockerfile' '$container/README.md' | grep -oE '[A-Z]+=' | sort -u"
  assert_output "$(lines PGSERVICE= PGSERVICEFILE= TMPDIR=)"
}

# Installs TypeScript with the types of Kubernetes' API, once.
install_types() {
  types=$BATS_TEST_DIRNAME/../build/kubernetes
  [ ! -e "$types/complete" ] || return 0
  rm -rf "$types"
  mkdir -p "$types"
  npm install --silent --no-save --ignore-scripts --prefix "$types" kubernetes-models@5.1.0 typescript@5.9.3 > /dev/null
  touch "$types/complete"
}

compile() { node_modules/.bin/tsc --noEmit --strict --skipLibCheck --module esnext --moduleResolution bundler --target es2022 "$@"; }

# bats test_tags=slow
@test "cronjob.yaml is what Kubernetes' API has: types, values and names; each key's name is checked" {
  needs_yaml
  requires npm
  install_types
  mkdir check
  ln -s "$(realpath "$types")/node_modules" check/
  # Each document, and again for each of its keys, with that one misspelt: then there must be an error, but in maps whose
  # keys are the user's.
  { echo 'import type { ICronJob as CronJob } from "kubernetes-models/batch/v1/CronJob";'
    echo 'import type { IPersistentVolumeClaim as PersistentVolumeClaim } from "kubernetes-models/v1/PersistentVolumeClaim";'
    manifests | jq -r 'def misspelt($path): . as $all | getpath($path) as $value | delpaths([$path]) |
        setpath($path[:-1] + ["\($path[-1])X"]; $value);
      .[] | . as $all | .kind as $kind |
      "{ const x: \($kind) = \(tojson) }",
      (paths | select((.[-1] | type == "string") and (.[:-1] | any(. == "labels" or . == "requests" or . == "limits") | not)) |
        . as $path | "// @ts-expect-error", "{ const x: \($kind) = \($all | misspelt($path) | tojson) }")'
  } > check/manifests.ts
  [ "$(grep -c expect-error check/manifests.ts)" -gt 60 ]
  cd check
  run -0 compile manifests.ts
  assert_output ''
  # and values
  for change in 's/"Forbid"/"Forbidden"/' 's/"backoffLimit":0/"backoffLimit":"0"/' 's/"Never"/"never"/' \
      's/"runAsNonRoot":true/"runAsNonRoot":1/'; do
    sed "/expect-error/,+1d; $change" manifests.ts > changed.ts
    run ! cmp -s <(sed '/expect-error/,+1d' manifests.ts) changed.ts
    run -2 compile changed.ts
  done
}

# ---- the README's commands
# bats file_tags=server

# An example database, and a folder with a service file for it. The password is in no other place.
service() { # SOCKET-FOLDER
  example_database
  mkdir work
  lines '[feedback]' "host=$1" "port=$PGPORT" "dbname=$PGDATABASE" user=must_give_password 'password=this one' > work/pg_service.conf
  oracle_state > expected
  before=$(state)
}

# Behind the commands that finish a run or its undo comes what the state must be then.
with_checks() {
  sed -E -e 's/^(fb --check|fb_job fb-rest) .*/&\ndiff <(state) ..\/expected/' \
    -e 's/^(fb --undo receipts.tsv  |fb_job fb-undo ).*/&\n[ "$(state)" = "$before" ]/'
}

# fb-backfill in place of a container, with what `-e` says and, where `-v` puts a folder, that folder.
# Sets from and to, a list of folders here and there.
in_place() { # ENVIRONMENT... -- ARGUMENT...
  local word i environment=() folder=''
  while [ "$1" != -- ]; do
    word=$1; shift
    for i in "${!to[@]}"; do
      [[ ${word#*=} != "${to[i]}" && ${word#*=} != "${to[i]}"/* ]] || { word=${word%%=*}=${from[i]}${word#*="${to[i]}"}; break; }
    done
    environment+=("$word")
  done
  shift
  for i in "${!to[@]}"; do [ "${to[i]}" != "$mount" ] || folder=${from[i]}; done
  (cd "$folder" && env -u PGHOST -u PGPORT -u PGDATABASE -u PGUSER "${environment[@]}" fb-backfill "$@")
}

docker() {
  local from=() to=() environment=() line
  if [ "$1" = build ]; then
    assert_equal "$*" 'build -t fb -f examples/container/Dockerfile .'
    [ -e "$project/$5" ]
    return
  fi
  while IFS= read -r line; do environment+=("$line"); done < <(instruction ENV)
  [ "$1" = run ] && shift
  while [[ $1 == -* ]]; do
    case $1 in
      --rm|-it) shift; continue ;;
      -v) line=${2%:ro}; from+=("${line%%:*}") to+=("${line#*:}") ;;
      -e) environment+=("$2") ;;
      --stop-timeout|--user|--name) ;;
      *) fail "docker run: unknown option $1" ;;
    esac
    shift 2
  done
  assert_equal "$1" fb
  in_place "${environment[@]}" -- "${@:2}"
}

kubectl() {
  local job from=() to=() environment volume args
  case $* in
    'create secret generic fb-backfill --from-file=pg_service.conf')
      [ "$(cron_job '.spec.jobTemplate.spec.template.spec.volumes[].secret.secretName // empty' -r)" = fb-backfill ]
      mkdir ../secret ../claim
      cp pg_service.conf ../secret ;;
    'apply -f '*) [ -e "$project/$3" ] ;;
    'create job '*' --from=cronjob/fb-backfill --dry-run=client -o json')
      cron_job '{apiVersion: "batch/v1", kind: "Job", metadata: {name: $name}, spec: .spec.jobTemplate.spec}' --arg name "$3" ;;
    'create -f -')
      job=$(cat)
      assert_equal "$(jq -r .kind <<< "$job")" Job
      while IFS=$'\t' read -r volume path; do
        case $volume in receipts) from+=("$PWD/../claim") to+=("$path") ;; service) from+=("$PWD/../secret") to+=("$path") ;; esac
      done < <(jq -r '.spec.template.spec.containers[0].volumeMounts[] | [.name, .mountPath] | @tsv' <<< "$job")
      mapfile -t environment < <(jq -r '.spec.template.spec.containers[0].env[] | "\(.name)=\(.value)"' <<< "$job")
      mapfile -t args < <(jq -r '.spec.template.spec.containers[0].args[]' <<< "$job")
      in_place "${environment[@]}" -- "${args[@]}" > "../$(jq -r .metadata.name <<< "$job").log" ;;
    'logs --selector '*)
      [ "$(cron_job '.spec.jobTemplate.spec.template.metadata.labels | to_entries[] | "\(.key)=\(.value)"' -r)" = "$3" ] ;;
    'patch cronjob fb-backfill --patch '*)
      assert_equal "$(jq -c . <<< "$5")" '{"spec":{"suspend":true}}' ;;
    *) fail "kubectl: unknown command $*" ;;
  esac
}

@test "the README's commands, with fb-backfill in place of a container: a run, its undo, the Jobs and theirs" {
  needs_yaml
  service "$PGHOST"
  cd work
  commands | with_checks > ../commands
  [ "$(grep -c -e '^diff ' -e '^\[ ' ../commands)" = 4 ]
  set -o pipefail
  . ../commands
  run -0 grep -c ^updated receipts.tsv
  assert_output 254
  run -0 grep -c ^updated ../claim/first.tsv ../claim/rest.tsv
  assert_output "$(lines ../claim/first.tsv:153 ../claim/rest.tsv:101)"
  grep -q 'Would update' ../fb-preview.log
}

@test "the README's line for crontab, and the CronJob as it is: both fill all rows, and keep their receipts" {
  needs_yaml
  service "$PGHOST"
  cd work
  mkdir receipts etc
  mv pg_service.conf etc
  line=$(crontab)
  eval "$(sed "s, fb-receipts:, $PWD/receipts:,; s, /etc/fb-backfill:, $PWD/etc:," <<< "$line")" > out 2>&1
  run -0 cat out
  assert_output ''
  run -0 diff ../expected <(state)
  run -0 ls receipts
  assert_output --regexp '^fb-receipts-[0-9TZ-]*\.tsv$'
  fb-backfill --quiet --no-receipts --undo "receipts/$output"
  assert_equal "$(state)" "$before"
  cp etc/pg_service.conf .
  kubectl create secret generic fb-backfill --from-file=pg_service.conf
  kubectl create job now --from=cronjob/fb-backfill --dry-run=client -o json | kubectl create -f -
  run -0 diff ../expected <(state)
  run -0 tail -n 2 ../now.log
  assert_line --partial 'Successfully updated 254 records in total'
  run -0 ls ../claim
  assert_output --regexp '^fb-receipts-[0-9TZ-]*\.tsv$'
}

# ---- process 1

# Runs fb-backfill as process 1, which the kernel keeps from signals that it does not handle, its own among them.
as_process_1() {
  local user=()
  export TMPDIR=$PWD   # the image has it beside the receipts, too
  requires unshare
  [ "$(id -u)" = 0 ] || user=(--user --map-root-user)
  unshare "${user[@]}" --pid --fork --mount-proc true || { [ -z "${CI-}" ] || fail 'no pid namespaces'; skip 'no pid namespaces'; }
  # In the background of a script SIGINT would be ignored.
  unshare "${user[@]}" --pid --fork --kill-child --mount-proc env --default-signal=INT fb-backfill "$@" 2> messages &
  unshare=$!
  # psql waits for a row of the fifth batch
  wait_until has_lines "$receipts" 41
  wait_until backends_waiting
  process=$(cat "/proc/$unshare/task/$unshare/children")
  process=${process% }
}

@test "as process 1 it ends the open batch at SIGTERM, SIGINT and SIGHUP, and its status tells the signal" {
  example_database
  remember
  for signal in TERM:143 INT:130 HUP:129; do
    receipts=$signal.tsv
    hold "SELECT 1 FROM feedback_answer WHERE id = $(nth answer 45) FOR UPDATE;"
    as_process_1 --quiet --batch-size 10 --lock-timeout 0 --receipts "$receipts"
    kill -s "${signal%:*}" "$process"
    wait_until grep -q "interrupted by SIG${signal%:*}: finishing the open batch" messages
    wait_until told_to_stop
    release
    status=0
    wait "$unshare" || status=$?
    assert_equal "$status" "${signal#*:}"
    assert_equal "$(grep -c ^updated "$receipts")" 50
    assert_agree 0 "$receipts"
    take_back
  done
}

@test "as process 1, killed, it takes psql along; beside the receipts are those of the last batch, and a second run goes on" {
  example_database
  remember
  receipts=r.tsv
  hold "SELECT 1 FROM feedback_answer WHERE id = $(nth answer 45) FOR UPDATE;"
  as_process_1 --quiet --batch-size 10 --lock-timeout 0 --receipts r.tsv
  kill -KILL "$process"
  wait "$unshare" 2> /dev/null || true   # its status is its own
  release
  # The server may find out only when it has done the batch, which then has no receipts.
  wait_until idle
  assert_agree 10 r.tsv
  run -0 cut -f 2- tmp.*/in-doubt.0
  [ "${#lines[@]}" = 10 ]
  assert_finishes
}
told_to_stop() { [ ! -e "$(echo tmp.*)/go-on" ]; }   # a file that psql looks for before each batch
idle() { [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'fb-backfill' AND datname = '$PGDATABASE'")" = 0 ]; }

# ---- the image

# The image, built by the Dockerfile's own steps: where nothing else is built, and once a run is over it is gone.
image() {
  requires debootstrap unshare
  [ "$(id -u)" = 0 ] || skip 'only root can build it'
  mkdir -p "$project/build/container"
  exec 7> "$project/build/container/lock"
  flock 7
  export IMAGES DEBS SOCKET=$PGHOST/.s.PGSQL.$PGPORT
  IMAGES=$(realpath "$project/build/container")/images DEBS=$(realpath "$project/build/container")/debs
  rm -rf "$IMAGES"
  mkdir -p "$IMAGES"
  docker() { python3 "$BATS_TEST_DIRNAME/docker.py" "$@"; }
}
teardown() {
  [ "${BATS_TEST_COMPLETED-}" ] || end_what_runs
  [ -z "${IMAGES-}" ] || rm -rf "$IMAGES"
}

# bats test_tags=server,slow
@test "the Dockerfile's steps build an image, in which the README's commands and a weekly run do what they say" {
  service /run/postgresql
  image
  commands | sed '/^kubectl /,$d' > commands.sh
  (cd "$project" && eval "$(grep '^docker build ' "$BATS_TEST_TMPDIR/commands.sh")") > build.log 2>&1 || fail "$(tail -n 50 build.log)"

  run -0 docker run --rm fb --version
  assert_output "$(fb-backfill --version)"
  # nothing was left that only the build needs
  root=$IMAGES/fb-fb
  for program in gcc make dh; do [ ! -e "$root/usr/bin/$program" ]; done
  run -0 chroot "$root" dpkg-query -W -f '${binary:Package}\n' fb postgresql-client
  run -0 find "$root/tmp" "$root/var/lib/apt/lists" -type f
  assert_output ''
  [ ! -e "$root/src" ]

  cd work
  with_checks < ../commands.sh | sed '/^docker build /d' > ../commands.fb
  [ "$(grep -c -e '^diff ' -e '^\[ ' ../commands.fb)" = 2 ]
  . ../commands.fb
  [ -z "$(find . ! -user "$(id -u)")" ]

  # The image's own user, as in the CronJob and in crontab; the password file of the service is readable by its group only.
  mkdir etc
  cp pg_service.conf etc
  chgrp 10001 etc/pg_service.conf
  chmod 440 etc/pg_service.conf
  eval "$(crontab | sed "s, /etc/fb-backfill:, $PWD/etc:,")" > out 2>&1
  run -0 cat out
  assert_output ''
  run -0 diff ../expected <(state)
  receipts=("$IMAGES"/volume-fb-receipts/*)
  assert_equal "$(stat -c '%u:%g %a' "${receipts[@]}")" '10001:10001 600'
  # it leaves nothing else there, and nothing else can be written to
  weekly=(docker run --rm -v "fb-receipts:$mount" -v "$PWD/etc:/etc/fb-backfill:ro" -e PGSERVICE=feedback fb --quiet)
  run -0 "${weekly[@]}" --undo "${receipts[0]##*/}" --receipts undone.tsv
  assert_output ''
  assert_equal "$(state)" "$before"
  run -2 "${weekly[@]}" --receipts /tmp/r.tsv
  assert_output --partial 'Read-only file system'
  run -0 ls -A "$IMAGES/volume-fb-receipts"
  assert_output "$(lines "${receipts[0]##*/}" undone.tsv)"
}
