# Hostile input: whatever the files hold, each record gets what fb-records(5) says, and no more.

load helper

# ---- what the tests have in common: the kinds of table, and who reads them ----
# (-g, since bats reads this file in a function)

kinds=(rows cohorts candidates plan receipts)
declare -gA columns=(
  [rows]='model id cohort_id syllabus_id'
  [cohorts]='cohort_id cohort syllabus_id syllabus'
  [candidates]='model id cohort_id'
  [plan]='model id cohort_id cohort syllabus_id syllabus'
  [receipts]='status model id cohort_id cohort syllabus_id syllabus detail'
)
declare -gA called=([rows]=rows [cohorts]='a cohort dump' [candidates]=candidates [plan]='a plan' [receipts]=receipts)
declare -gA program=([rows]=fb-extract [cohorts]=fb-resolve [candidates]=fb-resolve [plan]=fb-apply [receipts]=fb-apply)

# Writes the fields of a line with TABs between them.
tabbed() { local IFS=$'\t'; printf '%b\n' "$*"; }

header() { tabbed ${columns[$1]}; }

# A record of a kind, that its reader takes; with COLUMN=VALUE in place of what else stands there.
record() { # kind [column=value...]
  local status=updated model=answer id=1 cohort_id=7 cohort=miami syllabus_id=9 syllabus=full detail='\\N'
  [ "$1" != rows ] || syllabus_id='\\N'
  [ $# = 1 ] || local "${@:2}"
  eval "tabbed \"\$${columns[$1]// /\" \"\$}\""   # tabbed "$model" "$id" …, without a loop, which is slow under bats
}

# Runs the program that reads this kind of table.
read_as() { # kind file
  case $1 in
    rows) fb-extract "$2" ;;
    cohorts) { header candidates; record candidates; } | fb-resolve --cohorts "$2" ;;
    candidates) { header cohorts; record cohorts; } > good-cohorts.tsv; fb-resolve --cohorts good-cohorts.tsv "$2" ;;
    plan) fb-apply "$2" ;;
    receipts) fb-apply --undo "$2" ;;
  esac
}

# The records in what a program printed: of fb-apply's script, its data without their numbers.
results() {
  if [[ $output == '-- '* ]]; then
    sed -n '/^COPY .* FROM STDIN;$/,/^\\\.$/ { /^COPY /d; /^\\\.$/d; s/^[0-9]*\t//p }' <<< "$output"
  elif [[ $output == *$'\n'* ]]; then
    printf '%s\n' "${output#*$'\n'}"
  fi
}

# The file is no table of this kind: exit 2, nothing on standard output, this message.
assert_refused() { # kind file message
  run -2 --separate-stderr read_as "$1" "$2"
  assert_output ''
  assert_equal "$stderr" "${program[$1]}: $3"
}

# Its only record is rejected with this message: exit 1, and nothing comes of it.
assert_rejected() { # kind file message
  run -1 --separate-stderr read_as "$1" "$2"
  assert_equal "$(results)" ''
  # of candidates without their cohort fb-resolve tells, too
  assert_equal "$(grep -v 'is not in the cohort dump$' <<< "$stderr")" "${program[$1]}: $3"
}

assert_harmless() { python3 "$BATS_TEST_DIRNAME/copytext.py" harmless; }

# ---- headers ----

@test "empty input is refused by every program" {
  : > empty
  for kind in "${kinds[@]}"; do
    assert_refused "$kind" empty "empty: empty: not even a header, so this is not ${called[$kind]}"
    assert_refused "$kind" /dev/null "/dev/null: empty: not even a header, so this is not ${called[$kind]}"
  done
  run -2 --separate-stderr fb-report empty
  assert_equal "$stderr" 'fb-report: empty: empty: not even a header, so this is not a plan or receipts'
  run -2 fb-backfill --apply empty
  assert_line 'fb-apply: empty: empty: not even a header, so this is not a plan'
}

@test "a header alone is a table without records" {
  for kind in "${kinds[@]}"; do
    header "$kind" > f
    [ "$kind" = cohorts ] || run -0 --separate-stderr read_as "$kind" f
    [ "$kind" != cohorts ] || run -1 --separate-stderr read_as "$kind" f   # knows no cohort
    assert_equal "$(results)" ''
  done
  run -0 --separate-stderr fb-report f
  assert_line '✓ Successfully updated 0 records in total'
}

