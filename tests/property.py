#!/usr/bin/env python3
"""property.py SEED...: for each seed a random database, filled by random runs that are killed at random
moments while somebody edits the same rows, then finished in peace; compared with the plain UPDATE.

PGDATABASE names a database with the real schema and no rows. A trigger keeps a log of what each run
commits, so that its receipts can be held against it row for row. A seed repeats the database, the runs
and the moments chosen for the kills; what the machine does meanwhile it cannot repeat.
"""
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

TABLES = {'answer': 'feedback_answer', 'review': 'feedback_review'}
COMMENT = {'answer': 'comment', 'review': 'comments'}
EMPTY_DATABASE = os.environ['PGDATABASE']

# Columns that the real schema requires and that do not matter here; and the log.
PREPARE = r"""
DO $$
DECLARE c record;
BEGIN
  FOR c IN SELECT table_name, column_name, data_type FROM information_schema.columns
           WHERE table_schema = 'public' AND is_nullable = 'NO' AND column_default IS NULL AND column_name !~ '(^|_)id$' LOOP
    EXECUTE format('ALTER TABLE %I ALTER %I SET DEFAULT %L', c.table_name, c.column_name,
      CASE c.data_type WHEN 'character varying' THEN '' WHEN 'boolean' THEN 'f' WHEN 'jsonb' THEN '{}'
        WHEN 'timestamp with time zone' THEN '2026-01-01 12:00+00' ELSE '0' END);
  END LOOP;
END
$$;
ALTER TABLE admissions_cohort ALTER academy_id SET DEFAULT 1;
ALTER TABLE feedback_review ALTER author_id SET DEFAULT 1, ALTER platform_id SET DEFAULT 'p';
INSERT INTO admissions_academy (id, slug) VALUES (1, 'a');
INSERT INTO auth_user (id) VALUES (1);
INSERT INTO feedback_reviewplatform (slug) VALUES ('p');

CREATE TABLE log (app text, model text, id bigint, cohort bigint, old bigint, new bigint, only_syllabus boolean);
CREATE FUNCTION keep_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('application_name') <> 'editor' THEN
    INSERT INTO log VALUES (current_setting('application_name'), TG_ARGV[0], OLD.id, OLD.cohort_id, OLD.syllabus_id,
      NEW.syllabus_id, to_jsonb(OLD) - 'syllabus_id' = to_jsonb(NEW) - 'syllabus_id');
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER keep_log AFTER UPDATE ON feedback_answer FOR EACH ROW EXECUTE FUNCTION keep_log('answer');
CREATE TRIGGER keep_log AFTER UPDATE ON feedback_review FOR EACH ROW EXECUTE FUNCTION keep_log('review');
"""
BIGINT_COLUMNS = {
    'admissions_syllabus': ['id'], 'admissions_syllabusversion': ['id', 'syllabus_id'], 'admissions_cohort': ['id', 'syllabus_version_id'],
    'feedback_answer': ['id', 'cohort_id', 'syllabus_id'], 'feedback_review': ['id', 'cohort_id', 'syllabus_id']}
BIGINT = ''.join(f'ALTER TABLE {table} ' + ', '.join(f'ALTER {column} TYPE bigint' for column in columns) + ';\n'
                 for table, columns in BIGINT_COLUMNS.items())

STATE = ' UNION ALL '.join(
    f"SELECT '{model}', id, cohort_id, syllabus_id, md5((to_jsonb(t) - 'syllabus_id')::text) FROM {table} AS t"
    for model, table in TABLES.items())
ELIGIBLE = 'SELECT ' + ' + '.join(
    f"""(SELECT count(*) FROM {table} AS t JOIN admissions_cohort AS c ON c.id = t.cohort_id
         WHERE t.syllabus_id IS NULL AND c.syllabus_version_id IS NOT NULL)""" for table in TABLES.values())
PLAIN_UPDATE = ''.join(
    f"""UPDATE {table} AS t SET syllabus_id = v.syllabus_id
        FROM admissions_cohort AS c JOIN admissions_syllabusversion AS v ON v.id = c.syllabus_version_id
        WHERE c.id = t.cohort_id AND t.syllabus_id IS NULL;""" for table in TABLES.values())


