
-- {title}: rows with a cohort and no syllabus, by whether their cohort leads to one.
COPY (
  SELECT '{model}', pg_catalog.count(s.id), pg_catalog.count(*) OPERATOR(pg_catalog.-) pg_catalog.count(s.id)
  FROM :"{model}_schema".{relation} AS t
  LEFT JOIN :"schema_of_cohort".admissions_cohort AS c ON c.id OPERATOR(pg_catalog.=) t.{cohort_id}
  LEFT JOIN :"schema_of_version".admissions_syllabusversion AS v ON v.id OPERATOR(pg_catalog.=) c.syllabus_version_id
  LEFT JOIN :"schema_of_syllabus".admissions_syllabus AS s ON s.id OPERATOR(pg_catalog.=) v.syllabus_id
  WHERE t.{cohort_id} IS NOT NULL AND t.{syllabus_id} IS NULL
) TO STDOUT;