@test "no header: the first line must name columns" {
  echo 'hello, world' > f
  run -2 --separate-stderr fb-extract f
  assert_equal "$stderr" 'fb-extract: f:1: column model is missing: name it with --model NAME'
  echo hello > f
  for kind in "${kinds[@]}"; do
    assert_refused "$kind" f 'f:1: no header: a line of column names, separated by TABs or commas, must come first'
    record "$kind" > g
    run -2 --separate-stderr read_as "$kind" g
    assert_output ''
    [[ $stderr =~ ^${program[$kind]}:\ g:1:\ column\ .*\ is\ missing ]]
  done
}

@test "the header of another kind is told by its name" {
  for kind in "${kinds[@]}"; do
    for other in "${kinds[@]}"; do
      [ "$kind" != "$other" ] || continue
      { header "$other"; record "$other"; } > f
      assert_refused "$kind" f "f:1: this is the header of ${called[$other]}, not of ${called[$kind]}"
    done
  done
}

@test "a column that is missing is named" {
  for kind in "${kinds[@]}"; do
    for column in ${columns[$kind]}; do
      tabbed $(printf '%s\n' ${columns[$kind]} x | grep -vx "$column") > f   # x, lest it be the header of another kind
      message="f:1: column $column is missing, so this is not ${called[$kind]}"
      [ "$kind $column" != 'rows model' ] || message='f:1: column model is missing: name it with --model NAME'
      assert_refused "$kind" f "$message"
    done
  done
}

@test "a column that stands there twice is named" {
  for kind in "${kinds[@]}"; do
    for column in ${columns[$kind]}; do
      tabbed ${columns[$kind]} x "$column" > f
      assert_refused "$kind" f "f:1: column $column stands twice in the header"
    done
  done
}

# The fields of a line backwards, with an unknown one before each.
backwards() { tr '\t' '\n' | tac | sed 's/^/\\t\n/' | paste -s -d '\t'; }

@test "columns in another order, and unknown ones among them" {
  for kind in "${kinds[@]}"; do
    { header "$kind"; record "$kind"; } > f
    run -0 read_as "$kind" f
    expected=$output
    { header "$kind" | backwards; record "$kind" | backwards; } > g
    run -0 read_as "$kind" g
    assert_equal "$output" "$expected"
  done
}

@test "a header that is malformed or cut off" {
  for kind in "${kinds[@]}"; do
    header "$kind" | tr -d '\n' > f
    assert_refused "$kind" f 'f:1: the header is cut off: no newline at its end'
    { header "$kind"; record "$kind"; } | sed 's/$/\r/' > f
    assert_refused "$kind" f 'f:1: the header is malformed: raw carriage return (the text format has \r, and ends lines with a newline alone)'
    { header "$kind"; record "$kind"; } | tr '\n' '\r' > f
    assert_refused "$kind" f 'f:1: the header is cut off: no newline at its end'
    { header "$kind" | tr -d '\n'; printf '\ta\0b\n'; } > f
    assert_refused "$kind" f 'f:1: the header is malformed: NUL byte'
    { header "$kind" | tr -d '\n'; printf '\t\xff\n'; } > f
    assert_refused "$kind" f 'f:1: the header is malformed: invalid UTF-8'
    { header "$kind" | tr -d '\n'; printf '\tx\\\n'; } > f
    assert_refused "$kind" f 'f:1: the header is malformed: backslash at the end of the record'
    { printf '\xef\xbb\xbf'; header "$kind"; record "$kind"; } > f
    assert_refused "$kind" f 'f:1: the header is malformed: a byte-order mark, which only CSV may have'
  done
}

# ---- fields and ids ----

