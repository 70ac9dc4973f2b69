load helper

header='model\tid\tcohort_id\tsyllabus_id'

@test "keeps the rows that have a cohort and no syllabus" {
  lines "$header" 'answer\t1\t7\t\\N' 'answer\t2\t\\N\t\\N' 'answer\t3\t7\t9' 'review\t4\t8\t\\N' > rows.tsv
  run -0 fb-extract rows.tsv
  assert_output "$(lines 'model\tid\tcohort_id' 'answer\t1\t7' 'review\t4\t8')"
}

@test "finds columns by name, in any order, and ignores others" {
  lines 'comment\tsyllabus_id\tid\tx\tcohort_id\tmodel' 'a\\tb\t\\N\t1\t\t7\tanswer' > rows.tsv
  run -0 fb-extract rows.tsv
  assert_output "$(lines 'model\tid\tcohort_id' 'answer\t1\t7')"
}

@test "--model says what rows without a model column are" {
  lines 'id,cohort_id,syllabus_id' '1,7,' '2,7,3' > reviews.csv
  run -0 fb-extract --model review reviews.csv
  assert_output "$(lines 'model\tid\tcohort_id' 'review\t1\t7')"
}

@test "--model keeps one model's rows where there is a model column" {
  lines "$header" 'answer\t1\t7\t\\N' 'review\t4\t8\t\\N' > rows.tsv
  run -0 fb-extract --model review rows.tsv
  assert_output "$(lines 'model\tid\tcohort_id' 'review\t4\t8')"
}

@test "rows without a model need --model" {
  lines 'id,cohort_id,syllabus_id' '1,7,' > answers.csv
  run -2 fb-extract answers.csv
  assert_output 'fb-extract: answers.csv:1: column model is missing; name the model with --model NAME'
}

@test "reads several files of either format, and standard input" {
  lines "$header" 'answer\t1\t7\t\\N' > a.tsv
  lines 'syllabus_id,model,id,cohort_id' ',review,2,8' > b.csv
  lines 'model,id,cohort_id,syllabus_id' 'answer,3,9,' > c.csv
  run -0 fb-extract a.tsv - b.csv < c.csv
  assert_output "$(lines 'model\tid\tcohort_id' 'answer\t1\t7' 'answer\t3\t9' 'review\t2\t8')"
}

@test "rows of any width, with any number of escapes and quotes" {
  local n
  for n in 254 255 256 257 258 270 286 287 288 289 600; do
    awk -v n="$n" 'function line(id, x, cohort, syllabus) { printf "%s", id; for (i = 0; i < n; i++) printf "\t%s", x; print "\t" cohort "\t" syllabus }
      BEGIN { line("id", "x", "cohort_id", "syllabus_id"); line(1, "x", 7, "\\N"); line(2, "\\N", 8, "\\N"); line(3, "x", 7, 9); line(4, "\\t", 9, "\\N")
        line(5, "", 7, "\\N"); print "6\t7\t\\N" }' > rows.tsv
    run -1 --separate-stderr fb-extract --model answer rows.tsv
    assert_output "$(lines 'model\tid\tcohort_id' 'answer\t1\t7' 'answer\t2\t8' 'answer\t4\t9' 'answer\t5\t7')"
    assert_equal "$stderr" "fb-extract: rows.tsv:7: expected $((n + 3)) fields, found 3"
    sed 's/\\N//g; s/\\t/""/g; s/\t/,/g' rows.tsv > rows.csv
    run -1 --separate-stderr fb-extract --model answer rows.csv
    assert_output "$(lines 'model\tid\tcohort_id' 'answer\t1\t7' 'answer\t2\t8' 'answer\t4\t9' 'answer\t5\t7')"
    assert_equal "$stderr" "fb-extract: rows.csv:7: expected $((n + 3)) fields, found 3"
  done
}

@test "a field with any number of escapes and quotes" {
  awk 'BEGIN { print "id\tx\tcohort_id\tsyllabus_id"; for (i = 1; i <= 300; i++) { x = x "\\t"; print i "\t" x "\t7\t\\N" } }' > rows.tsv
  awk 'BEGIN { print "id,x,cohort_id,syllabus_id"; for (i = 1; i <= 300; i++) { x = x "\"\""; print i ",\"" x "\",7," } }' > rows.csv
  lines 'model\tid\tcohort_id' > expected
  seq 300 | sed 's/.*/answer\t&\t7/' >> expected
  fb-extract --model answer rows.tsv | cmp - expected
  fb-extract --model answer rows.csv | cmp - expected
}

