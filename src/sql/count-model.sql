
-- {model}: rows with a cohort and no syllabus, counted by cohort, with the syllabus that the cohort leads to, if any.
COPY (
  SELECT '{model}', t.{cohort_id}, c.slug, s.id, s.slug, t.rows
  FROM (
    SELECT t.{cohort_id}, pg_catalog.count(*) AS rows
    FROM :"{model}_schema".{relation} AS t
    WHERE t.{cohort_id} IS NOT NULL AND t.{syllabus_id} IS NULL
    GROUP BY t.{cohort_id}
  ) AS t
  LEFT JOIN :"schema_of_cohort".admissions_cohort AS c ON c.id OPERATOR(pg_catalog.=) t.{cohort_id}
  LEFT JOIN :"schema_of_version".admissions_syllabusversion AS v ON v.id OPERATOR(pg_catalog.=) c.syllabus_version_id
  LEFT JOIN :"schema_of_syllabus".admissions_syllabus AS s ON s.id OPERATOR(pg_catalog.=) v.syllabus_id
  ORDER BY t.{cohort_id}
) TO STDOUT;
