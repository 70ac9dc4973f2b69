
-- All is read in one snapshot. A script that has begun a transaction itself, and includes this one, sets in_transaction.
\if :{?in_transaction}
\else
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
\endif
