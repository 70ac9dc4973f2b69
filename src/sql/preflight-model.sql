EXPLAIN UPDATE :"{model}_schema".{relation} AS t
  SET {syllabus_id} = t.{syllabus_id} WHERE t.{id} OPERATOR(pg_catalog.=) t.{cohort_id} AND false;
