"""docker.py build -t NAME -f DOCKERFILE CONTEXT, docker.py run [OPTION...] NAME [ARGUMENT...]: does as root, with
debootstrap and chroot, what docker does with the Dockerfile of examples/. It knows what that file and the commands
beside it use; anything else is an error.

A container has its own processes and mounts, but the network is this machine's. It gets less than Docker gives: no
capabilities, and nothing but its volumes can be written to. The environment says where things are:

IMAGES  a folder for images
DEBS    a folder for Debian packages, which are downloaded only if they are not there
SOCKET  the socket of a server; a container finds it in /run/postgresql
"""
import glob, json, os, re, subprocess, sys

PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
IMAGES, DEBS = os.environ['IMAGES'], os.environ['DEBS']


def die(what):
    sys.exit(f'docker.py: {what}')


def isolated(script, *words):
    """The command of a shell script that sees mounts and processes of its own, and is process 1. All ends with it."""
    return ['unshare', '--mount', '--pid', '--fork', '--kill-child', 'bash', '-ec', script, 'bash', *words]


# ---- build

def mirror():
    """Where this machine gets its Debian packages."""
    targets = subprocess.run(['apt-get', 'indextargets', '--format', '$(CODENAME) $(REPO_URI)', 'Created-By: Packages',
                              'Origin: Debian', 'Component: main'], check=True, capture_output=True, text=True).stdout
    found = [line.split()[1] for line in targets.splitlines() if '-' not in line.split()[0]]  # no updates or backports
    return found[0] if found else die('apt knows no mirror of Debian (apt-get update?)')


def base(image):
    """The folder of a Debian release, with what its slim image has."""
    suite = re.fullmatch('debian:([a-z]+)-slim', image) or die(f'FROM {image}: unknown image')
    root = f'{IMAGES}/{suite[1]}'
    if not os.path.exists(root):
        os.makedirs(DEBS, exist_ok=True)
        subprocess.run(['debootstrap', '--variant=minbase', f'--cache-dir={os.path.abspath(DEBS)}', suite[1], root, mirror()],
                       check=True, stdout=sys.stderr)
        with open(f'{root}/etc/dpkg/dpkg.cfg.d/docker-apt-speedup', 'w') as file:  # as in Debian's images
            file.write('force-unsafe-io\n')
    return root


def instructions(dockerfile):
    text = re.sub(r'^\s*#.*\n', '', open(dockerfile).read(), flags=re.M)
    for line in re.sub(r'\\\n', ' ', text).splitlines():
        if line.strip():
            yield line.split(None, 1)


def context_files(dockerfile):
    """The files that a build sees: the ignore file beside the Dockerfile excludes everything but them."""
    lines = [line for line in open(dockerfile + '.dockerignore').read().split('\n') if line and line[0] != '#']
    if lines[0] != '*' or any(line[0] != '!' for line in lines[1:]):
        die('Dockerfile.dockerignore: only * and after it !FILE is known')
    return [line[1:] for line in lines[1:]]


