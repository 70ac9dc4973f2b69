-- A few hundred rows to try the back-fill on, after schema.sql. The same rows every time; ids have
-- gaps. The hard cases: cohorts without a syllabus version (37, 58, 74), syllabuses without a slug
-- (13, 27), two with the same slug (1, 24), rows without a cohort, rows that are set already, some of
-- them to another syllabus than their cohort leads to (they must stay), and comments that have
-- tabs, line ends, backslashes, quotes and commas in them.
BEGIN;
SET LOCAL client_encoding = 'UTF8';

INSERT INTO admissions_academy (id, slug) VALUES
  (1, 'miami'), (2, 'santiago'), (4, 'madrid'), (5, 'bogota'), (9, 'lisbon'), (12, 'online');

INSERT INTO admissions_syllabusschedule (id) SELECT generate_series(1, 6);
INSERT INTO events_event (id) SELECT generate_series(1, 8);
INSERT INTO events_liveclass (id) SELECT generate_series(1, 8);
INSERT INTO registry_asset (id) SELECT generate_series(1, 8);
INSERT INTO mentorship_mentorshipsession (id) SELECT generate_series(1, 8);
INSERT INTO authenticate_token (id) SELECT generate_series(1, 60);
INSERT INTO feedback_survey (id) SELECT generate_series(1, 12);

INSERT INTO auth_user (id, password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined)
SELECT n * 3, '!', false, 'student' || n, (ARRAY['Ana', 'Luís', 'Zoë', 'Omar', 'Mei'])[n % 5 + 1],
       (ARRAY['Núñez', 'O''Neill', 'Silva', 'Haddad', 'Łukasik', 'García'])[n % 6 + 1],
       'student' || n || '@example.com', n % 10 = 0, true, timestamptz '2025-01-06 09:00+00' + n * interval '31 hours'
FROM generate_series(1, 40) AS n;

INSERT INTO feedback_reviewplatform (slug, name, website, contact_email) VALUES
  ('course-compass', 'Course Compass', 'https://compass.example.com', 'reviews@compass.example.com'),
  ('bootcamp-board', 'Bootcamp Board', 'https://board.example.com', 'hello@board.example.com'),
  ('rate-my-school', 'Rate My School', 'https://rate.example.com', 'team@rate.example.com');

-- ---- from a cohort to its syllabus

INSERT INTO admissions_syllabus (id, slug, name, academy_owner_id, forked_from_id, duration_in_hours, duration_in_days, week_hours,
                                 created_at, updated_at, private, is_documentation)
SELECT id, slug, name, owner, forked_from, hours, hours / 6, 18,
       timestamptz '2024-02-05 10:00+00' + id * interval '50 hours', timestamptz '2025-11-03 10:00+00' + id * interval '7 hours',
       slug IS NULL, slug IS NOT DISTINCT FROM 'git-basics'
FROM (VALUES
  ( 1, 'full-stack-ft',             'Full Stack, full time',              1, NULL::integer, 320),
  ( 2, 'full-stack-pt',             'Full Stack, part time',              1, NULL, 320),
  ( 3, 'full-stack-ft-es',          'Full Stack, tiempo completo',        2, 1,    320),
  ( 4, 'full-stack-pt-es',          'Full Stack, tiempo parcial',         2, 2,    320),
  ( 6, 'data-science-ft',           'Data Science, full time',            2, NULL, 400),
  ( 7, 'data-science-pt',           'Data Science, part time',            2, 6,    400),
  ( 8, 'machine-learning-pt',       'Machine Learning Engineering',       4, 7,    240),
  (10, 'cybersecurity',             'Cybersecurity',                      4, NULL, 360),
  (11, 'cybersecurity-pt',          'Cybersecurity, part time',           4, 10,   360),
  (13, NULL,                        'A draft that has no slug yet',       5, NULL, 80),
  (14, 'ui-ux-design',              'UI/UX Design',                       5, NULL, 200),
  (15, 'devops-pt',                 'DevOps, part time',                  9, NULL, 220),
  (17, 'cloud-computing',           'Cloud Computing',                    9, 15,   180),
  (18, 'mobile-development',        'Mobile Development',                12, NULL, 300),
  (19, 'python-fundamentals',       'Python Fundamentals',               12, NULL, 60),
  (21, 'web-development-prework',   'Prework: Web Development',          12, NULL, 40),
  (22, 'git-basics',                'Git Basics',                        12, NULL, 12),
  (24, 'full-stack-ft',             'Full Stack, full time, for Madrid',  4, 1,    320),
  (26, 'applied-ai',                'Applied AI',                         1, 8,    150),
  (27, NULL,                        NULL,                              NULL, 26,   NULL),
  (30, 'data-engineering-ft',       'Data Engineering, full time',        9, 6,    380)
) AS s (id, slug, name, owner, forked_from, hours);

