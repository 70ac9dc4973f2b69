# examples/several-databases.sh, on two databases of the suite's server.
load helper

several=$project/examples/several-databases.sh

setup() {
  cd "$BATS_TEST_TMPDIR"
  export HOME=$PWD   # parallel keeps its own files there
}

@test "a program that exits without output has not succeeded: exit 2" {
  mkdir path
  printf '#!/bin/sh\n' > path/fb-backfill
  chmod +x path/fb-backfill
  lines 'north\tdbname=x' 'south\tdbname=y' > databases.tsv
  PATH=$PWD/path:$PATH run -2 "$several" databases.tsv run
  assert_line 'several-databases.sh: north: exit status 2'
  assert_line 'several-databases.sh: south: exit status 2'
}

@test "invalid command lines and lists are refused before anything is done" {
  lines 'north\tdbname=x' > databases.tsv
  run -2 "$several" databases.tsv
  assert_output --partial 'usage: several-databases.sh'
  run -2 "$several" --undo nowhere databases.tsv back
  assert_output 'several-databases.sh: nowhere: no such folder'
  run -2 "$several" databases.tsv 'a b'
  assert_output --partial 'may have letters'
  for text in '' 'north' 'no/rth\tdbname=x' 'north\tdbname=x\tmore' 'north\tdbname=x\nnorth\tdbname=y' '../up\tdbname=x' '-n\tdbname=x'; do
    printf '%b' "$text" > list
    run -2 "$several" list run
    assert_line --partial 'list: cannot be used'
  done
  mkdir path run
  printf '#!/bin/sh\necho parallel from moreutils\n' > path/parallel
  chmod +x path/parallel
  PATH=$PWD/path:$PATH run -2 "$several" databases.tsv new
  assert_output 'several-databases.sh: GNU parallel and jq are needed'
  [ ! -e new ]
  run -2 "$several" databases.tsv run
  assert_line --partial 'each run needs a new folder'
}

@test "parallel does not detect processors, which fails without /sys; PARALLEL takes precedence" {
  mkdir path
  printf '#!/bin/sh\necho looked >> runs\n' > path/lscpu
  printf '#!/bin/sh\necho begins >> runs; sleep 0.2; echo ends >> runs\n' > path/fb-backfill
  chmod +x path/*
  lines 'north\tdbname=x' 'south\tdbname=y' > databases.tsv
  PATH=$PWD/path:$PATH run -2 "$several" databases.tsv run
  run -0 sort -u runs
  assert_output "$(lines begins ends)"
  rm runs
  PATH=$PWD/path:$PATH PARALLEL='--jobs 1' run -2 "$several" databases.tsv one-by-one
  run -0 cat runs
  assert_output "$(lines begins ends begins ends)"
}

# ---- two example databases, listed in databases.tsv
# bats file_tags=server

databases() {
  local name
  for name in north south; do
    example_database
    lines "$name\thost=$PGHOST port=$PGPORT dbname=$PGDATABASE" >> databases.tsv
  done
  oracle_state > expected   # of both
  unset PGDATABASE
}

# Runs a command in one of them.
in_database() { # NAME COMMAND...
  local database
  database=$(sed -n "s/^$1\t.* dbname=//p" databases.tsv)
  PGDATABASE=$database "${@:2}"
}
all_state() { in_database north state; in_database south state; }
assert_done() { local name; for name in "$@"; do run -0 diff expected <(in_database "$name" state); done; }
freeze_one() {
  sql "CREATE FUNCTION frozen() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN IF NEW.id = 101 THEN RAISE EXCEPTION ''record is frozen''; END IF; RETURN NEW; END';
    CREATE TRIGGER frozen BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION frozen()"
}

@test "a dry run, a run and an undo of it, with one summary of each" {
  databases
  before=$(all_state)
  run -0 "$several" --dry-run databases.tsv look
  assert_output "$(lines 'database\texit\tfound\tdone\tskipped\tfailed' \
    'north\t0\t254\t254\t0\t0' 'south\t0\t254\t254\t0\t0' 'all\t0\t508\t508\t0\t0' | expand -t 24,32,40,48,56)"
  assert_equal "$(wc -l < look/south/plan.tsv)" 255
  assert_equal "$(all_state)" "$before"
  run -0 "$several" databases.tsv run --batch-size 50
  assert_done north south
  assert_equal "$(tail -n 1 run/summary.tsv)" "$(lines 'all\t0\t508\t508\t0\t0')"
  assert_equal "$(cat run/*/receipts.tsv | grep -c ^updated)" 508
  run -0 "$several" --undo run databases.tsv back
  assert_equal "$(tail -n 1 back/summary.tsv)" "$(lines 'all\t0\t508\t508\t0\t0')"
  assert_equal "$(all_state)" "$before"
}

