
-- A database in SQL_ASCII accepts any bytes. A slug that is not UTF-8 would end the dump with an error that does not name it.
SELECT pg_catalog.set_config('fb.slugs', pg_catalog.format(
    'SELECT ''cohort'' AS of, id, slug FROM %I.admissions_cohort UNION ALL SELECT ''syllabus'', id, slug FROM %I.admissions_syllabus',
    :'schema_of_cohort', :'schema_of_syllabus'), false) AS slugs \gset
DO $fb$
DECLARE
  slug pg_catalog.record;
BEGIN
  IF pg_catalog.current_setting('server_encoding') OPERATOR(pg_catalog.=) 'SQL_ASCII' THEN
    FOR slug IN EXECUTE pg_catalog.current_setting('fb.slugs') LOOP
      BEGIN
        PERFORM pg_catalog.convert_from(pg_catalog.convert_to(slug.slug, 'SQL_ASCII'), 'UTF8');
      EXCEPTION
        WHEN character_not_in_repertoire OR untranslatable_character THEN
          RAISE 'the slug of % % is not UTF-8', slug.of, slug.id
          USING HINT = 'The encoding of the database is SQL_ASCII, which accepts any bytes. Correct this slug, and run it again.';
      END;
    END LOOP;
  END IF;
END
$fb$;

\qecho 'cohort_id\tcohort\tsyllabus_id\tsyllabus'

-- Every cohort, with the syllabus that its syllabus version leads to, if any.
COPY (
  SELECT c.id AS cohort_id, c.slug AS cohort, s.id AS syllabus_id, s.slug AS syllabus
  FROM :"schema_of_cohort".admissions_cohort AS c
  LEFT JOIN :"schema_of_version".admissions_syllabusversion AS v ON v.id OPERATOR(pg_catalog.=) c.syllabus_version_id
  LEFT JOIN :"schema_of_syllabus".admissions_syllabus AS s ON s.id OPERATOR(pg_catalog.=) v.syllabus_id
  ORDER BY c.id
) TO STDOUT;
