-- The data behind the outputs in this folder, on tables cut down to what the back-fill reads.
CREATE TABLE admissions_syllabus (id integer PRIMARY KEY, slug varchar(100));
CREATE TABLE admissions_syllabusversion (
  id integer PRIMARY KEY,
  version smallint NOT NULL,
  syllabus_id integer NOT NULL REFERENCES admissions_syllabus DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE admissions_cohort (
  id integer PRIMARY KEY,
  slug varchar(150) NOT NULL UNIQUE,
  syllabus_version_id integer REFERENCES admissions_syllabusversion DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE feedback_answer (
  id integer PRIMARY KEY,
  comment text,
  updated_at timestamptz NOT NULL DEFAULT '2026-01-01',
  cohort_id integer REFERENCES admissions_cohort DEFERRABLE INITIALLY DEFERRED,
  syllabus_id integer REFERENCES admissions_syllabus DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE feedback_review (
  id integer PRIMARY KEY,
  comments text,
  updated_at timestamptz NOT NULL DEFAULT '2026-01-01',
  cohort_id integer REFERENCES admissions_cohort DEFERRABLE INITIALLY DEFERRED,
  syllabus_id integer REFERENCES admissions_syllabus DEFERRABLE INITIALLY DEFERRED
);

INSERT INTO admissions_syllabus VALUES
  (1, 'full-stack'),
  (2, 'data-science'),
  (3, NULL);
INSERT INTO admissions_syllabusversion (id, version, syllabus_id) VALUES
  (1, 1, 1),
  (2, 4, 1),
  (3, 1, 2),
  (4, 1, 3);
INSERT INTO admissions_cohort VALUES
  (1, 'miami-web-dev-pt-1', 2),
  (2, 'santiago-data-science-ft-1', 3),
  (3, 'bogota-web-dev-ft-2', 1),
  (4, 'madrid-no-slug', 4),
  (5, 'lisbon-no-syllabus', NULL);
INSERT INTO feedback_answer (id, cohort_id, syllabus_id, comment) VALUES
  (1, 1, NULL, 'a'),
  (2, 1, NULL, NULL),
  (3, 2, NULL, E'tab\there'),
  (4, 5, NULL, 'no syllabus'),
  (5, NULL, NULL, 'no cohort'),
  (6, 4, NULL, 'syllabus without a slug'),
  (7, 3, NULL, 'd'),
  (8, 1, 2, 'already set');
INSERT INTO feedback_review (id, cohort_id, syllabus_id) VALUES
  (1, 1, NULL),
  (2, 3, NULL),
  (3, 5, NULL),
  (4, 2, 1);