INSERT INTO admissions_syllabusversion (id, syllabus_id, version, json, status, integrity_status, created_at, updated_at)
SELECT id, syllabus, version, jsonb_build_object('days', jsonb_build_array(jsonb_build_object('id', 1, 'label', 'Day 1'))),
       CASE WHEN syllabus IN (13, 27) THEN 'DRAFT' ELSE 'PUBLISHED' END, 'PENDING',
       timestamptz '2024-03-04 10:00+00' + id * interval '50 hours', timestamptz '2025-11-10 10:00+00' + id * interval '7 hours'
FROM (VALUES
  ( 1,  1, 1), ( 2,  1, 2), ( 3,  1, 3), ( 4,  2, 1), ( 5,  2, 2), ( 6,  3, 1), ( 7,  3, 2), ( 9,  4, 1), (10,  6, 1), (11,  6, 2),
  (12,  7, 1), (13,  7, 4), (15,  8, 1), (16, 10, 1), (17, 10, 2), (18, 11, 1), (20, 13, 1), (21, 14, 1), (22, 15, 1), (23, 15, 2),
  (25, 17, 1), (26, 18, 1), (28, 19, 1), (29, 21, 1), (30, 22, 1), (33, 24, 1), (34, 24, 2), (35, 26, 1), (38, 27, 1), (40, 30, 1)
) AS v (id, syllabus, version);

-- The academy is the one that the slug begins with.
INSERT INTO admissions_cohort (id, slug, name, kickoff_date, ending_date, current_day, stage, private, accepts_enrollment_suggestions,
                               never_ends, remote_available, timezone, language, created_at, updated_at, academy_id, schedule_id,
                               syllabus_version_id, enable_assessments_telemetry)
SELECT c.id, c.slug, initcap(replace(c.slug, '-', ' ')),
       timestamptz '2025-01-13 15:00+00' + c.id * interval '168 hours',
       CASE WHEN c.slug NOT LIKE '%prework%' THEN timestamptz '2025-05-13 15:00+00' + c.id * interval '168 hours' END,
       c.id % 60, CASE WHEN c.id < 50 THEN 'ENDED' ELSE 'STARTED' END, false, true, c.slug LIKE '%prework%', true,
       CASE a.slug WHEN 'miami' THEN 'America/New_York' WHEN 'madrid' THEN 'Europe/Madrid' END,
       CASE WHEN a.slug IN ('santiago', 'bogota', 'madrid') THEN 'es' ELSE 'en' END,
       timestamptz '2024-12-02 09:00+00' + c.id * interval '100 hours', timestamptz '2025-12-01 09:00+00' + c.id * interval '5 hours',
       a.id, c.id % 6 + 1, c.version, true