class Wrong(Exception):
    """A check failed."""


def environment(name, **more):
    return dict(os.environ, PGAPPNAME=name, PGOPTIONS='-c client_min_messages=warning', **more)


def sql(database, text):
    done = subprocess.run(['psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', database], input=text.encode(),
                          env=environment('driver'), capture_output=True, check=False)
    if done.returncode:
        raise Wrong(done.stderr.decode())
    return done.stdout.decode()


def records(text):
    """COPY's text, as lists of fields that are still escaped. An incomplete last line is ignored."""
    return [line.split('\t') for line in text.split('\n')[:-1]]


def number(field):
    return None if field == r'\N' else int(field)


def copy_field(value):
    if value is None:
        return r'\N'
    return ''.join({'\\': r'\\', '\t': r'\t', '\n': r'\n', '\r': r'\r'}.get(c, c) for c in str(value))


def copy(table, columns, rows):
    lines = ''.join('\t'.join(map(copy_field, row)) + '\n' for row in rows)
    return f'COPY {table} ({columns}) FROM STDIN;\n{lines}\\.\n'


# ---- a random database

HOSTILE = ["'", '"', '\\', '\\.', '\n\\.\n', '\t', '\n', '\r', '\\N', '\\n', '$$', ':x', ":'x'", '`touch pwned`', '\\! touch pwned\n',
           '; DROP TABLE feedback_answer; --', '{model}', '%s', 'é', '🎓', '\u202e', '\x1b[2J', '\x7f', '\u0085', ' ', 'None', 'a', 'web-dev']


def slug(rng, longest):
    return ''.join(rng.choice(HOSTILE) for _ in range(rng.randrange(1, 9)))[:longest]


def some_ids(rng, count, bigint):
    """Different ids: consecutive, with gaps, negative, at the limits of the column."""
    end = 2 ** (63 if bigint else 31)
    ids = set()
    while len(ids) < count:
        first = rng.choice([1, 1, -3, -count * 2, rng.randrange(-end, end - 1), -end, end - count])
        gap = rng.choice([1, 1, 3, 1000])
        ids.update(i for i in range(first, first + gap * rng.randrange(1, count + 1), gap) if -end <= i < end)
    return rng.sample(sorted(ids), count)


class Database:
    """The contents of a random database, and what may become of it."""

    def __init__(self, rng, name):
        self.name = name
        bigint = rng.random() < 0.5
        self.syllabuses = some_ids(rng, rng.randrange(1, 12), bigint)
        self.versions = {i: rng.choice(self.syllabuses) for i in some_ids(rng, rng.randrange(1, 20), bigint)}
        self.cohorts = {i: rng.choice([None] + [*self.versions] * 4) for i in some_ids(rng, rng.randrange(1, 30), bigint)}
        # Every syllabus that a cohort ever led to.
        self.leads = {i: {self.versions.get(version)} - {None} for i, version in self.cohorts.items()}
        self.rows = {}
        for model in TABLES:
            for i in some_ids(rng, rng.choice([1, 5, 80, 300, 700]), bigint):
                cohort = rng.choice([None] + [*self.cohorts] * 8)
                right = self.versions.get(self.cohorts.get(cohort))
                self.rows[model, i] = cohort, rng.choice([None] * 6 + [right, rng.choice(self.syllabuses)])
        sql('postgres', f'CREATE DATABASE {name} TEMPLATE {EMPTY_DATABASE};\nALTER DATABASE {name} SET deadlock_timeout = 20;')
        sql(name, (BIGINT if bigint else '') + PREPARE
            + copy('admissions_syllabus', 'id, slug', [(i, rng.choice([None, slug(rng, 100), 'same'])) for i in self.syllabuses])
            + copy('admissions_syllabusversion', 'id, syllabus_id', self.versions.items())
            + copy('admissions_cohort', 'id, syllabus_version_id, slug',
                   [(i, version, slug(rng, 120) + str(i)) for i, version in self.cohorts.items()])
            + ''.join(copy(table, f'id, cohort_id, syllabus_id, {COMMENT[model]}',
                           [(i, *row, slug(rng, 99)) for (m, i), row in self.rows.items() if m == model]) for model, table in TABLES.items()))
        self.first = self.state()
        self.oracle = self.state(PLAIN_UPDATE)

    def state(self, after=''):
        """{(model, id): (cohort_id, syllabus_id, everything else)}, as it is or would be after some SQL."""
        return {(model, int(i)): (number(cohort), number(syllabus), rest) for model, i, cohort, syllabus, rest
                in records(sql(self.name, f'BEGIN;\n{after}\nCOPY ({STATE}) TO STDOUT;\nROLLBACK;'))}


