
\qecho 'cohort_id\tcohort\tsyllabus_id\tsyllabus'

-- Every cohort, with the syllabus that its syllabus version leads to, if any.
COPY (
  SELECT c.id AS cohort_id, c.slug AS cohort, s.id AS syllabus_id, s.slug AS syllabus
  FROM :"schema_of_cohort".admissions_cohort AS c
  LEFT JOIN :"schema_of_version".admissions_syllabusversion AS v ON v.id OPERATOR(pg_catalog.=) c.syllabus_version_id
  LEFT JOIN :"schema_of_syllabus".admissions_syllabus AS s ON s.id OPERATOR(pg_catalog.=) v.syllabus_id
  ORDER BY c.id
) TO STDOUT;
