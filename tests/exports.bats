# Rows as other programs export them, in exports/. The manual's table has the options for each.
load helper

exports=$BATS_TEST_DIRNAME/exports

@test "each export is read with the options in fb-records(5)" {
  n=0
  while read -r file options; do
    eval "options=($options)"
    run -0 --separate-stderr fb-extract --model answer "${options[@]}" "$exports/$file"
    assert_output "$(lines 'model\tid\tcohort_id' 'answer\t1\t7')"
    assert_equal "$stderr" ''
    n=$((n + 1))
  done < <(sed -n 's/^\.\\" export: //p' "$project/man/fb-records.5")
  assert_equal "$n" "$(ls "$exports" | wc -l)"
}

@test "without these options, the message gives them, and with them the file is read" {
  for file in azure-data-studio.csv everything-quoted.csv dbeaver.csv mysql-outfile.csv pandas-nan.csv python.csv sqlite3.tsv mysql-batch.tsv \
    miller.csv; do
    run -1 --separate-stderr fb-extract --model answer "$exports/$file"
    [[ $stderr == *'(if this means NULL, use --null '?*')'* || $stderr == *"(Miller quotes COPY's NULL; use --null \"'\\N'\")"* ]] ||
      fail "$file: $stderr"
    assert_equal "$(grep -c -e --null <<< "$stderr")" 1
    stderr=${stderr%%$'\n'*}
    stderr=${stderr##* use }
    eval "options=(${stderr%)})"
    run -0 --separate-stderr fb-extract --model answer "${options[@]}" "$exports/$file"
    assert_output "$(lines 'model\tid\tcohort_id' 'answer\t1\t7')"
  done
  lines 'id,cohort_id,syllabus_id' '1.0,7,' '2.0,7,' '1.23E+05,7,' '1.2e5,7,' '"1,234",7,' 'x,7,' > odd.csv
  run -1 --separate-stderr fb-extract --model answer odd.csv
  assert_equal "$(grep -c 'it has a decimal point' <<< "$stderr")" 1
  assert_equal "$(grep -c 'a spreadsheet wrote it this way' <<< "$stderr")" 1
  assert_equal "$(grep -c 'thousands separators' <<< "$stderr")" 1
  lines 'id,cohort_id,syllabus_id' '12e5x,7,' '12.5x,7,' '"12,5x",7,' > odd.csv
  run -1 --separate-stderr fb-extract --model answer odd.csv
  refute grep -q '(' <<< "$stderr"
}

@test "--delimiter and --null also apply to a cohort dump; an invalid delimiter is a usage error" {
  lines 'cohort_id|cohort|syllabus_id|syllabus' '7|lima|12|"w|eb"' '8|quito|-|-' '10|a|1|b' > dump.csv
  lines 'model\tid\tcohort_id' 'answer\t1\t7' 'answer\t2\t8' 'answer\t3\t10' > candidates.tsv
  run -0 --separate-stderr fb-resolve --delimiter '|' --null - --null '' --cohorts dump.csv candidates.tsv
  assert_output "$(lines 'model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus' 'answer\t1\t7\tlima\t12\tw|eb' 'answer\t3\t10\ta\t1\tb')"
  assert_equal "$stderr" ''
  for delimiter in '' ab '"' '\' é $'\xe9' $'\n'; do run -2 fb-extract --delimiter "$delimiter" dump.csv; done
  for program in 'fb-extract' 'fb-resolve --cohorts dump.csv'; do
    run -2 $program --format text --delimiter ,
    assert_output --partial '--delimiter cannot be combined with --format text'
  done
  for options in '--delimiter ,' '--null x' '--format csv'; do run -2 fb-extract --sql $options; run -2 fb-resolve --sql $options; done
  # a TAB can separate CSV
  lines 'id\tcohort_id\tsyllabus_id' '1\t"7"\t' > tabs.csv
  run -0 fb-extract --model answer --delimiter $'\t' tabs.csv
  assert_line "$(lines 'answer\t1\t7')"
  run -0 fb-extract --model answer --format csv "$exports/excel-semicolons.csv"
  # options take precedence over the file
  run -2 fb-extract --model answer --delimiter , <(lines 'sep=;' 'id;cohort_id;syllabus_id')
  assert_output --partial "the header has 'sep=;'"
  printf 'sep=;\n' > only.csv
  run -2 fb-extract --model answer only.csv
  assert_output 'fb-extract: only.csv: no header after the first line'
}

@test "text with CRLF: on all lines or none, as for COPY FROM" {
  run -0 fb-extract --model answer "$exports/copy-on-windows.tsv"
  printf 'id\tcohort_id\tsyllabus_id\tx\r\n1\t7\t\\N\ta\\tb\r\n2\t7\t\\N\ta\n3\t7\t\\N\ta\\tb\n\n4\t7\t\\N\ta\rb\r\n5\t7\t\\N\ta\r\n' > rows.tsv
  run -1 --separate-stderr fb-extract --model answer rows.tsv
  assert_output "$(lines 'model\tid\tcohort_id' 'answer\t1\t7' 'answer\t5\t7')"
  end='record ends with a newline, but the header with carriage return and newline'
  assert_equal "$(head -n 3 <<< "$stderr")" "$(lines "fb-extract: rows.tsv:3: $end" "fb-extract: rows.tsv:4: $end" "fb-extract: rows.tsv:5: $end")"
  # also for our own files
  make_crlf() { sed 's/$/\r/'; }
  lines 'model\tid\tcohort_id' 'answer\t1\t7' | make_crlf > candidates.tsv
  lines 'cohort_id\tcohort\tsyllabus_id\tsyllabus' '7\tlima\t12\tweb' | make_crlf > dump.tsv
  run -0 fb-resolve --cohorts dump.tsv candidates.tsv
  assert_line "$(lines 'answer\t1\t7\tlima\t12\tweb')"
}

@test "without a model column, a file's columns may be named as in the model's table" {
  printf 'id,nid,cohort_id,syllabus_id\n5,900,7,\n' > rows.csv
  run -0 fb-extract --table note=notes:nid,cohort_id,syllabus_id --model note rows.csv
  assert_line "$(lines 'note\t900\t7')"
  run -0 fb-extract --table 'note=notes:"n ""id""",Cohort,course' --model note <(lines '"n ""id""",cohort,course' '1,7,')
  assert_line "$(lines 'note\t1\t7')"
  # the standard names if the model's own are missing; only those if there is a model column
  run -0 fb-extract --table note=notes:nid,cohort,course --model note <(lines 'nid,cohort_id,syllabus_id' '1,7,')
  assert_line "$(lines 'note\t1\t7')"
  run -0 fb-extract --table note=notes:nid,cohort,course --model note <(lines 'model,nid,id,cohort_id,syllabus_id' 'note,1,2,7,')
  assert_line "$(lines 'note\t2\t7')"
  run -2 fb-extract --table note=notes:nid,cohort,course --model note <(lines 'nid,nid,cohort,course' '1,1,7,')
  assert_output --partial 'column id appears twice in the header'
}

@test "an invalid header: the message shows its columns, or what kind of file it is" {
  printf 'ID, cohort_id,syllabus_id\t\xef\xbb\xbf\n' > h.csv
  run -2 fb-extract --model answer --format csv h.csv
  assert_output "fb-extract: h.csv:1: column id is missing, so this is not a file of rows; the header has 'ID', ' cohort_id', 'syllabus_id\\x09\\xef\\xbb\\xbf'"
  { printf 'a'; printf ',%0100d' {1..20}; echo; } > h.csv
  run -2 fb-extract --model answer h.csv
  [ "${#output}" -lt 1000 ]
  # a column that is not used may appear twice
  run -0 fb-extract --model answer <(lines 'id,note,cohort,note,cohort,cohort_id,syllabus_id' '1,,,,,7,')
  run -2 fb-extract --model answer <(lines 'id,id,cohort_id,syllabus_id' '1,1,7,')
  for encoding in UTF-16 UTF-16LE UTF-16BE; do
    lines 'id,cohort_id,syllabus_id' '1,7,' | iconv -f UTF-8 -t $encoding > f
    run -2 fb-extract --model answer f
    assert_output "fb-extract: f: file is in $encoding; convert it with: iconv -f $encoding -t UTF-8"
    eval "${output#*with: } f" > g
    run -0 fb-extract --model answer g
    assert_line $'answer\t1\t7'
  done
  printf '\xfe\xff\x00i\x00d\x00,' > f
  run -2 fb-extract --model answer f
  assert_output --partial 'file is in UTF-16; convert it'
  lines 'id,cohort_id,syllabus_id' | gzip -c > f
  run -2 fb-extract --model answer f
  assert_output 'fb-extract: f: file is compressed; decompress it with: gzip -dc'
  printf 'PK\x03\x04\x14' > f
  run -2 fb-extract --model answer f
  assert_output 'fb-extract: f: file is a zip archive or a spreadsheet (.xlsx); unpack it, or save the sheet as CSV'
  printf '\xef\xbb\xbf' > f   # a byte-order mark alone
  run -2 fb-extract --model answer f
  assert_output --partial 'no header ('
  lines ' id | cohort_id | syllabus_id ' '----+-----------+-------------' '  1 |         7 |            ' '(1 row)' > f
  run -2 fb-extract --model answer f
  assert_output --partial 'no header (the first line must name the columns, separated by TABs, commas or semicolons)'
}

@test "lines that programs add at the end: the DOS end-of-file mark, psql's row count" {
  lines 'id,cohort_id,syllabus_id' '(12' '(12 x)' > f
  run -1 --separate-stderr fb-extract --model answer f
  assert_equal "$stderr" "$(lines 'fb-extract: f:2: expected 3 fields, found 1' 'fb-extract: f:3: expected 3 fields, found 1')"
  printf 'id,cohort_id,syllabus_id\n1,7,\n(1 row)\n(2 rows)\n(rows)\n\x1a' > f
  run -1 --separate-stderr fb-extract --model answer f
  assert_line "$(lines 'answer\t1\t7')"
  assert_equal "$stderr" "$(lines "fb-extract: f:3: row count written by psql, ignored (COPY and psql --csv do not write one)" \
    "fb-extract: f:4: row count written by psql, ignored (COPY and psql --csv do not write one)" \
    'fb-extract: f:5: expected 3 fields, found 1' 'fb-extract: f:6: DOS end-of-file mark (0x1a), ignored')"
}

@test "invisible characters are shown as bytes" {
  for c in '\xc2\xa0' '\xc2\xad' '\xe2\x80\x8b' '\xe2\x80\xa8' '\xe2\x80\xaf' '\xe2\x81\xa0' '\xe2\x81\xaf' '\xef\xbb\xbf'; do
    printf "id,cohort_id,syllabus_id\n1$c,7,\n" > f
    run -1 --separate-stderr fb-extract --model answer f
    assert_equal "$stderr" "fb-extract: f:2: id is not a decimal integer in bigint range: '1$c'"
  done
  printf 'id,cohort_id,syllabus_id\n1\xe2\x81\xb0,7,\n' > f   # a superscript is visible
  run -1 --separate-stderr fb-extract --model answer f
  assert_equal "$stderr" "fb-extract: f:2: id is not a decimal integer in bigint range: '1⁰'"
}

@test "a cohort dump with a quote at the wrong place is not used at all: quotes decide what the rest means" {
  lines 'model\tid\tcohort_id' 'answer\t1\t7' > candidates.tsv
  { lines 'cohort_id,cohort,syllabus_id,syllabus' '7,"lima"x,12,web' '8,quito,12,web'; } > dump.csv
  run -2 --separate-stderr fb-resolve --cohorts dump.csv candidates.tsv
  assert_output ''
  assert_equal "$stderr" 'fb-resolve: dump.csv:2: unexpected quote
fb-resolve: dump.csv: the quotes decide what the rest means, so this file is not used'
  lines 'cohort_id,cohort,syllabus_id,syllabus' '7,lima,12,web' '8,"quito,12,web' '9,bogota,12,web' > dump.csv
  run -2 --separate-stderr fb-resolve --cohorts dump.csv candidates.tsv
  assert_output ''
  [[ $stderr == 'fb-resolve: dump.csv:3-4: unterminated quoted field; 2 lines are not used'* ]]
}

@test "a file with two columns called model is refused, whatever --model says" {
  lines 'model,model,id,cohort_id,syllabus_id' 'review,review,5,6,' > f.csv
  for options in '' '--model answer'; do
    run -2 fb-extract $options f.csv
    assert_output 'fb-extract: f.csv:1: column model appears twice in the header'
  done
}

@test "advice about a value is given where it can be followed, and however the file is read" {
  lines 'model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus' 'answer\tNULL\t1\ta\t10\tx' 'answer\t7.0\t1\ta\t10\tx' > p.tsv
  for command in 'fb-apply p.tsv' 'fb-report p.tsv' 'fb-report < p.tsv'; do
    run -1 --separate-stderr bash -c "$command"
    [[ $stderr == *"range: 'NULL'"$'\n'* ]]
    [[ $stderr == *"range: '7.0' (it has a decimal point;"* ]]
  done
}