class Editor(threading.Thread):
    """Another session, which keeps editing rows and cohorts. The oracle cannot predict what it touched."""

    def __init__(self, rng, database):
        super().__init__(daemon=True)
        self.rng, self.database = rng, database
        self.cohorts = set()    # may lead to another syllabus now
        self.rows = set()       # may have another cohort or syllabus
        self.commented = set()  # may have another comment
        self.stopping = threading.Event()

    def edit(self):
        rng, database = self.rng, self.database
        key = model, i = rng.choice([*database.rows])
        table = TABLES[model]
        kind = rng.choice(['comment', 'comment', 'backwards', 'backwards', 'cohort', 'syllabus', 'delete', 'insert', 'leads'])
        if kind in ('comment', 'backwards'):
            # Backwards, against the order in which batches lock: often a deadlock.
            ids = sorted((j for m, j in rng.sample([*database.rows], min(40, len(database.rows))) if m == model), reverse=True)
            self.commented.update((model, j) for j in ids)
            updates = [f"UPDATE {table} SET {COMMENT[model]} = 'edited' WHERE id = {j};" for j in ids]
            return f"BEGIN; {'SELECT pg_sleep(0.001);'.join(updates)} COMMIT;" if kind == 'backwards' else ''.join(updates[:1])
        if kind == 'leads':
            cohort = rng.choice([*database.cohorts])
            version = rng.choice([None, *database.versions])
            self.cohorts.add(cohort)
            if version is not None:
                database.leads[cohort].add(database.versions[version])
            return f"UPDATE admissions_cohort SET syllabus_version_id = {'NULL' if version is None else version} WHERE id = {cohort};"
        self.rows.add(key)
        if kind == 'cohort':
            return f'UPDATE {table} SET cohort_id = {rng.choice([*database.cohorts])} WHERE id = {i};'
        if kind == 'syllabus':
            return f"UPDATE {table} SET syllabus_id = {rng.choice(['NULL', *database.syllabuses])} WHERE id = {i};"
        if kind == 'delete':
            return f'DELETE FROM {table} WHERE id = {i};'
        return f'INSERT INTO {table} (id, cohort_id) VALUES ({i}, {rng.choice([*database.cohorts])}) ON CONFLICT DO NOTHING;'

    def run(self):
        # Without ON_ERROR_STOP: it continues if it is the victim of a deadlock.
        with subprocess.Popen(['psql', '-XqAt', '-d', self.database.name], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, env=environment('editor')) as psql:
            while not self.stopping.is_set():
                psql.stdin.write((self.edit() + '\nROLLBACK;\n').encode())
                psql.stdin.flush()
                self.stopping.wait(self.rng.random() * 0.05)

    def stop(self):
        self.stopping.set()
        self.join()

    def touched(self, key):
        return key in self.rows or self.database.first[key][0] in self.cohorts


# ---- a run, and how it is disturbed

def count_lines(file):
    try:
        with open(file, 'rb') as lines:
            return lines.read().count(b'\n')
    except FileNotFoundError:
        return 0


def read(file):
    with open(file, encoding='utf-8', newline='\n', errors='replace') as text:
        return text.read()


