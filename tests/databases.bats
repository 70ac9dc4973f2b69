# examples/several-databases.sh: three servers, of which one may fail.
load helper
load servers

setup_file() {
  for name in north south west; do begin_server $name; done
}
teardown_file() {
  for name in north south west; do end_server $name; done
}

several=$project/examples/several-databases.sh

# An example database on each of the servers, databases.tsv, and in NAME.expected what each should become.
setup() {
  cd "$BATS_TEST_TMPDIR"
  export HOME=$PWD   # parallel keeps files of its own there
  for name in north south west; do
    PGHOST=$(host_of $name)
    is_running $name || server $name start
    example_database
    oracle_state > $name.expected
    printf '%s\t%s\n' $name "host=$PGHOST port=$PGPORT dbname=$PGDATABASE" >> databases.tsv
  done
  unset PGHOST PGDATABASE
}

# Does something in one of them.
in_database() { # NAME COMMAND...
  local connection
  connection=$(awk -F '\t' -v name="$1" '$1 == name { print $2 }' databases.tsv)
  shift
  [[ $connection =~ host=(.*)\ port=.*\ dbname=(.*) ]]
  PGHOST=${BASH_REMATCH[1]} PGDATABASE=${BASH_REMATCH[2]} "$@"
}
all_state() { for name in north south west; do in_database $name state; done; }
assert_all_done() { for name in "$@"; do run -0 diff $name.expected <(in_database $name state); done; }

@test "a dry run, a run and an undo of it, with one summary of each" {
  before=$(all_state)
  run -0 "$several" --dry-run databases.tsv look
  assert_output "$(lines 'database\texit\tfound\tdone\tskipped\tfailed' \
    'north\t0\t254\t254\t0\t0' 'south\t0\t254\t254\t0\t0' 'west\t0\t254\t254\t0\t0' 'all\t0\t762\t762\t0\t0' | expand -t 24,32,40,48,56)"
  assert_equal "$(wc -l < look/south/plan.tsv)" 255
  assert_equal "$(all_state)" "$before"
  run -0 "$several" databases.tsv run --batch-size 50
  assert_all_done north south west
  assert_equal "$(tail -n 1 run/summary.tsv)" "$(lines 'all\t0\t762\t762\t0\t0')"
  assert_equal "$(cat run/*/receipts.tsv | grep -c ^updated)" 762
  run -0 "$several" --undo run databases.tsv back
  assert_equal "$(tail -n 1 back/summary.tsv)" "$(lines 'all\t0\t762\t762\t0\t0')"
  assert_equal "$(all_state)" "$before"
}

@test "one server stops half-way: the others finish, it is named, exit 2; run again it completes, and both runs are undone" {
  before=$(all_state)
  in_database south hold 'SELECT 1 FROM feedback_answer WHERE id = 354 FOR UPDATE;'
  "$several" databases.tsv run --batch-size 50 --lock-timeout 0 > out 2> err &
  pid=$!
  wait_until has_lines run/south/receipts.tsv 101
  in_database south wait_until backends_waiting
  server south stop -m immediate
  status=0; wait "$pid" || status=$?
  release || true
  server south start
  assert_equal "$status" 2
  assert_equal "$(cat run/summary.tsv)" "$(lines 'database\texit\tfound\tdone\tskipped\tfailed' \
    'north\t0\t254\t254\t0\t0' 'south\t2\t254\t100\t0\t0' 'west\t0\t254\t254\t0\t0' 'all\t2\t762\t608\t0\t0')"
  run -0 cat err
  assert_line 'several-databases.sh: south: exit status 2'
  assert_line 'south: fb-backfill: their receipts are in run/south/receipts.tsv'
  refute_output --regexp 'north|west'
  assert_all_done north west
  run -0 "$several" databases.tsv again
  assert_equal "$(grep -v database again/summary.tsv)" \
    "$(lines 'north\t0\t0\t0\t0\t0' 'south\t0\t154\t154\t0\t0' 'west\t0\t0\t0\t0\t0' 'all\t0\t154\t154\t0\t0')"
  assert_all_done north south west
  run -0 "$several" --undo again databases.tsv back
  run -0 "$several" --undo run databases.tsv back2
  assert_equal "$(all_state)" "$before"
}

