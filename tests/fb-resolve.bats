load helper

candidates='model\tid\tcohort_id'
plan='model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus'

cohorts() {
  lines 'cohort_id\tcohort\tsyllabus_id\tsyllabus' '1\tmiami-1\t10\tfull-stack' '2\tmadrid-2\t11\t\\N' '3\tlisbon-3\t\\N\t\\N'
}

@test "adds the syllabus, and drops candidates whose cohort has none" {
  cohorts > cohorts.tsv
  lines "$candidates" 'answer\t5\t1' 'answer\t6\t3' 'review\t7\t2' > candidates.tsv
  run -0 fb-resolve --cohorts cohorts.tsv --unresolved unresolved candidates.tsv
  assert_output "$(lines "$plan" 'answer\t5\t1\tmiami-1\t10\tfull-stack' 'review\t7\t2\tmadrid-2\t11\t\\N')"
  assert_equal "$(cat unresolved)" "$(lines "$candidates"'\treason' 'answer\t6\t3\tno-syllabus')"
}

@test "a cohort that is not in the dump is reported; exit 1" {
  cohorts > cohorts.tsv
  lines "$candidates" 'answer\t5\t99' 'answer\t6\t1' > candidates.tsv
  run -1 --separate-stderr fb-resolve --cohorts cohorts.tsv --unresolved unresolved candidates.tsv
  assert_output "$(lines "$plan" 'answer\t6\t1\tmiami-1\t10\tfull-stack')"
  assert_equal "$stderr" 'fb-resolve: candidates.tsv:2: cohort 99 of answer 5 is not in the cohort dump'
  assert_equal "$(cat unresolved)" "$(lines "$candidates"'\treason' 'answer\t5\t99\tunknown-cohort')"
}

@test "--limit counts resolved records of each model" {
  cohorts > cohorts.tsv
  lines "$candidates" 'answer\t1\t3' 'answer\t2\t1' 'answer\t3\t3' 'answer\t4\t1' 'answer\t5\t1' 'review\t1\t1' 'review\t2\t2' 'review\t3\t1' > c.tsv
  run -0 bash -c 'fb-resolve --cohorts cohorts.tsv --limit 2 c.tsv | cut -f 1,2'
  assert_output "$(lines 'model\tid' 'answer\t2' 'answer\t4' 'review\t1' 'review\t2')"
  run -0 bash -c 'fb-resolve --cohorts cohorts.tsv --limit 0 c.tsv | wc -l'
  assert_output 7
}

# bats test_tags=server
@test "slugs with every kind of character are written as COPY writes them" {
  printf 'cohort_id,cohort,syllabus_id,syllabus\n1,"a,b ""c""\nd\te\\f\rg",10,\\N\n2," x ",11,""\n3,\\.,12,\b\f\v\n' > cohorts.csv
  lines "$candidates" 'answer\t1\t1' 'answer\t2\t2' 'answer\t3\t3' > c.tsv
  fb-resolve --cohorts cohorts.csv c.tsv > plan.tsv
  run -0 tail -n +2 plan.tsv
  assert_output 'answer	1	1	a,b "c"\nd\te\\f\rg	10	\\N
answer	2	2	 x 	11	
answer	3	3	\\.	12	\b\f\v'
  # PostgreSQL reads the same from both
  sample_database
  sql 'CREATE TABLE c (cohort_id int, cohort text, syllabus_id int, syllabus text)'
  sql 'CREATE TABLE p (model text, id int, cohort_id int, cohort text, syllabus_id int, syllabus text)'
  psql -Xqc "\copy c FROM cohorts.csv (FORMAT csv, HEADER)"
  tail -n +2 plan.tsv > body; psql -Xqc "\copy p FROM body"
  run -0 sql 'SELECT count(*) FROM c JOIN p USING (cohort_id, cohort, syllabus_id, syllabus)'
  assert_output 3
}

@test "a dump of several MiB, with a slug of one MiB and more" {
  awk 'BEGIN { OFS = "\t"; print "cohort_id", "cohort", "syllabus_id", "syllabus"
    for (i = 1; i <= 30000; i++) print i, sprintf("miami-%0" i % 150 "d", i), i % 300 + 1, "full-stack-" i % 300 + 1
    slug = "x"; while (length(slug) < 2 ^ 21) slug = slug slug
    print 30001, slug, 1, "x"; print 30002, "y", 2, slug; print 30003, "z", 3, "z" }' > cohorts.tsv
  awk 'BEGIN { OFS = "\t"; print "model", "id", "cohort_id"; for (i = 1; i <= 30003; i++) print "answer", i, i * 7919 % 30003 + 1 }' > c.tsv
  awk -F '\t' -v OFS='\t' 'NR == FNR { end[$1] = $2 OFS $3 OFS $4; next } { print $0, end[$3] }' cohorts.tsv c.tsv > expected
  fb-resolve --cohorts cohorts.tsv c.tsv | cmp - <(sed "1s/.*/$plan/" expected)
}

