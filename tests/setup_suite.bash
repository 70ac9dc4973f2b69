# What bats does once, before all files.

setup_suite() {
  [ "${PG_BINDIR-}" != none ] || return 0
  load helper
  for template in example sample schema; do new_template "$template"; done
  # Roles belong to the whole server: tests that create this one at the same time would conflict.
  psql -Xqc 'CREATE ROLE feedback_backfill LOGIN'
  # A superuser who needs a password; nobody else does.
  { echo 'local all must_give_password scram-sha-256'; cat "$PGHOST/data/pg_hba.conf"; } > "$BATS_SUITE_TMPDIR/pg_hba.conf"
  cat "$BATS_SUITE_TMPDIR/pg_hba.conf" > "$PGHOST/data/pg_hba.conf"
  psql -Xqc "SET password_encryption = 'scram-sha-256'" -c "CREATE ROLE must_give_password SUPERUSER LOGIN PASSWORD 'this one'" \
    -c 'SELECT pg_reload_conf()' > /dev/null
}