@test "records too short and too long" {
  for kind in "${kinds[@]}"; do
    fields=(${columns[$kind]})
    n=${#fields[@]}
    { header "$kind"; record "$kind" | cut -f "2-"; } > f
    assert_rejected "$kind" f "f:2: $((n - 1)) fields where the header has $n"
    { header "$kind"; record "$kind" | sed 's/$/\t/'; } > f
    assert_rejected "$kind" f "f:2: $((n + 1)) fields where the header has $n"
    { header "$kind"; echo; } > f
    assert_rejected "$kind" f "f:2: 1 fields where the header has $n"
  done
}

# What is given, and as what it is read.
good_ids=('0 0' '-0 0' '-1 -1' '+7 7' '007 7' '-007 -7' '00000000000000000000000000000000007 7' '\\x37 7' '\\067 7'
  '9223372036854775807 9223372036854775807' '-9223372036854775808 -9223372036854775808'
  '+09223372036854775807 9223372036854775807' '2147483648 2147483648')

# Five messages are told at most, and fb-resolve has one of its own of the cohort that it then misses: four at once.
bad_ids=(9223372036854775808 -9223372036854775809 18446744073709551616 18446744073709551623 99999999999999999999999999999999
  '' ' ' ' 7' '7 ' '7 7' 7.0 7. .7 "7,000" 7.000 "7'000" 7_000 7e3 0x7 0b1 7L + - +-7 -- ٧ ７ ² NULL null t
  '7\\b' '\\t7' '7\\n' '\\\\N' 'a\x1b[31m')

@test "ids: what is read as which number" {
  for kind in "${kinds[@]}"; do
    for column in id cohort_id syllabus_id; do
      [[ " ${columns[$kind]} " == *" $column "* ]] || continue
      [ "$kind $column" != 'rows syllabus_id' ] || continue   # only whether it is NULL matters there
      as=plan
      [ "$kind" != rows ] || as=candidates
      header "$kind" > f
      header candidates > candidates.tsv
      header cohorts > cohorts.tsv
      expected=()
      for i in "${!good_ids[@]}"; do
        number=${good_ids[i]#* } id=$((i + 1))
        [ "$column" != id ] || id=$number
        # a cohort of its own for each, unless that is what is looked at
        [ "$column" = cohort_id ] && cohort=$number || cohort=$((100 + i))
        record "$kind" id="$id" cohort_id="$cohort" "$column=${good_ids[i]% *}" >> f
        record candidates id="$id" cohort_id="$cohort" >> candidates.tsv
        record cohorts cohort_id="$cohort" >> cohorts.tsv
        fields=(id="$id" cohort_id="$cohort")
        [ "$column" != syllabus_id ] || fields+=(syllabus_id="$number")
        expected+=("$(record $as "${fields[@]}")")
      done
      case $kind in
        cohorts) run -0 --separate-stderr fb-resolve --cohorts f candidates.tsv ;;
        candidates) run -0 --separate-stderr fb-resolve --cohorts cohorts.tsv f ;;
        *) run -0 --separate-stderr read_as "$kind" f ;;
      esac
      assert_equal "$stderr" ''
      assert_equal "$(results)" "$(printf '%s\n' "${expected[@]}")"
    done
  done
}