@test "the exit status is the worst: 1 for a record that failed, 2 for a server that is not there; each is named" {
  in_database west sql "CREATE FUNCTION frozen() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN IF NEW.id = 101 THEN RAISE EXCEPTION ''record is frozen''; END IF; RETURN NEW; END';
    CREATE TRIGGER frozen BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION frozen()"
  run -1 --separate-stderr "$several" databases.tsv run
  assert_equal "$(tail -n 2 run/summary.tsv)" "$(lines 'west\t1\t254\t253\t0\t1' 'all\t1\t762\t761\t0\t1')"
  assert_equal "$stderr" "$(lines 'several-databases.sh: west: exit status 1' \
    'west: fb-report: standard input:2: answer 101 failed: P0001 record is frozen')"
  server north stop
  run -2 --separate-stderr "$several" databases.tsv again
  assert_equal "$(grep -v database again/summary.tsv)" \
    "$(lines 'north\t2\t-\t-\t-\t-' 'south\t0\t0\t0\t0\t0' 'west\t1\t1\t0\t0\t1' 'all\t2\t1+\t0+\t0+\t1+')"
  [[ $stderr == *'north: fb-backfill: the snapshot could not be taken: nothing was changed'* ]]
}

@test "Ctrl-C: each ends its batch, the summary is there, and the receipts are true" {
  all_set() { for name in north south west; do in_database $name sql 'SELECT count(*) FROM feedback_answer WHERE syllabus_id IS NOT NULL'; done | paste -s -d +; }
  before=$(($(all_set)))
  PARALLEL='--jobs 3' setsid env --default-signal "$several" databases.tsv run --model answer --batch-size 10 --pause 200 > out 2> err &
  pid=$!
  for name in north south west; do wait_until has_lines run/$name/receipts.tsv 21; done
  kill -INT -- "-$pid"
  status=0; wait "$pid" || status=$?
  assert_equal "$status" 2
  assert_equal "$(tail -n 1 run/summary.tsv)" "$(lines "all\t2\t603\t$(cat run/*/receipts.tsv | grep -c ^updated)\t0\t0")"
  for name in north south west; do grep -q "^$name: fb-backfill: their receipts are in run/$name/receipts.tsv" err; done
  assert_equal "$(cat run/*/receipts.tsv | grep -c ^updated)" "$(($(all_set) - before))"
  run -0 "$several" databases.tsv again
  assert_all_done north south west
}

@test "who is silent has not done it: exit 2" {
  mkdir path
  printf '#!/bin/sh\n' > path/fb-backfill
  chmod +x path/fb-backfill
  PATH=$PWD/path:$PATH run -2 "$several" databases.tsv run
  assert_line 'several-databases.sh: west: exit status 2'
}

@test "what cannot be meant is refused before anything is done" {
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

# A ssh whose other machines are the folder far: `ssh HOST [--] COMMAND` runs there, with nothing of the environment here.
ssh_to_far() {
  mkdir far path
  lines '#!/bin/sh' 'shift' '[ "$1" != -- ] || shift' \
    "cd $PWD/far && exec env -i HOME=$PWD/far SHELL=/bin/sh PATH=$PATH PGUSER=$PGUSER sh -c \"\$*\"" > path/ssh
  chmod +x path/ssh
  PATH=$PWD/path:$PATH
}

@test "over ssh, on other machines: the same, and plans and receipts come to here" {
  ssh_to_far
  before=$(all_state)
  in_database west sql "CREATE FUNCTION frozen() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN IF NEW.id = 101 THEN RAISE EXCEPTION ''record is frozen''; END IF; RETURN NEW; END';
    CREATE TRIGGER frozen BEFORE UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION frozen()"
  HOSTS=one,two run -1 "$several" databases.tsv run
  assert_line --partial 'west: fb-report: standard input:2: answer 101 failed: P0001 record is frozen'
  assert_equal "$(tail -n 1 run/summary.tsv)" "$(lines 'all\t1\t762\t761\t0\t1')"
  for name in north south west; do
    cmp run/$name/plan.tsv far/run/$name/plan.tsv
    cmp run/$name/receipts.tsv far/run/$name/receipts.tsv
  done
  assert_equal "$(cat run/*/receipts.tsv | grep -c ^updated)" 761
  rm -r far/run
  HOSTS=one,two run -0 "$several" --undo run databases.tsv back
  assert_equal "$(tail -n 1 back/summary.tsv)" "$(lines 'all\t0\t761\t761\t0\t0')"
  assert_equal "$(all_state)" "$before"
}
