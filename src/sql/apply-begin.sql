COMMIT;

\qecho 'status\tmodel\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus\tdetail'

