
\qecho 'model\tid\tcohort_id\tsyllabus_id'
