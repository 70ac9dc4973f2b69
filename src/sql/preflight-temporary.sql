
DO $fb$ BEGIN
  IF NOT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY') THEN
    RAISE insufficient_privilege USING MESSAGE = pg_catalog.format('permission denied to create temporary tables in database %I', pg_catalog.current_database());
  END IF;
END $fb$;

EXPLAIN SELECT id, slug FROM :"schema_of_cohort".admissions_cohort WHERE false;
EXPLAIN SELECT id, slug FROM :"schema_of_syllabus".admissions_syllabus WHERE false;
