"""Run fb-backfill as a management command, in place of the original one. README.md says what differs."""
import os
import re
import signal
import subprocess
import tempfile
import threading
from contextlib import contextmanager

from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, connections

# libpq's environment variables for the keys of a database in settings.DATABASES, and for those of its OPTIONS.
SETTINGS = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "NAME": "PGDATABASE"}
OPTIONS = {
    name: "PG" + name.upper().replace("_", "")
    for name in (
        "channel_binding gssdelegation gssencmode gsslib hostaddr krbsrvname load_balance_hosts options passfile "
        "require_auth requirepeer service ssl_max_protocol_version ssl_min_protocol_version sslcert sslcertmode "
        "sslcompression sslcrl sslcrldir sslkey sslmode sslrootcert sslsni target_session_attrs"
    ).split()
}
OPTIONS.update(application_name="PGAPPNAME", connect_timeout="PGCONNECT_TIMEOUT")

# What fb-backfill prints on standard error if it changed nothing. In doubt, the cache is cleared.
UNCHANGED = re.compile(r"^fb-backfill: (.*nothing was changed$|see 'fb-backfill --help'$|0 rows |\d+ rows? (would|still) )")


@contextmanager
def libpq_environment(alias):
    """The environment in which libpq connects to the same database as Django.

    The password goes to a file that only its owner can read: some systems show environments to other users.
    """
    database = connections[alias].settings_dict
    variables = {variable: database[name] for name, variable in SETTINGS.items() if database[name]}
    service = database["OPTIONS"].get("service")
    if service and variables:  # libpq would use the service, Django the others: maybe not the same database
        raise CommandError(f"database '{alias}': a service cannot be combined with {', '.join(SETTINGS)}", returncode=2)
    if not service and os.environ.get("PGSERVICE"):  # the same: libpq would connect to what that service says
        raise CommandError("PGSERVICE is set in the environment; unset it, or name the service in settings", returncode=2)
    if not service:
        variables.setdefault("PGDATABASE", "postgres")  # as Django does
    variables.update({OPTIONS[name]: value for name, value in database["OPTIONS"].items() if name in OPTIONS})
    environment = {**os.environ, **{variable: str(value) for variable, value in variables.items()}}
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="pgpass-") as passfile:
        if database["PASSWORD"]:
            passfile.write("*:*:*:*:" + re.sub(r"([\\:])", r"\\\1", str(database["PASSWORD"])) + "\n")
            passfile.flush()
            environment["PGPASSFILE"] = passfile.name
            environment.pop("PGPASSWORD", None)
        yield environment


@contextmanager
def passing_on_signals(child):
    """Pass signals that would end this process to the child instead, which then ends properly."""
    if threading.current_thread() is not threading.main_thread():  # only that one can set handlers
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda number, frame: child.send_signal(number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Command(BaseCommand):
    help = "Backfill syllabus field on Answer and Review models based on cohort's syllabus_version"

    def add_arguments(self, parser):
        models, databases = ["answer", "review", "all"], tuple(connections)
        parser.add_argument("--dry-run", action="store_true", help="Show what would be updated without making changes")
        parser.add_argument("--model", choices=models, default="all", help="Which model to update (answer, review, or all)")
        parser.add_argument("--limit", type=int, help="Limit the number of records to process")
        parser.add_argument("--database", choices=databases, default=DEFAULT_DB_ALIAS, help="Which database to update")
        parser.add_argument("fb_option", nargs="*", help="Further options of fb-backfill, after --")

    def handle(self, *args, **options):
        alias, further = options["database"], options["fb_option"]
        if connections[alias].vendor != "postgresql":
            raise CommandError(f"database '{alias}' is not PostgreSQL", returncode=2)
        if further and not further[0].startswith("-"):  # fb-backfill would take it for the name of a database
            raise CommandError(f"unrecognized arguments: {' '.join(further)}", returncode=2)
        colored = self.style.SUCCESS("-") != "-"
        command = ["fb-backfill", "--no-password", f"--color={'always' if colored else 'never'}"]
        if options["dry_run"]:
            command.append("--dry-run")
        if options["model"] != "all":
            command.append(f"--model={options['model']}")
        if options["limit"] is not None:
            command.append(f"--limit={options['limit']}")
        which = "" if alias == DEFAULT_DB_ALIAS else f"--database={alias} "
        self.again = f"manage.py backfill_feedback_syllabus {which}-- "
        self.changed = not options["dry_run"]
        self.lost = False

        with libpq_environment(alias) as environment:
            status = self.run(command + further, environment)
        if self.changed:
            self.clear_cache()
        if status < 0:
            raise CommandError(f"interrupted by {signal.Signals(-status).name}", returncode=128 - status)
        if self.lost:
            raise CommandError("the report could not be written", returncode=2)
        if status > 0:
            raise CommandError(f"fb-backfill: exit status {status}", returncode=status)

    def run(self, command, environment):
        """Run fb-backfill to its end. Return its exit status, or minus the signal that it died of."""
        pipe = subprocess.PIPE
        try:  # in its own session, or a terminal's Ctrl-C would reach it twice, and the second rolls back
            child = subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, start_new_session=True)
        except OSError as error:
            raise CommandError(f"fb-backfill: {error.strerror}", returncode=2)
        with passing_on_signals(child), child:
            messages = threading.Thread(target=self.pass_on, args=(child.stderr, self.stderr))
            messages.start()
            self.pass_on(child.stdout, self.stdout)
            messages.join()
        return child.returncode

    def pass_on(self, pipe, out):
        """Write each line as it comes. If nobody reads them any more, the run goes on without."""
        for line in pipe:
            text = line.decode(errors="replace").replace(" with: fb-backfill ", f" with: {self.again}")
            if out is self.stderr and UNCHANGED.search(text):
                self.changed = False
            try:
                out.write(text, str, "")  # str: without Django's red for all of stderr
                out.flush()
            except (OSError, ValueError) as error:
                self.lost = True
                pipe.close()
                if isinstance(error, BrokenPipeError):  # or it fails again when Python exits
                    os.dup2(os.open(os.devnull, os.O_WRONLY), out.buffer.fileno())
                return

    def clear_cache(self):
        """Drop the cached answer lists, as the application does when it saves an answer."""
        try:
            from breathecode.feedback.caches import AnswerCache

            AnswerCache.clear()
        except Exception as error:
            self.stderr.write(f"the cached answer lists were not cleared: {error}")
