-- Made by fb-apply {version}: {purpose}.
--
--     psql -Xq < this > receipts.tsv
--
-- Each batch is a transaction of its own: COPY brings its records (at most {batch_size}) into the
-- temporary table fb_batch, for each model fb_{verb}_MODEL brings them to its table, and after the
-- COMMIT their receipts are printed. Cut off anywhere, the open batch changes nothing.

