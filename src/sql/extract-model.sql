-- {title}: a cohort, no syllabus, and a cohort that leads to one.
COPY (
  SELECT '{model}' AS model, t.{id}, t.{cohort_id}, t.{syllabus_id}
  FROM {table} AS t
  JOIN admissions_cohort AS c ON c.id = t.{cohort_id}
  JOIN admissions_syllabusversion AS v ON v.id = c.syllabus_version_id
  JOIN admissions_syllabus AS s ON s.id = v.syllabus_id
  WHERE t.{syllabus_id} IS NULL
  ORDER BY t.{id}
  LIMIT {limit}
) TO STDOUT;

