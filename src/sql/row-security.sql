\if :hides_rows
DO $fb$ BEGIN
  RAISE 'row-level security hides rows of % from this role', $sql${relation}$sql$
  USING HINT = 'Run it as a role that sees all rows, or with --enable-row-security to work on those that this one sees.';
END $fb$;
\endif
