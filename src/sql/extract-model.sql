
-- {model}: rows without a syllabus whose cohort leads to one.
COPY (
  SELECT '{model}' AS model, t.{id}, t.{cohort_id}, t.{syllabus_id}
  FROM :"{model}_schema".{relation} AS t
  JOIN :"schema_of_cohort".admissions_cohort AS c ON c.id OPERATOR(pg_catalog.=) t.{cohort_id}
  JOIN :"schema_of_version".admissions_syllabusversion AS v ON v.id OPERATOR(pg_catalog.=) c.syllabus_version_id
  JOIN :"schema_of_syllabus".admissions_syllabus AS s ON s.id OPERATOR(pg_catalog.=) v.syllabus_id
  WHERE t.{syllabus_id} IS NULL{and}{and_id}{above}
  ORDER BY t.{id}
  LIMIT {limit}
) TO STDOUT;
