-- {title}: rows with a cohort and no syllabus, by whether their cohort leads to one.
COPY (
  SELECT '{model}', count(s.id), count(*) - count(s.id)
  FROM {table} AS t
  LEFT JOIN admissions_cohort AS c ON c.id = t.{cohort_id}
  LEFT JOIN admissions_syllabusversion AS v ON v.id = c.syllabus_version_id
  LEFT JOIN admissions_syllabus AS s ON s.id = v.syllabus_id
  WHERE t.{cohort_id} IS NOT NULL AND t.{syllabus_id} IS NULL
) TO STDOUT;