@test "ids: what is none" {
  for kind in "${kinds[@]}"; do
    for column in id cohort_id syllabus_id; do
      [[ " ${columns[$kind]} " == *" $column "* ]] || continue
      for (( at = 0; at < ${#bad_ids[@]}; at += 4 )); do
        { header "$kind"; for given in "${bad_ids[@]:at:4}"; do record "$kind" "$column=$given"; done; } > f
        run -1 --separate-stderr read_as "$kind" f
        assert_equal "$(results)" ''
        line=1
        assert_equal "$(grep -v 'is not in the cohort dump$' <<< "$stderr" | sed "s/: '.*/: '/")" \
          "$(for given in "${bad_ids[@]:at:4}"; do echo "${program[$kind]}: f:$((++line)): $column is no decimal integer in bigint range: '"; done)"
        echo "$stderr" >> messages
      done
      { header "$kind"; record "$kind" "$column=\\\\N"; } > f
      case "$kind $column" in
        'rows cohort_id'|'rows syllabus_id'|'cohorts syllabus_id') run -0 read_as "$kind" f ;;   # NULL says something here
        *) assert_rejected "$kind" f "f:2: $column is NULL" ;;
      esac
    done
  done
  assert_harmless < messages
}

@test "ids: CSV has the same rules, and its own NULL" {
  for id in "${good_ids[@]}"; do
    [[ $id != '\\'* ]] || continue   # no escapes here
    printf 'id,cohort_id,syllabus_id\n"%s",%s,\n' "${id% *}" "${id% *}" > f
    run -0 --separate-stderr fb-extract --model answer f
    assert_equal "$(results)" "$(tabbed answer "${id#* }" "${id#* }")"
  done
  for given in 9223372036854775808 '" 7"' ' 7' '7 ' '"7,000"' 7.0 0x7 '\N' '\x37' '""' '"7
"' $'7\t' NULL; do
    printf 'id,cohort_id,syllabus_id\n%s,7,\n' "$given" > f
    run -1 --separate-stderr fb-extract --model answer f
    assert_equal "$(results)" ''
    [[ $stderr == "fb-extract: f:2: id is no decimal integer in bigint range: '"* ]]
  done
}

@test "NULL, the empty string and what only looks like NULL are told apart" {
  # rows: without a syllabus is NULL alone
  { header rows
    for n in '1 \\N' '2 ' '3 \\\\N' '4 N' '5 0'; do record rows "id=${n%% *}" "syllabus_id=${n#* }"; done; } > f
  run -1 --separate-stderr fb-extract f
  assert_equal "$(results)" "$(record candidates id=1)"
  assert_equal "$(grep -c "syllabus_id is no decimal" <<< "$stderr")" 3
  # cohorts: slugs come out as they went in; without a syllabus id there is no syllabus
  for slug in '\\N' '' '\\\\N' 'N' 'NULL' '\\x4e' ; do
    { header cohorts; record cohorts "cohort=$slug" "syllabus=$slug"; } > f
    run -0 read_as cohorts f
    shown=$slug; [ "$slug" != '\\x4e' ] || shown=N
    assert_equal "$(results)" "$(record plan "cohort=$shown" "syllabus=$shown")"
  done
  printf 'cohort_id,cohort,syllabus_id,syllabus\n7,,9,""\n' > f
  run -0 read_as cohorts f
  assert_equal "$(results)" "$(record plan 'cohort=\\N' syllabus=)"
  printf 'cohort_id,cohort,syllabus_id,syllabus\n7,,9,\n' > f
  run -0 read_as cohorts f
  assert_equal "$(results)" "$(record plan 'cohort=\\N' 'syllabus=\\N')"
  printf 'cohort_id,cohort,syllabus_id,syllabus\n7,\\N,9,"\\N"\n' > f
  run -0 read_as cohorts f
  assert_equal "$(results)" "$(record plan 'cohort=\\\\N' 'syllabus=\\\\N')"
}

@test "models and statuses that there are none" {
  for model in '' Answer ANSWER answers 'answer ' ' answer' '\\x00' 'a\\tb' admin '\\N' '\x1b]0;x\\b'; do
    for kind in rows candidates plan receipts; do
      { header "$kind"; record "$kind" "model=$model"; } > f
      run -1 --separate-stderr read_as "$kind" f
      assert_equal "$(results)" ''
      [[ $stderr == "${program[$kind]}: f:2: "* ]]
      echo "$stderr" >> messages
    done
  done
  assert_harmless < messages
  # only what says exactly that it was updated is taken back
  for status in '' Updated updated\\t reverted skipped failed '\\N'; do
    { header receipts; record receipts "status=$status"; } > f
    run --separate-stderr fb-apply --undo f
    assert_equal "$(results)" ''
  done
  { header receipts; record receipts 'status=\x1b[2J'; record receipts status=skipped 'detail=\x1b[2J'; } > f
  run -1 --separate-stderr fb-report f
  assert_equal "$stderr" 'fb-report: f:2: no such status or reason for it
fb-report: f:3: no such status or reason for it'
}

# ---- bytes ----

# bats test_tags=server
@test "every escape is read as PostgreSQL reads it" {
  sample_database
  { header cohorts
    n=0
    # one character behind a backslash: all that can be printed, but the end-of-data marker
    for code in {32..45} 47 {58..126}; do record cohorts "cohort_id=$((++n))" "cohort=a\\\\\x$(printf %x "$code")" "syllabus=$n"; done
    for slug in '\\t' '\\\x09' '\\1' '\\18' '\\12' '\\101' '\\1012' '\\378' '\\x' '\\xg' '\\x4' '\\x4g' '\\x41' '\\x41\\x42' '\\x411' '\\X41' '\\\\x41' \
        '\\303\\251' '\\xc3\\xa9' '\\xC3\\251' '\\\xc3\xa9' 'a\\Nb' '\\N\\N' '\\\\' '\\\\\\\\' '\\\\.' '.\\\\' '\\n\\\\.\\n' '\\7' '\\177' '\\1\\2\\3'; do
      record cohorts "cohort_id=$((++n))" "cohort=$slug" "syllabus=$slug"
    done; } > cohorts.tsv
  { header candidates; for (( i = 1; i <= n; i++ )); do record candidates "id=$i" "cohort_id=$i"; done; } > candidates.tsv
  fb-resolve --cohorts cohorts.tsv candidates.tsv > plan.tsv
  sql 'CREATE TABLE c (cohort_id int, cohort text, syllabus_id int, syllabus text)'
  sql 'CREATE TABLE p (model text, id int, cohort_id int, cohort text, syllabus_id int, syllabus text)'
  tail -n +2 cohorts.tsv > body; psql -Xqc '\copy c FROM body'
  tail -n +2 plan.tsv > body; psql -Xqc '\copy p FROM body'
  run -0 sql 'SELECT count(*) FROM c JOIN p USING (cohort_id, cohort, syllabus_id, syllabus)'
  assert_output "$n"
  # and as the tests read it
  run -0 bash -c "python3 '$BATS_TEST_DIRNAME/copytext.py' decode < plan.tsv | jq -r '.[] | [.cohort_id, .cohort] | @json'"
  assert_output "$(psql -XqAtc "SELECT json_build_array(cohort_id::text, cohort) FROM c ORDER BY cohort_id" | jq -c .)"
}

@test "bytes that no record may hold" {
  bytes=('a\0b:NUL byte' '\\0:escaped NUL byte' '\\000:escaped NUL byte' '\\x0:escaped NUL byte' '\\x00:escaped NUL byte' '\\400:escaped NUL byte'
    'a\rb:raw carriage return (the text format has \r, and ends lines with a newline alone)'
    '\\.:end-of-data marker \.' 'a\\.b:end-of-data marker \.' '\\\\\\.:end-of-data marker \.')
  # not UTF-8: a byte alone, one too few, overlong, surrogates, too high; as they are, or made by escapes
  for hex in 80 bf c3 c3.28 c3.c3 c3.ff e2.82.c0 e2.82.28 f0.9f.92.c0 c0.af c1.bf e0.80.af e0.9f.bf f0.80.80.af f0.8f.bf.bf ed.a0.80 ed.bf.bf ed.a0.bd.ed.b2.a9 f4.90.80.80 f5.80.80.80 \
      f8.88.80.80.80 fe ff c3.5c.5c e2.82 f0.9f.92 e2.82.5c.6e; do
    bytes+=("$(sed 's/\.*\([0-9a-f][0-9a-f]\)/\\x\1/g' <<< "$hex"):invalid UTF-8" "$(sed 's/\.*\([0-9a-f][0-9a-f]\)/\\\\x\1/g' <<< "$hex"):invalid UTF-8")
  done
  for (( at = 0; at < ${#bytes[@]}; at += 5 )); do
    some=("${bytes[@]:at:5}")
    for kind in cohorts plan receipts; do
      # in a column that is kept, in one that is passed over, and in the last; what is good behind them is taken
      { header "$kind"; for entry in "${some[@]}"; do record "$kind" "cohort=${entry%%:*}"; done; record "$kind"; } > kept
      { header "$kind"; for entry in "${some[@]}" x; do printf '%b\t' "${entry%%:*}"; record "$kind"; done; } | sed '1s/^/x\t/' > passed
      { header "$kind"; for entry in "${some[@]}" x; do record "$kind" | tr '\n' '\t'; printf '%b\n' "${entry%%:*}"; done; } | sed '1s/$/\tx/' > last
      for file in kept passed last; do
        run -1 --separate-stderr read_as "$kind" $file
        assert_equal "$(results)" "$(record plan)"
        line=1
        assert_equal "$stderr" "$(for entry in "${some[@]}"; do echo "${program[$kind]}: $file:$((++line)): ${entry#*:}"; done)"
      done
    done
  done
  { header plan; record plan | sed 's/$/\\/'; } > f
  assert_rejected plan f 'f:2: backslash at the end of the record'
  { header plan; echo '\.'; record plan; } > f
  run -1 --separate-stderr fb-apply f
  assert_equal "$stderr" 'fb-apply: f:2: end-of-data marker \.'
  assert_equal "$(results)" "$(record plan)"
}

@test "CSV: bytes that no record may hold" {
  for entry in 'a\0b:NUL byte' '\x80:invalid UTF-8' '\xc0\xaf:invalid UTF-8' '\xed\xa0\x80:invalid UTF-8' '\xf4\x90\x80\x80:invalid UTF-8' \
      'a\rb:carriage return without newline outside quotes' 'a"b:a quote where none may stand' '"a"b:a quote where none may stand' \
      '"a" :a quote where none may stand' ' "a":a quote where none may stand' '"a""b"c":a quote where none may stand'; do
    printf 'comment,cohort_id,id,syllabus_id\n%b,7,1,\nx,7,2,\n' "${entry%%:*}" > f
    run -1 --separate-stderr fb-extract --model answer f
    assert_equal "$(results)" "$(record candidates id=2)"
    assert_equal "$stderr" "fb-extract: f:2: ${entry#*:}"
  done
  # but in quotes a carriage return is data, and a backslash is a backslash
  printf 'cohort_id,cohort,syllabus_id,syllabus\n7,"a\rb\r\nc\n",9,a\\tb\\\n' > f
  run -0 read_as cohorts f
  assert_equal "$(results)" "$(record plan 'cohort=a\\rb\\r\\nc\\n' 'syllabus=a\\\\tb\\\\')"
}

@test "CSV: byte-order mark and line ends" {
  for end in '\n' '\r\n'; do
    for mark in '' '\xef\xbb\xbf'; do
      for header in 'id,cohort_id,syllabus_id' '"id","cohort_id","syllabus_id"' 'id,"a note\non two lines",cohort_id,syllabus_id'; do
        note=; [[ $header != *note* ]] || note='"x\ny",'
        printf "$mark$header${end}1,${note}7,$end$end\"2\",${note}7," > f
        run -0 --separate-stderr fb-extract --model answer f
        assert_equal "$(results)" "$(record candidates; record candidates id=2)"
        assert_equal "$stderr" ''
      done
    done
  done
  printf 'id,cohort_id,syllabus_id\r1,7,\r2,7,\r' > f
  run -2 fb-extract --model answer f
  assert_output 'fb-extract: f:1: the header is malformed: carriage return without newline outside quotes'
  printf '\xef\xbb\xbf\xef\xbb\xbfid,cohort_id,syllabus_id\n1,7,\n' > f
  run -2 fb-extract --model answer f
  assert_output 'fb-extract: f:1: column id is missing, so this is not rows'
  iconv -t UTF-16 <<< 'id,cohort_id,syllabus_id' > f
  run -2 fb-extract --model answer f
  assert_output 'fb-extract: f:1: the header is malformed: NUL byte'
}

@test "CSV: a quote that is never closed" {
  printf 'id,cohort_id,syllabus_id,x\n1,7,,"a"\n2,7,,"b\n3,7,,c\n4,7,,d\n' > f
  run -1 --separate-stderr fb-extract --model answer --rejects rejects f
  assert_equal "$(results)" "$(record candidates)"
  assert_equal "$stderr" 'fb-extract: f:3: cut off: a quoted field never ends'
  run -0 cmp rejects <(tail -n +3 f)
  # a quote further on closes it, and stands where none may: the lines up to there are one record
  printf 'id,cohort_id,syllabus_id,x\n2,7,,"b\n3,7,,"c"\n4,7,,d\n' > f
  run -1 --separate-stderr fb-extract --model answer --rejects rejects f
  assert_equal "$(results)" "$(record candidates id=4)"
  assert_equal "$stderr" 'fb-extract: f:2: a quote where none may stand'
  run -0 cmp rejects <(sed -n 2,3p f)
  printf 'id,cohort_id,"syllabus_id\n2,7,\n' > f
  run -2 fb-extract --model answer f
  assert_output 'fb-extract: f:1: the header is malformed: cut off: a quoted field never ends'
}

# ---- sizes ----

@test "a million columns" {
  million() { yes "$1" | head -n 1000000 | tr -d '\n'; }
  { header rows | tr -d '\n'; million $'\tx'; echo; record rows | tr -d '\n'; million $'\t1'; echo; } > f
  run -0 --separate-stderr fb-extract f
  assert_equal "$(results)" "$(record candidates)"
  { header rows; record rows | tr -d '\n'; million $'\t1'; echo; record rows id=2; } > f
  run -1 --separate-stderr fb-extract f
  assert_equal "$(results)" "$(record candidates id=2)"
  assert_equal "$stderr" 'fb-extract: f:2: 1000004 fields where the header has 4'
  { printf id,cohort_id,syllabus_id; million ,x; echo; printf 1,7,; million ,1; echo; } > f
  run -0 --separate-stderr fb-extract --model answer f
  assert_equal "$(results)" "$(record candidates)"
}

# ---- cut off ----

@test "text that is cut off anywhere: what is taken of it is the beginning, unchanged" {
  for kind in "${kinds[@]}"; do
    { header "$kind"; record "$kind"
      case $kind in
        cohorts) record cohorts cohort_id=8 'cohort=a\\\\\\tb' syllabus_id=123 'syllabus=\\303\\251é' ;;
        *) record "$kind" id=234 cohort_id=7 'cohort=a\\\\\\tb' 'syllabus=\\303\\251é' ;;
      esac; } > whole
    { header candidates; record candidates; record candidates id=2 cohort_id=8; } > candidates.tsv
    read_whole() { if [ "$kind" = cohorts ]; then fb-resolve --cohorts part candidates.tsv; else read_as "$kind" part; fi; }
    cp whole part
    run -0 read_whole
    all=$(results)
    [ "$(wc -l <<< "$all")" = 2 ]
    size=$(wc -c < whole) first=$(head -n 1 whole | wc -c) second=$(head -n 2 whole | wc -c)
    for (( at = 0; at < size; at++ )); do
      head -c "$at" whole > part
      status=0   # without bats's run, which takes longer than the program
      output=$(read_whole 2> err) || status=$?
      stderr=$(< err)
      if (( at < first )); then
        assert_equal "$status" 2
        assert_equal "$output" ''
      elif (( at < second )); then
        (( at == first )) || [[ $stderr == *'part:2: cut off: no newline at its end'* ]]
        assert_equal "$(results)" ''
      else
        (( at == second )) || [[ $stderr == *'part:3: cut off: no newline at its end'* ]]
        assert_equal "$(results)" "$(head -n 1 <<< "$all")"
      fi
      # one that knows fewer cohorts names those that it does not know
      [ "$kind" = cohorts ] || (( at < first )) || assert_equal "$status" "$(( at != first && at != second ))"
    done
  done
}

@test "CSV that is cut off anywhere: the last record has all its fields, and all of each that is quoted" {
  printf 'cohort_id,syllabus,cohort,syllabus_id\n7,full,"a\n""b""",9\n8,"x,y",z,"123"\n' > whole
  { header candidates; record candidates; record candidates id=2 cohort_id=8; } > candidates.tsv
  size=$(wc -c < whole) header=$(head -n 1 whole | wc -c) second=$(head -n 3 whole | wc -c)
  for (( at = 0; at < size; at++ )); do
    head -c "$at" whole > part
    run --separate-stderr fb-resolve --cohorts part candidates.tsv
    if (( at < header - 1 )); then
      assert_equal "$status" 2
      assert_equal "$output" ''
      continue
    fi
    # a line may lack its end, and no more
    (( at < second - 1 )) && first= || first=$(record plan 'cohort=a\\n"b"')
    (( at < size - 1 )) && last= || last=$(record plan id=2 cohort_id=8 cohort=z 'syllabus=x,y' syllabus_id=123)
    assert_equal "$(results)" "$(printf '%s\n' "$first" "$last" | grep .)"
  done
  # Since it may, a last field without quotes cannot be told from its beginning.
  printf 'cohort_id,syllabus,cohort,syllabus_id\n7,full,miami,12' > part   # 123
  run -1 fb-resolve --cohorts part candidates.tsv
  assert_line "$(record plan syllabus_id=12)"
}

# ---- the same thing twice, and one thing for another ----

@test "two formats in one call, where one of them may not be" {
  { header plan; record plan; } > a
  { header plan; record plan id=2; } | tr '\t' , > b
  run -2 --separate-stderr fb-apply a b
  assert_output ''
  assert_equal "$stderr" 'fb-apply: b:1: a plan must be in the text format, with TABs'
  { header candidates; record candidates; } | tr '\t' , > b
  assert_refused candidates b 'b:1: candidates must be in the text format, with TABs'
  # what is said with --format goes for all
  { header rows; record rows; } > a
  printf 'model,id,cohort_id,syllabus_id\nreview,2,7,\n' > b
  run -0 fb-extract a b
  assert_equal "$(results)" "$(record candidates; record candidates model=review id=2)"
  run -2 --separate-stderr fb-extract --format csv b a
  assert_output ''
  assert_equal "$stderr" 'fb-extract: a:1: column model is missing: name it with --model NAME'
}

@test "a cohort twice: the same values however they are written, or an error that names both lines" {
  { header cohorts; record cohorts; record cohorts cohort_id=8; record cohorts cohort_id=007 syllabus_id=+09 'cohort=\\155iami'; } > f
  run -0 read_as cohorts f
  assert_equal "$(results)" "$(record plan)"
  for other in cohort=lisbon 'cohort=miami ' cohort=Miami 'cohort=\\N' syllabus_id=10 'syllabus_id=\\N' syllabus= 'syllabus=\\N'; do
    { header cohorts; record cohorts; record cohorts cohort_id=8; record cohorts "$other"; } > f
    run -2 --separate-stderr read_as cohorts f
    assert_output ''
    assert_equal "$stderr" 'fb-resolve: f:4: cohort 7 has other values here than on line 2'
  done
}

# bats test_tags=server
@test "a record twice in a plan: the first counts, wherever the other is and whatever it says" {
  sample_database
  for other in syllabus_id=1 syllabus_id=2; do
    # the batch size, and why the second and the third for the same row are skipped: in one batch, or in a later one
    for batches in '1 already-set already-set' '2 already-set already-set' '3 duplicate already-set' '5000 duplicate duplicate'; do
      read -r size second third <<< "$batches"
      { header plan; for id in 1 2 1 6; do record plan "id=$id" cohort_id="$(sql "SELECT cohort_id FROM feedback_answer WHERE id = $id")" syllabus_id=1; done
        record plan id=1 cohort_id=1 "$other"; } > plan.tsv
      fb-apply --batch-size "$size" plan.tsv | psql -Xq > receipts.tsv
      run -0 cut -f 1,3,6,8 receipts.tsv
      assert_output "$(lines 'status\tid\tsyllabus_id\tdetail' 'updated\t1\t1\t\\N' 'updated\t2\t1\t\\N' "skipped\t1\t1\t$second" 'updated\t6\t1\t\\N' \
        "skipped\t1\t${other#*=}\t$third")"
      run -0 sql 'SELECT id, syllabus_id FROM feedback_answer WHERE id IN (1, 2, 6) ORDER BY id'
      assert_output "$(lines '1|1' '2|1' '6|1')"
      # receipts that say so twice are taken back once
      { cat receipts.tsv; sed -n 2p receipts.tsv; } > twice.tsv
      fb-apply --undo --batch-size "$size" twice.tsv | psql -Xq > undone.tsv
      run -0 cut -f 1,3 undone.tsv
      assert_output "$(lines 'status\tid' 'reverted\t1' 'reverted\t2' 'reverted\t6' 'skipped\t1')"
    done
  done
}

@test "a plan is not receipts and receipts are no plan, in whatever order their columns come" {
  for change in cat backwards; do
    { header receipts | $change; record receipts | $change; } > receipts.tsv
    run -2 --separate-stderr fb-apply receipts.tsv
    assert_output ''
    [[ $stderr =~ ^'fb-apply: receipts.tsv:1: '.*receipts ]]
    { header plan | $change; record plan | $change; } > plan.tsv
    run -2 --separate-stderr fb-apply --undo plan.tsv
    assert_output ''
    [[ $stderr =~ ^'fb-apply: plan.tsv:1: ' ]]
    # and fb-report tells one from the other
    run -0 fb-report plan.tsv
    assert_line --index 0 'DRY RUN MODE - No changes will be made'
    run -0 fb-report receipts.tsv
    refute_output --partial 'DRY RUN'
  done
  # a plan with status for a column of its own could be either
  { header plan | sed 's/$/\tstatus/'; record plan | sed 's/$/\tnew/'; } > plan.tsv
  run -2 --separate-stderr fb-apply plan.tsv
  assert_equal "$stderr" 'fb-apply: plan.tsv:1: it has a column status, so this is no plan, but receipts'
}
