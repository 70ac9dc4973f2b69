
-- Rows are identified by their ids. If nothing makes the ids unique, warn about repeated ones now: their records may fail.
SELECT NOT EXISTS (
    SELECT FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_attribute AS a
      ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid AND a.attnum OPERATOR(pg_catalog.=) i.indkey[0]
    WHERE i.indrelid OPERATOR(pg_catalog.=) c.oid AND i.indisunique AND i.indisvalid AND i.indnkeyatts OPERATOR(pg_catalog.=) 1
      AND i.indpred IS NULL AND pg_catalog.format('"%s"', pg_catalog.replace(a.attname, '"', '""')) OPERATOR(pg_catalog.=) $fb${id}$fb$
  ) OR c.relhassubclass AND c.relkind OPERATOR(pg_catalog.<>) 'p' AS ids_may_repeat
FROM pg_catalog.pg_class AS c
WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.format('%I.%s', :'{model}_schema', $fb${relation}$fb$)::pg_catalog.regclass \gset
\if :ids_may_repeat
SELECT pg_catalog.count(*) AS repeated, pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS ids_repeat
FROM (
  SELECT t.{id} FROM :"{model}_schema".{relation} AS t GROUP BY t.{id}
  HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1 AND pg_catalog.bool_or(t.{cohort_id} IS NOT NULL AND t.{syllabus_id} IS NULL)
) AS r \gset
\if :ids_repeat
\warn '{model}:' :repeated 'ids to be filled belong to more than one row each; their records may fail'
\endif
\endif
