-- For database.sh: examples/schema.sql with :rows answers, every one of them to be filled, as a table
-- of a grown deployment has them: 2,000 cohorts, 300 syllabuses, 5,000 students and mentors.
--
-- If :thin, the table has three indexes and two foreign keys, by its key, cohort and syllabus, instead of 12 and 11.
--
-- If :scattered, every foreign key is set, and its values are spread evenly over all rows, so that in every index each
-- page is written by every batch: the worst case. Else as people write them: a cohort's students answer while the
-- cohort runs, 60 cohorts at a time, half of the answers are about a mentor, some about a class, a session, an event.
INSERT INTO admissions_academy (id, slug) SELECT n, 'academy-' || n FROM generate_series(1, 20) AS n;
INSERT INTO admissions_syllabusschedule (id) SELECT generate_series(1, 6);
INSERT INTO events_event (id) SELECT generate_series(1, 50);
INSERT INTO events_liveclass (id) SELECT generate_series(1, 50);
INSERT INTO registry_asset (id) SELECT generate_series(1, 50);
INSERT INTO mentorship_mentorshipsession (id) SELECT generate_series(1, 50);
INSERT INTO feedback_survey (id) SELECT generate_series(1, 50);
INSERT INTO authenticate_token (id) SELECT generate_series(1, :rows);
INSERT INTO auth_user (id, password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined)
SELECT n, '!', false, 'student' || n, 'Ana', 'Silva', 'student' || n || '@example.com', false, true, '2025-01-06'
FROM generate_series(1, 5000) AS n;

INSERT INTO admissions_syllabus (id, slug, name, created_at, updated_at, private, is_documentation)
SELECT n, 'syllabus-' || n, 'Syllabus ' || n, '2025-01-06', '2025-01-06', false, false FROM generate_series(1, 300) AS n;
INSERT INTO admissions_syllabusversion (id, json, version, status, integrity_status, created_at, updated_at, syllabus_id)
SELECT n, '{}', n / 300 + 1, 'PUBLISHED', 'OK', '2025-01-06', '2025-01-06', n % 300 + 1 FROM generate_series(1, 600) AS n;
INSERT INTO admissions_cohort (id, slug, name, kickoff_date, current_day, stage, private, accepts_enrollment_suggestions, never_ends,
                               remote_available, language, created_at, updated_at, academy_id, syllabus_version_id, enable_assessments_telemetry)
SELECT n, 'miami-web-dev-pt-' || n, 'Cohort ' || n, '2025-01-06', 1, 'STARTED', false, true, false, true, 'en', '2025-01-06',
       '2025-01-06', n % 20 + 1, n % 600 + 1, true
FROM generate_series(1, 2000) AS n;

INSERT INTO feedback_answer (id, title, lowest, highest, lang, score, comment, status, created_at, updated_at, academy_id, asset_id, cohort_id,
                             event_id, live_class_id, mentor_id, mentorship_session_id, token_id, user_id, survey_id)
SELECT n, 'How likely are you to recommend us?', 'not likely', 'very likely', 'en', n % 10, 'Great teachers, great class ' || n,
       'ANSWERED', '2026-01-12', '2026-01-12', academy, asset, cohort, event, class, mentor, session, n, student, n % 50 + 1
FROM generate_series(1, :rows) AS n, LATERAL (
\if :scattered
  SELECT n * 7919::bigint % 2000 + 1 AS cohort, n % 20 + 1 AS academy, n % 50 + 1 AS asset, n % 50 + 1 AS event, n % 50 + 1 AS class,
         n * 31::bigint % 5000 + 1 AS mentor, n % 50 + 1 AS session, n * 17::bigint % 5000 + 1 AS student
\else
  SELECT c + 1 AS cohort, c % 20 + 1 AS academy, CASE WHEN n % 20 = 1 THEN n % 50 + 1 END AS asset,
         CASE WHEN n % 20 = 2 THEN n % 50 + 1 END AS event, CASE WHEN n % 4 = 3 THEN n % 50 + 1 END AS class,
         CASE WHEN n % 2 = 0 THEN (c * 37 + n / 7 % 3) % 5000 + 1 END AS mentor,
         CASE WHEN n % 10 = 4 THEN n % 50 + 1 END AS session, (c * 25 + n / 60 % 25) % 5000 + 1 AS student
  FROM (SELECT (n * 2000::bigint / :rows + n * 7919::bigint % 60) % 2000 AS c) AS running
\endif
) AS keys;

\if :thin
  SELECT format('ALTER TABLE feedback_answer DROP CONSTRAINT %I', conname) FROM pg_constraint
  WHERE conrelid = 'feedback_answer'::regclass AND contype IN ('f', 'u') AND pg_get_constraintdef(oid) !~ '^FOREIGN KEY \((cohort|syllabus)_id\)' \gexec
  SELECT format('DROP INDEX %s', indexrelid::regclass) FROM pg_index
  WHERE indrelid = 'feedback_answer'::regclass AND NOT indisprimary AND pg_get_indexdef(indexrelid) !~ '\((cohort|syllabus)_id\)' \gexec
\endif

VACUUM (ANALYZE);
CHECKPOINT;