@test "the exit status is the worst: 1 for a failed record, 2 for an unreachable server; each is named" {
  databases
  in_database south freeze_one
  run -1 --separate-stderr "$several" databases.tsv run
  assert_equal "$(tail -n 2 run/summary.tsv)" "$(lines 'south\t1\t254\t253\t0\t1' 'all\t1\t508\t507\t0\t1')"
  assert_equal "$stderr" "$(lines 'several-databases.sh: south: exit status 1' \
    'south: fb-report: run/south/receipts.tsv:2: answer 101 failed: P0001 record is frozen')"
  sed 's/^north\t.*/north\thost=\/nowhere/' databases.tsv > gone.tsv
  run -2 --separate-stderr "$several" gone.tsv again
  assert_equal "$(grep -v database again/summary.tsv)" \
    "$(lines 'north\t2\t-\t-\t-\t-' 'south\t1\t1\t0\t0\t1' 'all\t2\t1+\t0+\t0+\t1+')"
  [[ $stderr == *'north: fb-backfill: nothing was changed'* ]]
  # where nothing was done, nothing is taken back; the list may be a pipe
  run -0 "$several" --undo again <(cat databases.tsv) back
  assert_equal "$(grep -v database back/summary.tsv)" "$(lines 'north\t0\t0\t0\t0\t0' 'south\t0\t0\t0\t0\t0' 'all\t0\t0\t0\t0\t0')"
  assert_equal "$(stat -c %a back back/south back/command)" "$(lines 700 700 600)"
}

# bats test_tags=slow
@test "one stops half-way: the other finishes, it is named, exit 2; run again it completes, and both runs are undone" {
  databases
  before=$(all_state)
  in_database south hold 'SELECT 1 FROM feedback_answer WHERE id = 354 FOR UPDATE;'
  "$several" databases.tsv run --batch-size 50 --lock-timeout 0 > out 2> err &
  pid=$!
  in_database south wait_until backends_waiting
  in_database south sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
  status=0; wait "$pid" || status=$?
  release
  assert_equal "$status" 2
  assert_equal "$(cat run/summary.tsv)" "$(lines 'database\texit\tfound\tdone\tskipped\tfailed' \
    'north\t0\t254\t254\t0\t0' 'south\t2\t254\t100\t0\t0' 'all\t2\t508\t354\t0\t0')"
  run -0 cat err
  assert_line 'several-databases.sh: south: exit status 2'
  assert_line --partial "; receipts in $PWD/run/south/receipts.tsv; take them back with: fb-backfill "
  refute_output --partial north
  assert_done north
  run -0 "$several" databases.tsv again
  assert_equal "$(grep -v database again/summary.tsv)" \
    "$(lines 'north\t0\t0\t0\t0\t0' 'south\t0\t154\t154\t0\t0' 'all\t0\t154\t154\t0\t0')"
  assert_done north south
  run -0 "$several" --undo again databases.tsv back
  run -0 "$several" --undo run databases.tsv back2
  assert_equal "$(all_state)" "$before"
}

