# --log: the files that every run leaves, so that it can be looked up and undone by name.
# bats file_tags=server
load helper

# The names in the log, without the time at their beginning, which must be the same for all.
kinds() { ls log | sed -E 's/^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]-[0-5][0-9]-[0-6][0-9]Z(\.[0-9]+)?-//'; }
of_log() { jq -c "$1" log/*-summary.json; } # jq's filter

@test "a run leaves plan, receipts and summary, and by its name is taken back; so is the undo logged" {
  sample_database
  before=$(state)
  run -0 --separate-stderr fb-backfill --log log
  run -0 diff "$BATS_TEST_DIRNAME/original/run.txt" - <<< "$output"
  run -0 kinds
  assert_output "$(lines plan.tsv receipts.tsv summary.json)"
  assert_equal "$(stat -c %a log)" 700
  assert_equal "$(of_log '[.action, .status, .total, .plan, .receipts]')" "[\"run\",0,7,\"$PWD/$(ls log/*-plan.tsv)\",[\"$PWD/$(ls log/*-receipts.tsv)\"]]"
  run -0 fb-backfill --undo log/*-receipts.tsv --log log --quiet
  assert_output ''
  assert_equal "$(state)" "$before"
  run -0 kinds
  assert_output "$(lines plan.tsv receipts.tsv summary.json receipts.tsv summary.json)"
  assert_equal "$(of_log '[.action, .total, .undone != []]')" "$(lines '["run",7,false]' '["undo",7,true]')"
  assert_equal "$(cat log/*-receipts.tsv | grep -c ^reverted)" 7
}

@test "a dry run leaves no receipts, and its plan can be applied, which leaves both" {
  sample_database
  fb-backfill --dry-run --log log --json > object
  run -0 kinds
  assert_output "$(lines plan.tsv summary.json)"
  run -0 cmp object log/*-summary.json
  assert_equal "$(of_log .plan)" "\"$PWD/$(ls log/*-plan.tsv)\""
  fb-backfill --apply log/*-plan.tsv --log log --jobs 2 > /dev/null
  run -0 kinds
  assert_output "$(lines plan.tsv summary.json receipts.tsv summary.json)"
  assert_equal "$(grep -c ^updated log/*-receipts.tsv)" 7
  fb-backfill --apply - --log log < <(cat log/*-plan.tsv | head -n 3) > /dev/null
  assert_equal "$(of_log '[.action, .total, .skipped, (.receipts | length)]' | tail -n 1)" '["apply",0,2,1]'
}

@test "runs that begin in the same second have different names" {
  sample_database
  mkdir bin log
  printf '#!/bin/sh\necho 2026-11-24T23:10:05Z\n' > bin/date && chmod +x bin/date
  touch log/2026-11-24T23-10-05Z.{2..9}-summary.json   # of other runs
  for n in 1 2; do PATH=$PWD/bin:$PATH fb-backfill --limit 1 --model answer --quiet --log log; done
  run -0 ls log
  assert_equal "${#lines[@]}" 14
  assert_line --index 0 2026-11-24T23-10-05Z-plan.tsv
  assert_line --index 1 2026-11-24T23-10-05Z-receipts.tsv
  assert_line 2026-11-24T23-10-05Z.10-receipts.tsv
  assert_equal "$(cat log/*-receipts.tsv | grep -c ^updated)" 2
  # at once, too
  rm -r log
  pids=()
  for n in {1..4}; do PATH=$PWD/bin:$PATH fb-backfill --quiet --log log & pids+=($!); done
  wait "${pids[@]}"
  assert_equal "$(ls log | wc -l)" 12
  assert_equal "$(of_log .status | sort | uniq -c | tr -d ' ')" 40
}

@test "an interrupted run leaves its receipts, and a summary that says so" {
  sample_database
  for more in '' '--jobs 2' '--plan p.tsv'; do
    rm -rf log
    hold 'SELECT FROM feedback_review WHERE id = 2 FOR UPDATE;'
    # shellcheck disable=SC2086
    setsid env --default-signal fb-backfill --batch-size 1 --lock-timeout 0 --log log $more > /dev/null 2> err &
    pid=$!
    wait_until backends_waiting
    kill -TERM "$pid"
    release
    wait "$pid" || true
    run -0 cat err
    assert_line --partial "; receipts in $PWD/$(ls log/*-receipts.tsv)"
    assert_equal "$(of_log '[.status, .error]')" '[2,"interrupted by SIGTERM"]'
    cat log/*-receipts.tsv* | grep '^updated' | sort -u > updated
    assert_equal "$(of_log .total)" "$(wc -l < updated)"
    [ -s updated ]
    # they are those of the rows
    assert_equal "$(cut -f 2-3,6 updated | sort)" \
      "$(sql "COPY (SELECT 'answer', id, syllabus_id FROM feedback_answer WHERE syllabus_id IS NOT NULL AND id <> 8
              UNION ALL SELECT 'review', id, syllabus_id FROM feedback_review WHERE syllabus_id IS NOT NULL AND id <> 4) TO STDOUT" | sort)"
    sql 'UPDATE feedback_answer SET syllabus_id = NULL WHERE id <> 8; UPDATE feedback_review SET syllabus_id = NULL WHERE id <> 4'
  done
}

@test "a run that ends before anything is changed has only a summary" {
  sample_database
  run -2 fb-backfill --log log --table answer=nowhere
  run -2 fb-backfill --log log --undo nowhere
  run -0 kinds
  assert_output "$(lines summary.json summary.json)"
  assert_equal "$(of_log .status)" "$(lines 2 2)"
}

@test "if the log cannot be written, nothing is changed" {
  sample_database
  before=$(state)
  : > file
  for dir in file file/log /dev/null/x /proc/log /proc; do
    run -2 fb-backfill --log "$dir"
    assert_output --regexp "^fb-backfill: $dir(/20.*-summary.json)?: .*: nothing was changed$"
  done
  run -2 fb-backfill --log ''
  assert_output --partial '--log: empty file name'
  run -2 fb-backfill --check --log log
  assert_output --partial '--log cannot be combined with --check'
  [ ! -e log ]
  assert_equal "$(state)" "$before"
}

@test "a log that cannot be written at the end: exit 2, and what is committed is reported" {
  sample_database
  # as soon as it is complete
  printf '#!/bin/sh\ncase $* in *--preflight*) ;; *) rm -r log ;; esac\nexec %s "$@"\n' "$project/bin/fb-apply" > apply
  mkdir bin && cp "$project"/bin/fb-* bin && install -m 755 apply bin/fb-apply
  run -2 --separate-stderr bin/fb-backfill --log log
  [[ $stderr == *'-summary.json: No such file or directory'* ]] || { echo "$stderr"; false; }
}

@test "a log whose name is odd" {
  sample_database
  for name in '-x' 'a b=c' $'q"\n' 'nested/deeper'; do
    fb-backfill --limit 1 --model answer --quiet --jobs 2 --log "$name"
    [ "$(ls -- "$name" | wc -l)" = 3 ]
    [ -f "$(jq -j '.receipts[0]' -- "./$name"/*-summary.json)" ]
  done
}
