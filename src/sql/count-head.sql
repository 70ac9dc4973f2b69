\qecho 'model\tcohort_id\tcohort\tsyllabus_id\tsyllabus\trows'

