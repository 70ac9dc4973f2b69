
SELECT coalesce((SELECT n.nspname FROM pg_catalog.pg_namespace AS n WHERE n.oid OPERATOR(pg_catalog.=) c.relnamespace), '') AS {variable},
  coalesce(pg_catalog.row_security_active(c.oid), false) AS hides_rows
FROM (SELECT {find}$fb${schema}{dot}{relation}$fb${found}) AS r (oid) LEFT JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) r.oid \gset
