-- The role that the back-fill needs, and no more: run this once per database, as a superuser,
-- with psql. Running it again is safe, and takes back what else the role was given on tables of the schema public; not what
-- it was given elsewhere, nor memberships in other roles, nor what PUBLIC may do.
--
-- The role can log in, but has no password: `\password feedback_backfill` sets one. It can also do what
-- every role can: in PostgreSQL 13 and 14 that is to create tables in the schema public, too, unless you
-- REVOKE CREATE ON SCHEMA public FROM PUBLIC. Where PUBLIC was denied CONNECT on the database or USAGE
-- of the schema, grant it these as well.
BEGIN;

SELECT 'CREATE ROLE feedback_backfill LOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'feedback_backfill') \gexec

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM feedback_backfill;

-- What it reads, to find the rows and their syllabuses: these columns, and no comment or author.
GRANT SELECT (id, slug) ON admissions_syllabus TO feedback_backfill;
GRANT SELECT (id, syllabus_id) ON admissions_syllabusversion TO feedback_backfill;
GRANT SELECT (id, slug, syllabus_version_id) ON admissions_cohort TO feedback_backfill;
GRANT SELECT (id, cohort_id, syllabus_id) ON feedback_answer, feedback_review TO feedback_backfill;

-- The one column that it sets.
GRANT UPDATE (syllabus_id) ON feedback_answer, feedback_review TO feedback_backfill;

-- For the batches: they come in by COPY to a temporary table.
GRANT TEMPORARY ON DATABASE :"DBNAME" TO feedback_backfill;

-- Only for --max-lag: to see how far behind replicas are. It shows what all other sessions do, too.
-- GRANT pg_read_all_stats TO feedback_backfill;

COMMIT;
