# The files of a run, --plan, --receipts and --log: new, owned by the operator, locked, and never written through anything
# that others have planted.
# bats file_tags=server
load helper

@test "files of a run are of mode 0600, whatever the umask" {
  sample_database
  umask 000
  fb-backfill --plan p.tsv --receipts r.tsv --jobs 2 --quiet
  fb-backfill --undo r.tsv --log log --quiet
  run -0 find . -type f ! -perm 600
  assert_output ''
  assert_equal "$(find . -type f | wc -l)" 4
}

@test "two runs with the same --receipts: the second is refused before anything is done, and the first keeps them all" {
  sample_database
  hold 'SELECT 1 FROM feedback_review WHERE id = 1 FOR UPDATE;'
  fb-backfill --lock-timeout 0 --batch-size 2 --receipts r.tsv --quiet &
  first=$!
  wait_until backends_waiting
  lines 'model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus' > empty.tsv
  for options in '' '--jobs 2' '--apply empty.tsv'; do
    # shellcheck disable=SC2086
    run -2 fb-backfill $options --receipts r.tsv
    assert_output --partial 'r.tsv: another run is writing it: nothing was changed'
  done
  release
  wait "$first"
  assert_equal "$(grep -c ^updated r.tsv)" 7
  run -0 bash -c 'ls r.tsv*'
  assert_output r.tsv
}

@test "two runs that begin at once never share receipts, and each updated row has one" {
  sample_database
  sql "INSERT INTO feedback_answer (id, cohort_id) SELECT 100 + n, 1 FROM generate_series(1, 300) AS n"
  pids=()
  for n in 1 2 3 4; do fb-backfill --batch-size 10 --receipts r.tsv --quiet 2> "err.$n" & pids+=($!); done
  for pid in "${pids[@]}"; do wait "$pid" || [ $? = 2 ]; done
  run -0 sql 'SELECT (SELECT count(*) FROM feedback_answer WHERE syllabus_id IS NOT NULL AND id <> 8) + (SELECT count(*) FROM feedback_review WHERE syllabus_id IS NOT NULL AND id <> 4)'
  assert_output 307
  assert_equal "$(cat r.tsv* | grep -c ^updated)" 307
}

@test "a link is not written through, and its target is not changed" {
  sample_database
  before=$(state)
  echo precious > precious
  for where in precious missing; do
    ln -sf "$where" r.tsv
    run -2 fb-backfill --receipts r.tsv
    assert_output 'fb-backfill: r.tsv: is a symbolic link, which is not followed: nothing was changed'
    run -2 fb-backfill --dry-run --plan r.tsv
    assert_line 'fb-backfill: r.tsv: is a symbolic link, which is not followed: nothing was changed'
    rm r.tsv
    ln -s "$where" r.tsv.2
    run -2 fb-backfill --receipts r.tsv --jobs 2
    assert_line 'fb-backfill: r.tsv.2: is a symbolic link, which is not followed: nothing was changed'
    rm -f r.tsv*
  done
  assert_equal "$(cat precious)" precious
  assert_equal "$(state)" "$before"
  [ ! -e missing ]
}

@test "the log avoids names that already exist as links, pipes or files" {
  sample_database
  mkdir bin log
  printf '#!/bin/sh\necho 2026-11-24T23:10:05Z\n' > bin/date && chmod +x bin/date
  at_that_time() { PATH=$PWD/bin:$PATH "$@"; }
  echo precious > precious
  name=log/2026-11-24T23-10-05Z
  ln -s "$PWD/precious" $name-summary.json
  mkfifo $name.2-summary.json
  run -0 at_that_time fb-backfill --dry-run --quiet --log log
  [ -s $name.3-summary.json ]
  # something with the names of its other files
  ln -s "$PWD/precious" $name.4-plan.tsv
  run -2 at_that_time fb-backfill --dry-run --quiet --log log
  assert_output --partial "$name.4-plan.tsv: is a symbolic link"
  mkfifo $name.5-receipts.tsv
  run -2 at_that_time fb-backfill --quiet --log log
  assert_output --partial "$name.5-receipts.tsv: is not a regular file, so it cannot keep receipts"
  assert_equal "$(cat precious)" precious
  run -1 fb-backfill --check
}

