\if :hides_rows
DO $fb$ BEGIN
  RAISE 'row-level security hides rows of % from this role', $sql${relation}$sql$
  USING HINT = 'Run it as a role that sees all rows, or use --enable-row-security to process only the rows that this role sees.';
END $fb$;
\endif
