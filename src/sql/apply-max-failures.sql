
-- After each batch and its receipts, the script stops if more than {max_failures} of the records so far have failed.
DROP TABLE IF EXISTS pg_temp.fb_so_far;
CREATE TEMPORARY TABLE fb_so_far AS SELECT 0::bigint AS records, 0::bigint AS failed;

CREATE OR REPLACE PROCEDURE pg_temp.fb_stop_if_too_many_failed() LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  so_far record;
BEGIN
  UPDATE pg_temp.fb_so_far
  SET records = records + (SELECT count(*) FROM pg_temp.fb_batch),
      failed = failed + (SELECT count(*) FROM pg_temp.fb_batch WHERE status = 'failed')
  WHERE true  -- safeupdate refuses an UPDATE without a WHERE
  RETURNING * INTO so_far;
  IF {too_many} THEN
    RAISE 'stopped: % of % records so far have failed, more than --max-failures %',
      so_far.failed, so_far.records, '{max_failures}'
    USING HINT = 'Their receipts say why. What is committed remains; run it again to continue and to retry these records.';
  END IF;
END
$$;

\set commit_and_print_receipts :commit_and_print_receipts ' \\; BEGIN READ WRITE \\; CALL pg_temp.fb_stop_if_too_many_failed() \\; COMMIT'