FROM (VALUES
  ( 3, 'miami-web-dev-pt-1', 4),             ( 4, 'miami-web-dev-pt-2', 4),             ( 5, 'miami-web-dev-pt-3', 5),
  ( 6, 'miami-web-dev-ft-1', 1),             ( 8, 'miami-web-dev-ft-2', 2),             (11, 'miami-web-dev-ft-3', 3),
  (12, 'miami-applied-ai-pt-1', 35),         (13, 'miami-cybersecurity-ft-1', 16),      (17, 'miami-data-science-pt-1', 12),
  (18, 'santiago-data-science-ft-1', 10),    (19, 'santiago-data-science-ft-2', 10),    (22, 'santiago-data-science-ft-3', 11),
  (23, 'santiago-data-science-pt-1', 12),    (24, 'santiago-data-science-pt-2', 13),    (25, 'santiago-web-dev-ft-1', 6),
  (28, 'santiago-web-dev-ft-2', 7),          (29, 'santiago-web-dev-pt-1', 9),          (31, 'madrid-web-dev-ft-1', 33),
  (32, 'madrid-web-dev-ft-2', 34),           (33, 'madrid-web-dev-ft-3', 34),           (36, 'madrid-cybersecurity-1', 16),
  (37, 'madrid-alumni-2025', NULL),          (38, 'madrid-cybersecurity-2', 17),        (41, 'madrid-cybersecurity-pt-1', 18),
  (42, 'madrid-machine-learning-pt-1', 15),  (45, 'bogota-web-dev-pt-1', 9),            (46, 'bogota-web-dev-pt-2', 9),
  (47, 'bogota-ui-ux-design-1', 21),         (51, 'bogota-pilot-1', 20),                (52, 'bogota-data-science-ft-1', 11),
  (55, 'lisbon-devops-pt-1', 22),            (56, 'lisbon-devops-pt-2', 23),            (58, 'lisbon-open-house', NULL),
  (59, 'lisbon-cloud-computing-1', 25),      (61, 'lisbon-data-engineering-ft-1', 40),  (64, 'online-mobile-development-1', 26),
  (65, 'online-python-fundamentals-1', 28),  (68, 'online-web-dev-prework', 29),        (70, 'online-git-basics-1', 30),
  (71, 'online-fork-trial', 38),             (74, 'online-community', NULL)
) AS c (id, slug, version) JOIN admissions_academy AS a ON a.slug = split_part(c.slug, '-', 1);

-- ---- what is to be filled

-- The n-th row gets one of the 41 cohorts in turn, or none; `leads_to` is its cohort's syllabus.
CREATE TEMPORARY TABLE example_row ON COMMIT DROP AS
SELECT n, c.id AS cohort_id, c.academy_id, v.syllabus_id AS leads_to
FROM generate_series(1, 400) AS n
LEFT JOIN (SELECT *, row_number() OVER (ORDER BY id) AS place FROM admissions_cohort) AS c
  ON c.place = n * 17 % 41 + 1 AND n % 13 <> 5
LEFT JOIN admissions_syllabusversion AS v ON v.id = c.syllabus_version_id;

CREATE TEMPORARY TABLE example_comment ON COMMIT DROP AS
SELECT * FROM (VALUES
  (0, NULL), (1, ''), (2, 'Great teachers, great class'), (3, E'a\ttab, and\tanother'), (4, E'first line\nsecond line\n'),
  (5, E'C:\\temp\\new, \\N and \\.'), (6, E'\\.'), (7, 'she said "wow", twice'), (8, 'It''s fine; DROP TABLE feedback_answer; --'),
  (9, 'Muy útil: ¡gracias, señor! 学习 🎓'), (10, E'Windows\r\nline ends'), (11, E'\\N'), (12, ' spaces around '), (13, 'Too fast for me')
) AS c (place, text);

-- 300 answers.
INSERT INTO feedback_answer (id, title, lowest, highest, lang, question_by_slug, score, comment, status, opened_at, sent_at,
                             created_at, updated_at, academy_id, asset_id, cohort_id, event_id, live_class_id, mentor_id,
                             mentorship_session_id, token_id, user_id, survey_id, course_slug, syllabus_id)
