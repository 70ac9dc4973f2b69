"""What the original command does to each row, with Django itself: read the rows, then save them one at a time.
original.py ROWS; the database by PGHOST and the rest, as for psql."""
import contextlib
import io
import os
import re
import sys

import django
from django.conf import settings
from django.core.management import call_command

settings.configure(USE_TZ=True, DATABASES={"default": {
    "ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"], "USER": os.environ["PGUSER"],
    "PASSWORD": os.environ.get("PGPASSWORD", ""), "HOST": os.environ["PGHOST"], "PORT": os.environ["PGPORT"]}})
django.setup()

# Models of all tables with all their columns, as Django itself writes them.
source = io.StringIO()
with contextlib.redirect_stderr(io.StringIO()):
    call_command("inspectdb", stdout=source)
code = source.getvalue().replace("        managed = False", "        managed = False\n        app_label = 'original'")
namespace = {"__name__": "original"}
exec(re.sub(r"(ForeignKey|OneToOneField)\('(?!self')", r"\1('original.", code), namespace)
Answer = namespace["FeedbackAnswer"]

rows = Answer.objects.filter(cohort__isnull=False, syllabus__isnull=True, cohort__syllabus_version__syllabus__isnull=False)
for answer in rows.select_related("cohort__syllabus_version__syllabus")[:int(sys.argv[1])]:
    answer.syllabus = answer.cohort.syllabus_version.syllabus
    answer.save()
    print(f"  ✓ Answer {answer.id}: cohort={answer.cohort.slug} → syllabus={answer.syllabus.slug}")
