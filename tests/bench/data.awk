# Rows to measure on, the same every time: awk -v rows=N -v format=text|csv -f data.awk
# And the dump of their 2,000 cohorts, of which one in 20 has no syllabus: awk -v format=cohorts -f data.awk
# 7 columns, about 88 bytes a row; one comment in eight holds a comma, one in 16 has
# accents, one in 64 goes over two lines; one row in 20 has no cohort, one in six a syllabus.
BEGIN {
  if (format == "cohorts") {
    print "cohort_id\tcohort\tsyllabus_id\tsyllabus"
    for (i = 1; i <= 2000; i++)
      print i "\tmiami-web-dev-pt-" i "\t" (i % 20 ? i % 300 + 1 "\tfull-stack-" i % 300 + 1 : "\\N\t\\N")
    exit
  }
  csv = format == "csv"
  separator = csv ? "," : "\t"
  null = csv ? "" : "\\N"
  print line("id", "comment", "score", "cohort_id", "syllabus_id", "status", "updated_at")
  for (i = 1; i <= rows; i++) {
    comment = "Great teachers and great class " i % 9973
    if (i % 8 == 1) comment = "Yes, " comment
    if (i % 16 == 3) comment = "Sí señor: " comment
    if (i % 64 == 7) comment = comment (csv ? "\n" : "\\n") "second line"
    if (csv && comment ~ /[,\n]/) comment = "\"" comment "\""
    print line(i, comment, i % 10, i % 20 ? i * 7919 % 2000 + 1 : null, i % 6 ? null : i % 300 + 1,
      "ANSWERED", "2026-01-12 10:" i % 60 % 50 + 10 ":07+00")
  }
}
function line(a, b, c, d, e, f, g) {
  return a separator b separator c separator d separator e separator f separator g
}
