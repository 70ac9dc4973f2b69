-- Whether this role could carry it all out: asked of each model before anything is changed, in a transaction that cannot write.
\set ON_ERROR_STOP on
BEGIN READ ONLY
  \; SET LOCAL statement_timeout = 0 \; SET LOCAL idle_in_transaction_session_timeout = 0
  \; SET LOCAL lock_timeout = {lock_timeout};