# bats test_tags=slow
@test "Ctrl-C: each finishes its batch, the summary is printed, and the receipts are true" {
  databases
  set_in() { in_database "$1" sql 'SELECT count(*) FROM feedback_answer WHERE syllabus_id IS NOT NULL'; }
  before=$(($(set_in north) + $(set_in south)))
  # each waits for a row that a session of ours holds
  mkfifo south.in
  in_database south psql -Xq < south.in > south.out & south=$!
  exec 5> south.in
  lock='SELECT 1 FROM feedback_answer WHERE id = 354 FOR UPDATE;'
  printf '%s\n' 'BEGIN;' "$lock" '\echo held' >&5
  in_database north hold "$lock"
  wait_until grep -q held south.out
  PARALLEL='--jobs 2' setsid env --default-signal "$several" databases.tsv run --model answer --batch-size 10 --lock-timeout 0 > out 2> err &
  pid=$!
  for name in north south; do in_database $name wait_until backends_waiting; done
  kill -INT -- "-$pid"
  echo '\q' >&5
  exec 5>&-
  release
  status=0; wait "$pid" || status=$?
  wait "$south"
  assert_equal "$status" 2
  updated=$(cat run/*/receipts.tsv | grep -c ^updated)
  assert_equal "$(tail -n 1 run/summary.tsv)" "$(lines "all\t2\t402\t$updated\t0\t0")"
  for name in north south; do grep -q "^$name: fb-backfill: .*; receipts in $PWD/run/$name/receipts.tsv; take them back with: fb-backfill " err; done
  assert_equal "$updated" "$(($(set_in north) + $(set_in south) - before))"
  run -0 "$several" databases.tsv again
  assert_done north south
}

# An ssh for which every other machine is the folder far: `ssh HOST [--] COMMAND` runs there, without our environment.
ssh_to_far() {
  mkdir far path
  lines '#!/bin/sh' 'shift' '[ "$1" != -- ] || shift' \
    "cd $PWD/far && exec env -i HOME=$PWD/far SHELL=/bin/sh PATH=$PATH PGUSER=$PGUSER sh -c \"\$*\"" > path/ssh
  chmod +x path/ssh
  PATH=$PWD/path:$PATH
}

@test "options are passed to fb-backfill unchanged, and nothing shown acts on the terminal" {
  lines 'north\thost=nowhere' > databases.tsv
  for option in '{}' '{1}' '{= system "touch pwned" =}' '$(touch pwned)' "it's" $'\e[2J'; do
    run -2 --separate-stderr "$several" databases.tsv "run$((++n))" --model "$option"
    [[ $stderr == *"fb-backfill: --model: unknown model '${option//$'\e'/\\x1b}' (known: "* ]] || fail "$stderr"
  done
  [ ! -e pwned ]
}

# bats test_tags=slow
@test "over ssh, on other machines: the same, and plans and receipts are copied back" {
  requires rsync
  databases
  ssh_to_far
  before=$(all_state)
  in_database south freeze_one
  HOSTS=one,two run -1 "$several" databases.tsv run
  assert_line --partial 'south: fb-report: run/south/receipts.tsv:2: answer 101 failed: P0001 record is frozen'
  assert_equal "$(tail -n 1 run/summary.tsv)" "$(lines 'all\t1\t508\t507\t0\t1')"
  for name in north south; do
    cmp run/$name/plan.tsv far/run/$name/plan.tsv
    cmp run/$name/receipts.tsv far/run/$name/receipts.tsv
  done
  assert_equal "$(cat run/*/receipts.tsv | grep -c ^updated)" 507
  rm -r far/run
  HOSTS=one,two run -0 "$several" --undo run databases.tsv back
  assert_equal "$(tail -n 1 back/summary.tsv)" "$(lines 'all\t0\t507\t507\t0\t0')"
  assert_equal "$(all_state)" "$before"
}