def build(words):
    if len(words) != 5 or words[0] != '-t' or words[2] != '-f':
        die('usage: build -t NAME -f DOCKERFILE CONTEXT')
    _, name, _, dockerfile, context = words
    stages, root, image = {}, None, None
    for instruction, rest in instructions(dockerfile):
        print('====', instruction, rest, file=sys.stderr, flush=True)
        words = rest.split()
        if instruction == 'FROM':
            stage = words[2] if words[1:2] == ['AS'] else name
            root = stages[stage] = f'{IMAGES}/{name}-{stage}'
            subprocess.run(['cp', '-a', base(words[0]), root], check=True)
            image = {'root': root, 'env': [PATH], 'workdir': '/', 'user': '0:0', 'volumes': [], 'entrypoint': []}
        elif instruction == 'RUN':
            script = '''mount --bind "$2" "$1/var/cache/apt/archives"; mount -t proc proc "$1/proc"
                exec chroot "$1" env -i HOME=/root "${@:5}" sh -c 'cd "$1" && eval "$2"' sh "$3" "$4"'''
            os.makedirs(DEBS, exist_ok=True)
            subprocess.run(isolated(script, root, DEBS, image['workdir'], rest, *image['env']), check=True, stdout=sys.stderr)
        elif instruction == 'COPY':
            *sources, target = words
            target = root + os.path.join(image['workdir'], target)
            if sources[0].startswith('--from='):
                stage = stages[sources.pop(0)[len('--from='):]]
                files = [file for source in sources for file in glob.glob(stage + source)] or die(f'COPY {rest}: no such file')
                subprocess.run(['cp', '-a', *files, target], check=True)
            elif sources == ['.']:
                subprocess.run(['cp', '-a', '--parents', *context_files(dockerfile), target], check=True, cwd=context)
            else:
                die(f'COPY {rest}: unknown')
        elif instruction == 'WORKDIR':
            image['workdir'] = rest
            os.makedirs(root + rest, exist_ok=True)
        elif instruction == 'ENV':
            image['env'] += words
        elif instruction == 'VOLUME':
            image['volumes'] += words
        elif instruction == 'USER':
            image['user'] = rest
        elif instruction == 'ENTRYPOINT':
            image['entrypoint'] = json.loads(rest)
        else:
            die(f'{instruction}: unknown instruction')
    with open(f'{IMAGES}/{name}.json', 'w') as file:
        json.dump(image, file)


# ---- run

def home(root, uid):
    for line in open(f'{root}/etc/passwd'):
        fields = line.split(':')
        if fields[2] == uid:
            return fields[5]
    return '/'


def run(words):
    volumes, env, user = [], [], None
    while words and words[0].startswith('-'):
        option = words.pop(0)
        if option in ('--rm', '-it'):
            continue
        value = words.pop(0)
        if option in ('-v', '--volume'):
            volumes.append(value)
        elif option in ('-e', '--env'):
            env.append(value)
        elif option == '--user':
            user = value
        elif option not in ('--stop-timeout', '--name'):
            die(f'run: unknown option {option}')
    image = json.load(open(f'{IMAGES}/{words.pop(0)}.json'))
    root = image['root']
    uid, gid = (user or image['user']).split(':')
    script = 'mount --bind "$1" "$1"; mount -t proc proc "$1/proc"\n'
    mounts = [os.environ['SOCKET'] + ':/run/postgresql/' + os.path.basename(os.environ['SOCKET'])]
    for volume in volumes:
        source, target = volume.split(':')[:2]
        if not source.startswith('/'):  # a volume with a name begins as a copy of the image's folder
            copy = f'{IMAGES}/volume-{source}'
            if not os.path.exists(copy):
                subprocess.run(['cp', '-a', root + target, copy], check=True)
            volume = volume.replace(source, copy, 1)
        mounts.append(volume)
    for mount in mounts:
        source, target, *mode = mount.split(':')
        target = root + target
        if not os.path.exists(target):
            os.makedirs(target if os.path.isdir(source) else os.path.dirname(target), exist_ok=True)
            if not os.path.isdir(source):
                open(target, 'w').close()
        script += f"mount --bind '{source}' '{target}'\n"
        if mode:
            script += f"mount -o remount,bind,ro '{target}'\n"
    script += '''mount -o remount,bind,ro "$1"
        exec chroot "$1" setpriv --reuid "$2" --regid "$3" --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all \\
            env -i -C "$4" "${@:5}"'''
    command = isolated(script, root, uid, gid, image['workdir'], 'HOME=' + home(root, uid), *image['env'], *env,
                       *image['entrypoint'], *words)
    os.execvp(command[0], command)


if __name__ == '__main__':
    {'build': build, 'run': run}[sys.argv[1]](sys.argv[2:])
