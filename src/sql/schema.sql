SELECT coalesce((
    SELECT nspname FROM pg_catalog.pg_namespace WHERE oid OPERATOR(pg_catalog.=) (
      SELECT relnamespace FROM pg_catalog.pg_class WHERE oid OPERATOR(pg_catalog.=) {find}$fb${table}$fb${found})
  ), '') AS {variable} \gset
