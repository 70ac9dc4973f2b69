# Invalid command lines of each program.
load helper

# A usage error: exit 2, with only the reason and a reference to --help.
refuses() { # command line, reason
  run -2 --separate-stderr bash -c "$1"
  assert_output ''
  assert_equal "$stderr" "${1%% *}: $2
${1%% *}: see '${1%% *} --help'"
}

@test "fb-extract: --sql, --count and --limit cannot be combined with files" {
  for more in rows.tsv '--format csv' '--rejects r' '--null x' '--delimiter=,'; do
    refuses "fb-extract --sql $more" '--sql reads no input: it cannot be combined with a FILE or an option about input'
  done
  refuses 'fb-extract --count' '--count requires --sql, and cannot be combined with --limit or --after'
  refuses 'fb-extract --sql --count --after 1' '--count requires --sql, and cannot be combined with --limit or --after'
  refuses 'fb-extract --sql --count --limit 1' '--count requires --sql, and cannot be combined with --limit or --after'
  refuses 'fb-extract --limit 1' '--limit requires --sql; when reading files, use fb-resolve --limit'
}

@test "fb-resolve: --sql takes no file; everything else requires --cohorts" {
  for more in c.tsv '--cohorts c.tsv' '--limit 1' '--format csv' '--unresolved u'; do
    refuses "fb-resolve --sql $more" '--sql reads no input: it cannot be combined with a FILE or an option about input'
  done
  refuses 'fb-resolve --cohorts c.tsv --schema s' '--schema and --enable-row-security require --sql'
  refuses 'fb-resolve --sql --schema a --schema b' '--schema is given more than once'
  refuses 'fb-extract --sql --schema=' "--schema: '': empty name"
  refuses 'fb-extract --after 1' '--after requires --sql'
  refuses 'fb-extract --schema s' '--schema and --enable-row-security require --sql'
  refuses 'fb-extract --enable-row-security' '--schema and --enable-row-security require --sql'
  refuses 'fb-resolve' "--cohorts is required: the cohort dump, as written by 'fb-resolve --sql | psql -Xq'"
}


@test "unknown and ambiguous options, and arguments that are missing or not allowed" {
  for program in fb-extract fb-resolve fb-apply fb-report; do
    refuses "$program -x" "invalid option -- 'x'"
    refuses "$program --nonsense" "unrecognized option '--nonsense'"
    refuses "$program --nonsense=1" "unrecognized option '--nonsense=1'"
    refuses "$program --help=me" "option '--help' doesn't allow an argument"
  done
  refuses 'fb-extract --m=1' "option '--m=1' is ambiguous"
  refuses 'fb-apply --max 1' "option '--max' is ambiguous"
  refuses 'fb-report -smx' "invalid option -- 's'"
  refuses "fb-extract --model" "option '--model' requires an argument"
  refuses "fb-extract --forma" "option '--format' requires an argument"
  refuses "fb-resolve -f" "option requires an argument -- 'f'"
  # after an operand, which getopt_long moves, and after other letters
  refuses 'fb-resolve --sql candidates.tsv -f' "option requires an argument -- 'f'"
  refuses 'fb-apply a.tsv --undo b.tsv --pause' "option '--pause' requires an argument"
  refuses 'fb-report r.tsv -m' "option requires an argument -- 'm'"
  refuses 'fb-report -:m' "invalid option -- ':'"
}

@test "invalid models, formats and numbers" {
  for command in 'fb-extract' 'fb-report'; do
    for model in quiz Answer '' answers; do
      refuses "$command --model '$model'" "--model: unknown model '$model' (known: answer, review)"
    done
  done
  for command in 'fb-extract' 'fb-resolve'; do
    for format in tsv CSV ''; do
      refuses "$command --format '$format'" "--format: invalid value '$format' (expected text or csv)"
    done
  done
  for number in 0 -1 2147483648 9223372036854775808 1k ''; do
    refuses "fb-apply --batch-size '$number'" "--batch-size: invalid number '$number' (expected 1 to 2147483647)"
  done
}

@test "--limit accepts any bigint from 0" {
  for limit in 2147483648 9223372036854775807; do
    run -0 fb-extract --sql --limit $limit
    assert_line --partial "LIMIT $limit"
  done
  run -0 fb-resolve --cohorts <(lines 'cohort_id\tcohort\tsyllabus_id\tsyllabus' '7\tc\t1\ts') --limit 9223372036854775807 \
    <(lines 'model\tid\tcohort_id' 'answer\t1\t7')
  assert_line "$(lines 'answer\t1\t7\tc\t1\ts')"
  for command in 'fb-extract --sql' 'fb-resolve --cohorts c.tsv'; do
    refuses "$command --limit 9223372036854775808" \
      "--limit: invalid number '9223372036854775808' (expected 0 to 9223372036854775807)"
  done
}

@test "--max-failures takes a number or a percentage" {
  for max in '' % -1 -1% 101% 1.5 5%% 2147483648 x; do
    refuses "fb-apply --max-failures '$max'" "--max-failures: invalid number '$max' (expected 0 to 2147483647, or 0% to 100%)"
  done
}

@test "--format overrides what the header shows" {
  lines 'id\tcohort_id\tsyllabus_id' '1\t7\t\\N' > rows.tsv
  run -0 fb-extract --model answer --format text rows.tsv
  assert_output "$(lines 'model\tid\tcohort_id' 'answer\t1\t7')"
  lines '"a\tb",id,cohort_id,syllabus_id' ',1,7,' > rows.csv   # a TAB would make it text
  run -0 fb-extract --model answer --format csv rows.csv
  assert_output "$(lines 'model\tid\tcohort_id' 'answer\t1\t7')"
  lines 'model\tid\tcohort_id' 'answer\t1\t7' > candidates.tsv
  lines 'cohort_id\tcohort\tsyllabus_id\tsyllabus' '7\tc\t1\ts' > cohorts.tsv
  run -0 fb-resolve --format text --cohorts cohorts.tsv candidates.tsv
  assert_line --index 1 "$(lines 'answer\t1\t7\tc\t1\ts')"
  for header in '' '\t' ','; do
    printf "$header\\n" > rows
    for format in text csv; do
      run -2 fb-extract --format $format rows
      assert_output 'fb-extract: rows:1: column model is missing; name the model with --model NAME'
    done
  done
}
