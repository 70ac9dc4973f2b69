-- The role that the back-fill needs, and no more: run this once per database, as a superuser,
-- with psql. Running it again is safe, and revokes all other privileges of the role on tables of the schema public, but not
-- those elsewhere, nor memberships in other roles, nor what PUBLIC may do.
--
-- The role can log in, but has no password: `\password feedback_backfill` sets one. It can also do what
-- every role can: in PostgreSQL 13 and 14 that includes creating tables in the schema public, unless you
-- REVOKE CREATE ON SCHEMA public FROM PUBLIC. If PUBLIC has no CONNECT on the database or USAGE on the
-- schema, grant the role these as well.
BEGIN;

SELECT 'CREATE ROLE feedback_backfill LOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'feedback_backfill') \gexec

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM feedback_backfill;

-- The columns that it reads to find rows and their syllabuses; comments and authors are not among them.
GRANT SELECT (id, slug) ON admissions_syllabus TO feedback_backfill;
GRANT SELECT (id, syllabus_id) ON admissions_syllabusversion TO feedback_backfill;
GRANT SELECT (id, slug, syllabus_version_id) ON admissions_cohort TO feedback_backfill;
GRANT SELECT (id, cohort_id, syllabus_id) ON feedback_answer, feedback_review TO feedback_backfill;

-- The only column that it sets.
GRANT UPDATE (syllabus_id) ON feedback_answer, feedback_review TO feedback_backfill;

-- For the batches, which are loaded by COPY into a temporary table.
GRANT TEMPORARY ON DATABASE :"DBNAME" TO feedback_backfill;

-- Only for --max-lag, to see how far behind replicas are. It also shows what all other sessions do.
-- GRANT pg_read_all_stats TO feedback_backfill;

COMMIT;