SELECT 100 + n + n / 7 * 4, 'How likely are you to recommend this cohort to your friends?', 'not likely', 'very likely',
       CASE WHEN n % 3 = 0 THEN 'es' ELSE 'en' END, NULL, CASE WHEN n % 5 > 0 THEN n * 7 % 10 + 1 END, c.text,
       CASE WHEN n % 5 > 0 THEN 'ANSWERED' ELSE 'SENT' END, CASE WHEN n % 5 > 0 THEN timestamptz '2026-01-12 12:00+00' + n * interval '61 minutes' END,
       timestamptz '2026-01-12 10:00+00' + n * interval '61 minutes',
       timestamptz '2026-01-12 09:00+00' + n * interval '61 minutes', timestamptz '2026-02-02 09:00+00' + n * interval '61 minutes 7.000003 seconds',
       academy_id, CASE WHEN n % 37 = 1 THEN n % 8 + 1 END, cohort_id, CASE WHEN n % 41 = 2 THEN n % 8 + 1 END,
       CASE WHEN n % 43 = 3 THEN n % 8 + 1 END, CASE WHEN n % 10 = 4 THEN 30 END, CASE WHEN n % 47 = 4 THEN n % 8 + 1 END,
       CASE WHEN n % 5 = 0 THEN n / 5 END, (n * 11 % 40 + 1) * 3, n % 12 + 1, NULL,
       CASE
         WHEN n % 17 = 3 THEN CASE WHEN leads_to = 22 THEN 21 ELSE 22 END  -- by hand, not what the cohort leads to
         WHEN n % 6 = 2 THEN leads_to                                      -- already right
       END
FROM example_row AS r JOIN example_comment AS c ON c.place = n % 14
WHERE n <= 300;

-- 80 reviews.
INSERT INTO feedback_review (id, nps_previous_rating, total_rating, public_url, status, status_text, comments, is_public, lang,
                             created_at, updated_at, author_id, cohort_id, platform_id, course_slug, syllabus_id)
SELECT 20 + m + m / 5 * 3, m * 7 % 10 + 1, CASE WHEN m % 4 = 0 THEN 4.5 END,
       CASE WHEN m % 4 = 0 THEN 'https://board.example.com/review/' || m END,
       CASE m % 4 WHEN 0 THEN 'DONE' WHEN 1 THEN 'REQUESTED' WHEN 2 THEN 'PENDING' ELSE 'IGNORE' END, NULL, c.text, m % 4 = 0,
       CASE WHEN m % 3 = 0 THEN 'es' ELSE 'en' END,
       timestamptz '2026-01-19 09:00+00' + m * interval '151 minutes', timestamptz '2026-02-16 09:00+00' + m * interval '151 minutes 11.000007 seconds',
       (m * 11 % 40 + 1) * 3, cohort_id, (ARRAY['course-compass', 'bootcamp-board', 'rate-my-school'])[m % 3 + 1], NULL,
       CASE
         WHEN m % 17 = 3 THEN CASE WHEN leads_to = 22 THEN 21 ELSE 22 END
         WHEN m % 6 = 2 THEN leads_to
       END
FROM example_row AS r JOIN example_comment AS c ON c.place = n % 14, LATERAL (SELECT n - 300 AS m) AS place
WHERE n BETWEEN 301 AND 380;

-- The next row that the application adds gets the next free id.
DO $$
DECLARE name text;
BEGIN
  FOR name IN SELECT table_name FROM information_schema.columns
              WHERE table_schema = 'public' AND column_name = 'id' AND is_identity = 'YES' LOOP
    EXECUTE format('SELECT setval(pg_get_serial_sequence(%L, ''id''), max(id)) FROM %I', name, name);
  END LOOP;
END
$$;
COMMIT;

ANALYZE admissions_academy, admissions_syllabusschedule, admissions_syllabus, admissions_syllabusversion, admissions_cohort,
        auth_user, authenticate_token, feedback_survey, feedback_reviewplatform, feedback_answer, feedback_review;
