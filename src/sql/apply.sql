SET lock_timeout = {lock_timeout};  -- ms

-- One batch: what the plan says, and what became of the records to which something else happened.
CREATE TEMPORARY TABLE fb_batch (
  n bigint,  -- the record's place in the plan
  model text, id bigint, cohort_id bigint, cohort text, syllabus_id bigint, syllabus text
);
CREATE TEMPORARY TABLE fb_outcome (n bigint, status text, detail text);

CREATE TEMPORARY VIEW fb_receipts AS
  SELECT b.n, coalesce(o.status, '{done}') AS status,
         b.model, b.id, b.cohort_id, b.cohort, b.syllabus_id, b.syllabus, o.detail
  FROM fb_batch AS b LEFT JOIN fb_outcome AS o ON o.n = b.n;

-- Of records with the same model and id the first in the batch counts.
CREATE PROCEDURE pg_temp.fb_set_duplicates_aside() LANGUAGE sql AS $$
  INSERT INTO pg_temp.fb_outcome
  SELECT n, 'skipped', 'duplicate'
  FROM (SELECT n, row_number() OVER (PARTITION BY model, id ORDER BY n) AS copy FROM pg_temp.fb_batch) AS b
  WHERE copy > 1
$$;

\qecho 'status\tmodel\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus\tdetail'