@test "candidates that are not written as fb-extract writes them" {
  local model=a_model_with_a_name_as_long_as_it_can_be_50_bytes_
  cohorts > cohorts.tsv
  lines 'model\tid\tcohort_id' "$model"'\t9223372036854775807\t1' 'answer\t007\t1' 'answer\t8\t+2' 'answer\t\\x39\t1' 'answer\t-10\t1' 'answer\t0\t1' 'review\t5\t2' > c.tsv
  run -0 fb-resolve --table "$model=t" --cohorts cohorts.tsv c.tsv
  assert_output "$(lines "$plan" "$model"'\t9223372036854775807\t1\tmiami-1\t10\tfull-stack' 'answer\t7\t1\tmiami-1\t10\tfull-stack' 'answer\t8\t2\tmadrid-2\t11\t\\N' \
    'answer\t9\t1\tmiami-1\t10\tfull-stack' 'answer\t-10\t1\tmiami-1\t10\tfull-stack' 'answer\t0\t1\tmiami-1\t10\tfull-stack' 'review\t5\t2\tmadrid-2\t11\t\\N')"
  lines 'id\tcohort_id\tmodel' '5\t1\tanswer' > other-order.tsv
  lines 'model\tid\tcohort_id\tnote' 'answer\t6\t1\tx' > one-more.tsv
  run -0 fb-resolve --cohorts cohorts.tsv other-order.tsv one-more.tsv
  assert_output "$(lines "$plan" 'answer\t5\t1\tmiami-1\t10\tfull-stack' 'answer\t6\t1\tmiami-1\t10\tfull-stack')"
}

@test "the same cohort twice: fine with the same values, else an error with both lines" {
  { cohorts; lines '1\tmiami-1\t10\tfull-stack'; } > cohorts.tsv
  lines "$candidates" 'answer\t5\t1' > c.tsv
  run -0 fb-resolve --cohorts cohorts.tsv c.tsv
  lines '3\tlisbon-3\t12\t\\N' >> cohorts.tsv
  run -2 fb-resolve --cohorts cohorts.tsv c.tsv
  assert_output 'fb-resolve: cohorts.tsv:6: cohort 3 has different values on line 4'
}

@test "a malformed cohort is rejected, and its candidates are unknown" {
  { cohorts; lines '4\tx\ty\tz'; } > cohorts.tsv
  lines "$candidates" 'answer\t5\t4' > c.tsv
  run -1 --separate-stderr fb-resolve --cohorts cohorts.tsv c.tsv
  assert_equal "$stderr" "fb-resolve: cohorts.tsv:5: syllabus_id is not a decimal integer in bigint range: 'y'
fb-resolve: c.tsv:2: cohort 4 of answer 5 is not in the cohort dump"
}

@test "another kind of file is refused" {
  cohorts > cohorts.tsv
  lines 'model\tid\tcohort_id\tsyllabus_id' > rows.tsv
  run -2 fb-resolve --cohorts cohorts.tsv rows.tsv
  assert_output 'fb-resolve: rows.tsv:1: this is a file of rows, not a file of candidates'
  lines "$plan" > plan.tsv
  run -2 fb-resolve --cohorts plan.tsv < /dev/null
  assert_output 'fb-resolve: plan.tsv:1: this is a plan, not a cohort dump'
  lines 'model,id,cohort_id' > c.csv
  run -2 fb-resolve --cohorts cohorts.tsv c.csv
  assert_output 'fb-resolve: c.csv:1: a file of candidates must be in text format, separated by TABs'
  run -2 fb-resolve c.csv
  assert_output --partial '--cohorts is required'
}

# bats test_tags=server
@test "--sql dumps every cohort with its syllabus, if it has one" {
  sample_database
  run -0 bash -c 'fb-resolve --sql | psql -Xq'
  assert_output "$(lines 'cohort_id\tcohort\tsyllabus_id\tsyllabus' '1\tmiami-web-dev-pt-1\t1\tfull-stack' \
    '2\tsantiago-data-science-ft-1\t2\tdata-science' '3\tbogota-web-dev-ft-2\t1\tfull-stack' \
    '4\tmadrid-no-slug\t3\t\\N' '5\tlisbon-no-syllabus\t\\N\t\\N')"
}

# bats test_tags=native,slow
@test "ids chosen to collide in a known hash function are as fast as others" {
  # With the multiplicative hash of 0.1.0, all of these ids shared one bucket.
  python3 - << 'PYTHON'
inverse = pow(0x9e3779b97f4a7c15, -1, 2**64)
def crafted_id(k):
    folded = k * inverse % 2**64
    return (folded ^ folded >> 32) * inverse % 2**64
crafted = [i for i in map(crafted_id, range(1, 20000)) if i < 2**63][:6000]
for name, ids in (("crafted", crafted), ("plain", range(1, len(crafted) + 1))):
    with open(name, "w") as dump:
        print("cohort_id\tcohort\tsyllabus_id\tsyllabus", file=dump)
        for i in ids: print(i, "c", 1, "s", sep="\t", file=dump)
PYTHON
  lines 'model\tid\tcohort_id' > candidates.tsv
  run -0 fb-resolve --cohorts crafted candidates.tsv
  requires valgrind
  instructions() { valgrind --tool=callgrind --callgrind-out-file=/dev/null "${PLAIN_BIN:-$project/bin}/fb-resolve" --cohorts "$1" candidates.tsv 2>&1 | awk '/Collected/ { print $NF }'; }
  plain=$(instructions plain) crafted=$(instructions crafted)
  [ "$crafted" -lt "$((plain * 2))" ] || fail "$crafted instructions, and $plain for other ids"
}