@test "a log folder that others can write to is refused" {
  sample_database
  before=$(state)
  mkdir log
  for mode in 777 770 1777; do
    chmod $mode log
    run -2 fb-backfill --log log
    assert_output 'fb-backfill: log: others can write to this directory, so it cannot keep the log: nothing was changed'
  done
  if [ "$(id -u)" = 0 ]; then
    chmod 755 log
    chown "$(server_owner)" log
    run -2 fb-backfill --log log
    assert_output 'fb-backfill: log: others can write to this directory, so it cannot keep the log: nothing was changed'
  fi
  run -0 ls -A log
  assert_output ''
  assert_equal "$(state)" "$before"
}
server_owner() { stat -c %U "$PGHOST/data"; }

@test "earlier receipts are renamed, and the message says to what; an empty file is replaced" {
  sample_database
  fb-backfill --receipts r.tsv --quiet
  cp r.tsv first.tsv
  run -0 fb-backfill --receipts r.tsv --quiet
  assert_output 'fb-backfill: r.tsv: earlier receipts renamed to r.tsv.~1~'
  run -0 cmp first.tsv r.tsv.~1~
  run -0 fb-backfill --receipts r.tsv --quiet
  assert_output 'fb-backfill: r.tsv: earlier receipts renamed to r.tsv.~2~'
  : > empty.tsv
  run -0 fb-backfill --receipts empty.tsv --quiet
  assert_output ''
}

@test "receipts of which not even the header was written are not kept, so that --undo can read all that are" {
  sample_database
  mkdir path
  printf '%s\n' '#!/bin/bash' 'case $* in *in_doubt=*) echo "psql: error: too many clients" >&2; exit 2 ;; esac' "exec $(command -v psql) \"\$@\"" > path/psql
  chmod +x path/psql
  for options in '' '--jobs 2' '--receipts r.tsv'; do
    PATH=$PWD/path:$PATH run -2 --separate-stderr fb-backfill $options
    assert_equal "$(uniq <<< "$stderr")" "psql: error: too many clients
fb-backfill: 0 of 7 records are committed in $PGDATABASE on $PGHOST:$PGPORT as $PGUSER; no batch was partly applied; run the same command again to continue"
    assert_equal "$(find . -name '*.tsv*')" ''
  done
}

@test "a run that does nothing leaves no file of receipts, unless it was asked for one" {
  sample_database
  fb-backfill --receipts r.tsv --quiet
  fb-backfill --undo r.tsv --receipts u.tsv --quiet
  run -0 --separate-stderr fb-backfill --undo u.tsv
  refute [ "${stderr#*receipts in}" != "$stderr" ]
  lines 'model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus' 'quiz\t1\t1\ta\t10\tx' > p.tsv
  run -1 fb-backfill --apply p.tsv
  assert_equal "$(echo fb-receipts*)" 'fb-receipts*'
  run -1 fb-backfill --apply p.tsv --receipts none.tsv
  assert_equal "$(wc -l < none.tsv)" 1
}

@test "a file of a job that cannot be made: nothing is changed, and the others are not left" {
  sample_database
  mkdir r.tsv.2
  run -2 fb-backfill --jobs 2 --receipts r.tsv
  assert_output 'fb-backfill: r.tsv.2: is not a regular file, so it cannot keep receipts: nothing was changed'
  assert_equal "$(ls)" r.tsv.2
}

@test "standard output keeps no receipts and no log; CDPATH is of no account" {
  sample_database
  for option in --receipts --log; do
    run -2 fb-backfill $option -
    assert_line "fb-backfill: $option: standard output cannot be used"
  done
  mkdir -m 777 elsewhere elsewhere/runs
  CDPATH=$PWD/elsewhere run -0 fb-backfill --log runs --quiet
  assert_output ''
  [ "$(ls runs | wc -l)" = 3 ]
}
