-- Creates a role with only the privileges that the back-fill needs. Run this with psql once for each database, as a
-- superuser, or as the owner of the tables and the database, if that role may create roles. Running it again is safe,
-- and revokes any other privileges that the role has on tables in the schema public.
-- It does not revoke privileges elsewhere, memberships in other roles, or what PUBLIC may do.
--
-- The role can log in, but has no password; `\password feedback_backfill` sets one. It can also do whatever every
-- role can: in PostgreSQL 13 and 14 this includes creating tables in the schema public, unless you
-- REVOKE CREATE ON SCHEMA public FROM PUBLIC. If CONNECT on the database or USAGE on the schema has been revoked from
-- PUBLIC, grant it to this role as well.
\set ON_ERROR_STOP on
BEGIN;

SELECT 'CREATE ROLE feedback_backfill LOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'feedback_backfill') \gexec

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM feedback_backfill;

-- It reads only these columns, to find the rows and their syllabuses, and no comments or authors.
GRANT SELECT (id, slug) ON admissions_syllabus TO feedback_backfill;
GRANT SELECT (id, syllabus_id) ON admissions_syllabusversion TO feedback_backfill;
GRANT SELECT (id, slug, syllabus_version_id) ON admissions_cohort TO feedback_backfill;
GRANT SELECT (id, cohort_id, syllabus_id) ON feedback_answer, feedback_review TO feedback_backfill;

-- This is the only column that it sets.
GRANT UPDATE (syllabus_id) ON feedback_answer, feedback_review TO feedback_backfill;

-- COPY loads each batch into a temporary table.
GRANT TEMPORARY ON DATABASE :"DBNAME" TO feedback_backfill;

-- Only for --max-lag, to see how far behind replicas are. It also shows what all other sessions are doing.
-- GRANT pg_read_all_stats TO feedback_backfill;

COMMIT;
