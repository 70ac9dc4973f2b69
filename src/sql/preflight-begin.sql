-- Checks in a read-only transaction, for each model, whether this role may do what the script does.
\set ON_ERROR_STOP on
BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY
  \; SET LOCAL statement_timeout = 0 \; SET LOCAL idle_in_transaction_session_timeout = 0
  \; SET LOCAL lock_timeout = {lock_timeout};