@test "lines of every length, with a character, an escape or a quote anywhere" {
  python3 - << 'END'
import csv
with open("rows.tsv", "w") as text, open("rows.csv", "w", newline="") as file, open("expected", "w") as expected:
    written = csv.writer(file)
    text.write("comment\tid\tcohort_id\tsyllabus_id\tnote\n")
    written.writerow(["comment", "id", "cohort_id", "syllabus_id", "note"])
    expected.write("model\tid\tcohort_id\n")
    n = 0
    for length in range(150):
        for odd in ["", "x", "é", "\\", '"', ",", "\t", "\n", "\x7f", "\x01"]:
            for first in [True, False]:
                n += 1
                comment = "c" * length + odd
                fields = [comment, str(n), str(n % 7 + 1), None, ""] if first else ["", str(n), str(n % 7 + 1), None, comment]
                encoded = [r"\N" if f is None else f.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n") for f in fields]
                text.write("\t".join(encoded) + "\n")
                written.writerow(fields)
                expected.write(f"answer\t{n}\t{n % 7 + 1}\n")
END
  fb-extract --model answer rows.tsv | cmp - expected
  fb-extract --model answer rows.csv | cmp - expected
}

@test "CSV: quotes, commas and newlines in fields, CRLF, a byte-order mark, blank lines" {
  printf '\xef\xbb\xbfmodel,comment,id,cohort_id,syllabus_id\r\nanswer,"a ""quoted"", long\nstory\r\n",1,7,\r\n\r\nreview,,"2",8,\r\n' > rows.csv
  run -0 fb-extract rows.csv
  assert_output "$(lines 'model\tid\tcohort_id' 'answer\t1\t7' 'review\t2\t8')"
}

@test "CSV separated by TABs, behind a byte-order mark; --delimiter or --format says that it is CSV" {
  printf '\xef\xbb\xbfid\tcohort_id\tsyllabus_id\r\n"5"\t7\t\r\n' > rows.csv
  run -0 fb-extract --model answer --delimiter $'\t' rows.csv
  assert_output "$(lines 'model\tid\tcohort_id' 'answer\t5\t7')"
  printf '\xef\xbb\xbf"a\tb",c\td,id,cohort_id,syllabus_id\n,,5,7,\n' > rows.csv
  run -0 fb-extract --model answer --format csv rows.csv
  assert_output "$(lines 'model\tid\tcohort_id' 'answer\t5\t7')"
}

@test "CSV: a header over two lines, behind a byte-order mark" {
  printf '\xef\xbb\xbfmodel,"a\nb",id,cohort_id,syllabus_id\nanswer,x,1,7,\n' > rows.csv
  run -0 fb-extract rows.csv
  assert_output "$(lines 'model\tid\tcohort_id' 'answer\t1\t7')"
}

@test "CSV: a carriage return without newline does not end a record, and nothing after it is lost" {
  printf 'id,cohort_id,syllabus_id\n1,7,\r2,7,\n3,7,\r"x\n4,7,\n5,7,"\r"\n6,7,\r7' > rows.csv
  run -1 --separate-stderr fb-extract --model answer --rejects rejects rows.csv
  assert_output "$(lines 'model\tid\tcohort_id' 'answer\t4\t7')"
  assert_equal "$stderr" "fb-extract: rows.csv:2: carriage return without newline outside quotes
fb-extract: rows.csv:3: carriage return without newline outside quotes
fb-extract: rows.csv:5: syllabus_id is not a decimal integer in bigint range: '\x0d'
fb-extract: rows.csv:6: carriage return without newline outside quotes"
  run -0 cmp rejects <(printf '1,7,\r2,7,\n3,7,\r"x\n5,7,"\r"\n6,7,\r7')
}

@test "CSV: an empty field is NULL, a quoted empty one is not" {
  lines 'model,id,cohort_id,syllabus_id' 'answer,1,7,""' 'answer,2,7,' > rows.csv
  run -1 --separate-stderr fb-extract rows.csv
  assert_output "$(lines 'model\tid\tcohort_id' 'answer\t2\t7')"
  assert_equal "$stderr" "fb-extract: rows.csv:2: syllabus_id is not a decimal integer in bigint range: '' (if this means NULL, use --null '')"
}

@test "CSV is what python's csv module reads" {
  python3 - > rows.csv << 'PYTHON'
import csv, sys
out = csv.writer(sys.stdout)
out.writerow(["comment", "id", "model", "cohort_id", "syllabus_id", "title"])
texts = ["plain", "a,b", 'say "hi"', "two\nlines", "\r\n", "  blanks  ", "\\N", "ñandú ✓", "", "tab\there", '""', ","]
for n in range(1, 500):
    out.writerow([texts[n % 12] * (n % 3), n, "answer" if n % 2 else "review", n % 7 or "", "" if n % 5 else n, texts[n % 11]])
PYTHON
  python3 -c '
import csv
print("model\tid\tcohort_id")
for row in csv.DictReader(open("rows.csv", newline="")):
    if row["cohort_id"] and not row["syllabus_id"]:
        print(row["model"], row["id"], row["cohort_id"], sep="\t")' > expected
  fb-extract rows.csv > got
  run -0 diff expected got
  [ "$(wc -l < got)" -gt 300 ]
}

@test "a malformed record is named and rejected, and the rest goes on" {
  { lines "$header" 'answer\t1\t7\t\\N' 'answer\tx\t7\t\\N' 'answer\t2\t7' 'quiz\t3\t7\t\\N' 'answer\t4\t7\t\\N\t'
    printf 'answer\t5\t7\t\\N\\\n' ; printf 'answer\t6\t7\t\0\n'; printf 'answer\t7\t7\t\xff\n'
    lines 'answer\t9223372036854775808\t7\t\\N' 'review\t-9223372036854775808\t+007\t\\N'; printf 'answer\t9\t7\t\\N'; } > rows.tsv
  run -1 --separate-stderr fb-extract --rejects rejects rows.tsv
  assert_output "$(lines 'model\tid\tcohort_id' 'answer\t1\t7' 'review\t-9223372036854775808\t7')"
  assert_equal "$stderr" "fb-extract: rows.tsv:3: id is not a decimal integer in bigint range: 'x'
fb-extract: rows.tsv:4: expected 4 fields, found 3
fb-extract: rows.tsv:5: unknown model: quiz
fb-extract: rows.tsv:6: expected 4 fields, found 5
fb-extract: rows.tsv:7: backslash at the end of the record
fb-extract: ... and 4 more"
  run -0 cmp rejects <(sed -n '3,10p; 12p' rows.tsv)
}

@test "input truncated inside an escape or a character" {
  { lines "$header"; printf 'answer\t1\t7\t\\\nanswer\t2\t7\t\\N\\\nanswer\t\xe2\x82\xff\t7\t\\N\nanswer\t\xe2\x82\t7\t\\N\n'; } > rows.tsv
  run -1 --separate-stderr fb-extract rows.tsv
  assert_output "$(lines 'model\tid\tcohort_id')"
  assert_equal "$stderr" "fb-extract: rows.tsv:2: backslash at the end of the record
fb-extract: rows.tsv:3: backslash at the end of the record
fb-extract: rows.tsv:4: invalid UTF-8
fb-extract: rows.tsv:5: invalid UTF-8"
}

@test "CSV: a malformed record goes to --rejects byte for byte, all its lines" {
  printf 'model,id,cohort_id,syllabus_id\r\nanswer,1,7,\r\nanswer,2,"7\n"x,\r\nanswer,3,7\nanswer,4,7,\nanswer,5,"7,\n' > rows.csv
  run -1 --separate-stderr fb-extract --rejects rejects rows.csv
  assert_output "$(lines 'model\tid\tcohort_id' 'answer\t1\t7' 'answer\t4\t7')"
  assert_equal "$stderr" "fb-extract: rows.csv:3-4: unexpected quote on line 4, in a field that begins on line 3, before 'x,\x0d\x0a'; 2 lines are not used
fb-extract: rows.csv:5: expected 4 fields, found 3
fb-extract: rows.csv:7: unterminated quoted field"
  run -0 cmp rejects <(printf 'answer,2,"7\n"x,\r\nanswer,3,7\nanswer,5,"7,\n')
}

@test "CSV: a quote never closed goes to --rejects byte for byte, however long" {
  # longer than everything before it, and than one read
  for size in 100 200000; do
    { printf 'id,cohort_id,syllabus_id\n1,7,"'; seq "$size" | tr '\n' ' '; echo; } > rows.csv
    run -1 fb-extract --model answer --rejects rejects rows.csv
    assert_line 'fb-extract: rows.csv:2: unterminated quoted field'
    run -0 cmp rejects <(tail -n 1 rows.csv)
  done
}

@test "a file that does not contain rows is refused before any output" {
  : > empty
  run -2 fb-extract empty;            assert_output 'fb-extract: empty: file is empty (expected a file of rows)'
  echo hello > words
  run -2 fb-extract words;            assert_output --partial 'words:1: no header'
  lines 'model\tid\tcohort_id' > f
  run -2 fb-extract f;                assert_output 'fb-extract: f:1: this is a file of candidates, not a file of rows'
  lines 'model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus' > f
  run -2 fb-extract f;                assert_output 'fb-extract: f:1: this is a plan, not a file of rows'
  lines 'model\tcohort_id\tsyllabus_id' > f
  run -2 fb-extract f;                assert_output "fb-extract: f:1: column id is missing, so this is not a file of rows; the header has 'model', 'cohort_id', 'syllabus_id'"
  lines 'model\tid\tcohort_id\tsyllabus_id\tid' > f
  run -2 fb-extract f;                assert_output 'fb-extract: f:1: column id appears twice in the header'
  run -2 fb-extract .;                assert_output 'fb-extract: .: Is a directory'
  run -2 fb-extract nothing;          assert_output 'fb-extract: nothing: No such file or directory'
  lines "$header" 'answer\t1\t7\t\\N' > good
  run -2 fb-extract good nothing;     assert_output 'fb-extract: nothing: No such file or directory'
}

@test "--rejects does not overwrite an input file, or anything if the input is invalid" {
  lines "$header" 'answer\t1\t7\t\\N' > rows.tsv
  cp rows.tsv copy.tsv
  ln -s rows.tsv link.tsv
  run -2 --separate-stderr fb-extract --rejects link.tsv copy.tsv rows.tsv
  assert_output ''
  assert_equal "$stderr" 'fb-extract: link.tsv: is also an input file'
  run -0 cmp copy.tsv rows.tsv
  echo keep > rejects
  run -2 fb-extract --rejects rejects nothing
  assert_equal "$(cat rejects)" keep
  run -0 fb-extract --rejects /dev/null rows.tsv
}

@test "text quoted in a message cannot act on a terminal" {
  printf 'model\tid\tcohort_id\tsyllabus_id\nanswer\t\033[2J\302\233m\342\200\256\t7\t\\N\nanswer\tñ✓\t7\t\\N\n' > $'rows\n\e.tsv'
  run -1 fb-extract $'rows\n\e.tsv'
  assert_line --index 0 "fb-extract: rows\x0a\x1b.tsv:2: id is not a decimal integer in bigint range: '\x1b[2J\xc2\x9bm\xe2\x80\xae'"
  assert_line --index 1 "fb-extract: rows\x0a\x1b.tsv:3: id is not a decimal integer in bigint range: 'ñ✓'"
}

# bats test_tags=server
@test "--sql prints the original's queryset, answers then reviews, by id" {
  sample_database
  run -0 bash -c 'fb-extract --sql | psql -Xq'
  assert_output "$(lines "$header" 'answer\t1\t1\t\\N' 'answer\t2\t1\t\\N' 'answer\t3\t2\t\\N' 'answer\t6\t4\t\\N' \
    'answer\t7\t3\t\\N' 'review\t1\t1\t\\N' 'review\t2\t3\t\\N')"
  run -0 bash -c 'fb-extract --sql --model answer --limit 2 | psql -Xq'
  assert_output "$(lines "$header" 'answer\t1\t1\t\\N' 'answer\t2\t1\t\\N')"
  run -0 bash -c 'fb-extract --sql --count | psql -Xq'
  assert_output "$(lines 'model\tcohort_id\tcohort\tsyllabus_id\tsyllabus\trows' 'answer\t1\tmiami-web-dev-pt-1\t1\tfull-stack\t2' \
    'answer\t2\tsantiago-data-science-ft-1\t2\tdata-science\t1' 'answer\t3\tbogota-web-dev-ft-2\t1\tfull-stack\t1' \
    'answer\t4\tmadrid-no-slug\t3\t\\N\t1' 'answer\t5\tlisbon-no-syllabus\t\\N\t\\N\t1' 'review\t1\tmiami-web-dev-pt-1\t1\tfull-stack\t1' \
    'review\t3\tbogota-web-dev-ft-2\t1\tfull-stack\t1' 'review\t5\tlisbon-no-syllabus\t\\N\t\\N\t1')"
}

@test "--help and --version print to standard output; a wrong option is exit 2" {
  for program in fb-extract fb-resolve fb-apply fb-report fb-backfill; do
    run -0 --separate-stderr "$program" --help
    assert_line --index 0 --partial "Usage: $program "
    assert_equal "$stderr" ''
    run -0 --separate-stderr "$program" -V
    assert_output --regexp "^$program [0-9]+\.[0-9]+\.[0-9]+$"
    run -2 --separate-stderr "$program" --nonsense
    assert_output ''
    [[ $stderr == *"see '$program --help'" ]]
  done
}

@test "--limit takes whole numbers only, and requires --sql" {
  for limit in -1 x 1.5 '' ' 1' 99999999999999999999; do
    run -2 fb-extract --sql --limit "$limit"
    assert_output --partial "--limit: invalid number '$limit' (expected 0 to "
  done
  run -0 fb-extract --sql --limit 0
  assert_output --partial 'LIMIT ALL'
  run -2 fb-extract --limit 3 rows.tsv
}