class Run:
    """One run with fb-backfill or by hand, in its own folder."""

    def __init__(self, rng, database, name, undo=(), whole=False):
        self.rng, self.database, self.name = rng, database, name
        self.undo = undo    # the files of receipts to be undone
        self.leader = None  # the process that started the others
        self.killed = None  # (how, whom)
        self.status, self.errors = None, ''
        self.lost = set()   # changed without a receipt
        self.batch_size = rng.choice([1, 2, 7, 7, 30, 30, 100, 5000])
        self.jobs = 1
        self.by_hand = rng.random() < 0.4 or len(undo) > 1
        self.folder = os.path.abspath(name)
        os.makedirs(os.path.join(self.folder, 'tmp'))
        apply = f'--batch-size {self.batch_size} --pause {rng.choice([0, 1, 5, 10])} --lock-timeout {rng.choice([1, 50, 5000])}'
        model, limit = rng.choice(['all', 'all', 'answer', 'review']), rng.choice([0, 0, 1, 50, 400])
        if whole:
            model, limit = 'all', 0
        if not self.by_hand:
            self.jobs = rng.choice([1, 1, 2, 3])
            what = f'--undo {undo[0]}' if undo else f'--model {model} --limit {limit} --plan plan'
            self.command = f'exec fb-backfill {what} --receipts r --jobs {self.jobs} {apply} --summary'
        elif undo:
            self.command = f'fb-apply {apply} --undo {" ".join(undo)} | psql -Xq > r'
        else:
            self.command = f"""fb-resolve --sql | psql -Xq > cohorts &&
                fb-extract --sql --model {model} --limit {limit} | psql -Xq | fb-extract | fb-resolve --cohorts cohorts > plan &&
                fb-apply {apply} plan | psql -Xq > r"""

    def path(self, file):
        return os.path.join(self.folder, file)

    def processes(self):
        """{pid: name} of all processes of the run: its session, and each psql, which has its own session, found by its environment."""
        found = {}
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                name, state, session = re.fullmatch(r'\d+ \((.*)\) (\S+) \S+ \S+ (\S+) .*', read(f'/proc/{pid}/stat').strip()).groups()
                ours = session == str(self.leader.pid) or f'PGAPPNAME={self.name}\0' in read(f'/proc/{pid}/environ')
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if ours and state != 'Z':
                found[int(pid)] = name
        return found

    def backends(self):
        return sql(self.database.name, f"SELECT pid FROM pg_stat_activity WHERE application_name = '{self.name}' ORDER BY pid").split()

    def receipt_files(self):
        """The parts of the jobs while they exist, else the whole file."""
        return sorted(self.path(f) for f in os.listdir(self.folder) if re.fullmatch(r'r\.\d+', f)) or [self.path('r')]

    def disturb(self):
        """Waits for a moment, and kills a process."""
        rng = self.rng
        moment, wanted = rng.random() * 0.3, rng.choice([None, None, 2, 20, 150])
        target, how, place = rng.random(), rng.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]), rng.random()
        began = time.monotonic()
        while self.leader.poll() is None:
            if wanted is None and time.monotonic() - began > moment:
                break
            if wanted is not None and sum(map(count_lines, self.receipt_files())) >= wanted:
                break
            time.sleep(0.002)
        members = self.processes()
        names = sorted({*members.values(), 'backend'})
        names += [name for name in names if name in ('psql', 'fb-apply', 'fb-report', 'fb-backfill', 'backend')] * 2
        name = names[int(target * len(names))]
        if name == 'backend':
            backends = self.backends()
            if backends:
                sql(self.database.name, f'SELECT pg_terminate_backend({backends[int(place * len(backends))]})')
                self.killed = 'terminated', 'backend'
            return
        pids = sorted(pid for pid in members if members[pid] == name)
        pid = pids[int(place * len(pids))]
        try:
            os.kill(pid, how)
            self.killed = how.name, 'leader' if pid == self.leader.pid else name
            if (name, how) == ('psql', signal.SIGINT):
                self.end_stuck(pid)
        except ProcessLookupError:
            pass

    def end_stuck(self, pid):
        """psql 15 may wait for a result forever if it is canceled just when a COPY begins."""
        for _ in range(150):
            time.sleep(0.02)
            if pid not in self.processes():
                return
        os.kill(pid, signal.SIGTERM)

    def go(self, disturbed):
        def defaults():
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        with open(self.path('out'), 'wb') as out, open(self.path('err'), 'wb') as err:
            self.leader = subprocess.Popen(
                ['bash', '-c', 'set -o pipefail; ' + self.command], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                start_new_session=True, preexec_fn=defaults,
                env=environment(self.name, PGDATABASE=self.database.name, TMPDIR=self.path('tmp')))
        if disturbed:
            self.disturb()
        self.status = self.leader.wait(120)
        left = self.processes()
        while self.processes() or self.backends():
            time.sleep(0.02)
        self.errors = read(self.path('err'))
        self.check_end(left)
        self.check_receipts()

    def fail(self, what):
        raise Wrong(f'{what}\nrun {self.name}: {self.command}\nkilled {self.killed}, status {self.status}, '
                    f'receipts {self.receipt_files()}\n{self.errors}')

    def check_end(self, left):
        """fb-backfill, unless it was killed itself, leaves no process and no temporary file."""
        if self.by_hand or self.killed == ('SIGKILL', 'leader'):
            return
        if left:
            self.fail(f'left running: {left}')
        if os.listdir(self.path('tmp')):
            self.fail('left temporary files')
        if self.killed and self.killed[1] == 'leader' and self.status == -signal.Signals[self.killed[0]]:
            self.status = 2  # it dies by the signal that interrupted it, as shell loops expect
        if self.status not in (0, 1, 2):
            self.fail('an unknown exit status')
        if self.killed is None and self.status == 2:
            self.fail('trouble, though nobody was killed')

    def receipts(self):
        """[(status, model, id, cohort_id, syllabus_id)] of all complete lines."""
        return [(line[0], line[1], int(line[2]), int(line[3]), int(line[5]))
                for file in self.receipt_files() if os.path.exists(file) for line in records(read(file))[1:]]

    def plan(self):
        """[(model, id)] of the records to be processed, in order."""
        if self.undo:
            return [(line[1], int(line[2])) for file in self.undo for line in records(read(file)) if line[0] == 'updated']
        if not os.path.exists(self.path('plan')):
            return []
        return [(line[0], int(line[1])) for line in records(read(self.path('plan')))[1:]]

    def check_receipts(self):
        """Compares the receipts with the log: they must agree, except for the last batch of a job."""
        log = records(sql(self.database.name, f"COPY (SELECT model, id, cohort, old, new, only_syllabus FROM log WHERE app = '{self.name}') TO STDOUT"))
        changed = {(model, int(i)): (int(cohort), number(old), number(new)) for model, i, cohort, old, new, _ in log}
        if len(changed) != len(log):
            self.fail('changed a row twice')
        if any(only != 't' for *_, only in log):
            self.fail('changed more than syllabus_id')
        for key, (cohort, old, new) in changed.items():
            empty, full = (new, old) if self.undo else (old, new)
            if empty is not None or full not in self.database.leads[cohort]:
                self.fail(f'{key} of cohort {cohort}: set from {old} to {new}')

        receipts = self.receipts()
        done = {(model, i): (cohort, syllabus, None) if self.undo else (cohort, None, syllabus)
                for status, model, i, cohort, syllabus in receipts if status == ('reverted' if self.undo else 'updated')}
        for key, value in done.items():
            if changed.get(key) != value:
                self.fail(f'{key}: a receipt says {value}, and the database {changed.get(key)}')
        self.lost = changed.keys() - done.keys()
        self.check_lost(done)
        self.check_told(done, {(model, i) for _, model, i, _, _ in receipts})

    def check_lost(self, done):
        if not self.lost:
            return
        if self.killed is None or self.killed[1] not in ('psql', 'backend', 'bash', 'leader'):
            self.fail(f'no receipts for {self.lost}')
        plan = self.plan()
        share = -(-len(plan) // self.jobs)
        place = {key: n for n, key in enumerate(plan)}

        def batch_of(key):  # (job, batch)
            return place[key] // share, place[key] % share // self.batch_size
        if self.undo:  # where a job's share begins depends on the other receipts in the file
            if len(self.lost) > self.jobs * self.batch_size:
                self.fail(f'no receipts for {len(self.lost)} records: more than a batch of each job')
            return
        lost = {batch_of(key) for key in self.lost}
        if len({job for job, _ in lost}) != len(lost):
            self.fail(f'no receipts for several batches of a job: {lost}')
        for job, batch in {batch_of(key) for key in done}:
            if any(job == lost_job and batch > lost_batch for lost_job, lost_batch in lost):
                self.fail('a batch without receipts is not the last of its job')

    def check_told(self, done, told):
        """Checks that the exit status and the messages are true."""
        missing = [key for key in self.plan() if key not in told]
        if missing and (self.status == 0 or self.status == 1 and not self.by_hand):
            self.fail(f'exit {self.status}, and no receipts for {missing}')
        if self.by_hand or self.killed == ('SIGKILL', 'leader'):
            return
        committed = re.search(r'(\d+) of (\d+) records are committed', self.errors)
        if committed and int(committed[1]) != len(done):
            self.fail(f'{len(done)} records are committed')
        if self.status == 2 and not re.search('are committed|nothing was changed|the run itself is complete|interrupted', self.errors):
            self.fail('says nothing of what is committed')
        if self.status in (0, 1):
            total = re.search(r'Successfully \w+ (\d+) records in total', read(self.path('out')))
            if not total or int(total[1]) != len(done):
                self.fail(f'the report does not say that {len(done)} were done')


# ---- a round

def compare(database, state, expected, editor, lost=()):
    """Every row that the editor did not touch must be as expected; rows of a lost batch may be as after the plain UPDATE."""
    for key in database.first:
        if editor.touched(key):
            continue
        part = slice(2 if key in editor.commented else 3)
        wanted = [expected[key][part]] + ([database.oracle[key][part]] if key in lost else [])
        if key not in state or state[key][part] not in wanted:
            raise Wrong(f'{key} is {state.get(key)}, and not {wanted}')


def round_of(seed):
    rng = random.Random(seed)
    database = Database(rng, f'property_{seed}')
    editor = Editor(random.Random(rng.random()), database)
    runs, undos = [], []
    names = (f'run{seed}_{n}' for n in range(1000))
    editor.start()
    try:
        for _ in range(rng.randrange(3, 6)):
            files = [file for run in runs for file in run.receipt_files() if count_lines(file)]
            undo = [rng.choice(files)] if files and rng.random() < 0.2 else []
            run = Run(rng, database, next(names), undo)
            run.go(disturbed=True)
            (undos if undo else runs).append(run)
    finally:
        editor.stop()
    killed = sum(run.killed is not None for run in runs + undos)

    while int(sql(database.name, ELIGIBLE)) > 0:  # undisturbed
        runs.append(Run(rng, database, next(names), whole=True))
        runs[-1].go(disturbed=False)
    compare(database, database.state(), database.oracle, editor)

    lost = {key for run in runs for key in run.lost}
    for run in reversed(runs):
        files = [file for file in run.receipt_files() if count_lines(file)]
        if files:
            undos.append(Run(rng, database, next(names), files))
            undos[-1].go(disturbed=False)
    compare(database, database.state(), database.first, editor, lost)
    sql('postgres', f'DROP DATABASE {database.name}')
    print(f'seed {seed}: {len(database.rows)} rows, {len(runs)} runs and {len(undos)} undos, {killed} killed, '
          f'{sum(len(run.receipts()) for run in runs)} receipts, {len(lost)} records without', flush=True)


def main(seeds):
    for seed in seeds:
        with tempfile.TemporaryDirectory(dir='.') as folder:
            os.chdir(folder)
            try:
                round_of(seed)
            except (Wrong, subprocess.TimeoutExpired) as error:
                print(f'seed {seed}: {error}\nAgain: FB_SEED={seed} tests/run tests/property.bats')
                return 1
            finally:
                os.chdir('..')
    return 0


if __name__ == '__main__':
    sys.exit(main([int(seed) for seed in sys.argv[1:]]))
