\qecho 'model\teligible\tno_syllabus'

