-- For database.sh: examples/schema.sql with :rows answers, every one of them to be filled, as a table
-- of a grown deployment has them: 2,000 cohorts, 300 syllabuses, nearly every foreign key set.
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
       'ANSWERED', '2026-01-12', '2026-01-12', n % 20 + 1, n % 50 + 1, n * 7919::bigint % 2000 + 1, n % 50 + 1, n % 50 + 1,
       n * 31::bigint % 5000 + 1, n % 50 + 1, n, n * 17::bigint % 5000 + 1, n % 50 + 1
FROM generate_series(1, :rows) AS n;

VACUUM (ANALYZE);
CHECKPOINT;
