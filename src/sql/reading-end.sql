
\if :{?in_transaction}
\else
COMMIT;
\endif
