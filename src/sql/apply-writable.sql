
-- Stop here if this server or session cannot write, or would not check what is written.
DO $fb$ BEGIN
  IF pg_catalog.pg_is_in_recovery() THEN
    RAISE 'this server is a standby, which cannot be written to'
    USING HINT = 'Connect to the primary, for example with PGTARGETSESSIONATTRS=read-write and all hosts in PGHOST.';
  ELSIF pg_catalog.current_setting('default_transaction_read_only') OPERATOR(pg_catalog.=) 'on' THEN
    RAISE 'this database or role is read-only (default_transaction_read_only)'
    USING HINT = 'A provider may set this when a disk is full. To write anyway: PGOPTIONS=''-c default_transaction_read_only=off''';
  ELSIF pg_catalog.current_setting('session_replication_role') OPERATOR(pg_catalog.=) 'replica' THEN
    RAISE 'foreign keys and triggers are disabled (session_replication_role = replica)'
    USING HINT = 'To enable them: PGOPTIONS=''-c session_replication_role=origin''';
  END IF;
END $fb$;
