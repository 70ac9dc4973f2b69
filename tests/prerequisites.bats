# tests/prerequisites.sh on machines that lack things: PATH has only a few tools, some of them made here.
load helper

setup() {
  cd "$BATS_TEST_TMPDIR"
  mkdir tools tmp
  for tool in cat tail mktemp rm awk dirname; do ln -s "$(command -v "$tool")" tools/; done
}

tool() { # name, its shell commands
  printf '#!%s\n%s\n' "$BASH" "$2" > "tools/$1"
  chmod +x "tools/$1"
}

prerequisites() { env -i PATH="$PWD/tools" TMPDIR="$PWD/tmp" "$BASH" "$project/tests/prerequisites.sh" "$@"; }

# What a bare machine lacks for all tests. bats's own folders are there, or this would not run; what lies in no folder of
# PATH (pgbouncer, pgpool, an extension, a Python module) is there or not.
debian='gcc libc6-dev libcsv-dev uthash-dev postgresql-client postgresql bats parallel jq mandoc python3 time valgrind clang mawk gawk( pgbouncer)?( pgpool2)?( postgresql-contrib)? rsync systemd git zsh debhelper lintian( python3-django)?( python3-psycopg2)? debootstrap npm( python3-yaml)?'

names_all() {
  assert_line --regexp "^Missing: cc stdio.h csv.h uthash.h psql initdb bats parallel jq mandoc python3\$"
  assert_line --regexp "^Missing, so some tests will be skipped: time valgrind clang .*zsh dh lintian( django)?( psycopg2)? debootstrap npm( yaml)?\$"
  assert_line --regexp "^  Debian    apt-get install $debian\$"
  assert_line --regexp '^  Fedora    dnf install gcc glibc-devel libcsv-devel uthash-devel postgresql postgresql-server bats '
  assert_line --regexp '^  Alpine    apk add bash coreutils build-base musl-dev libcsv-dev uthash-dev postgresql-client postgresql bats '
  assert_line --regexp '^  Homebrew  brew install bash coreutils gcc libcsv uthash libpq postgresql bats-core '
}

@test "nothing is missing: no output, exit 0" {
  for target in '' demo deb instructions; do
    run "$project/tests/prerequisites.sh" $target
    [ "$status" = 0 ] || skip "this machine lacks things: $output"
    assert_output ''
  done
}

@test "not root: what is missing is named for each system, exit 2, and apt-get is not called" {
  tool id 'echo 1000'
  tool apt-get "echo called > '$PWD/tmp/called'"
  run -2 prerequisites
  names_all
  run -0 ls -A tmp
  assert_output ''
}

@test "root, but no apt-get: the same" {
  tool id 'echo 0'
  run -2 prerequisites
  names_all
}

@test "what is present is not named; a compiler without headers counts as missing" {
  tool id 'echo 1000'
  for name in cc clang psql jq mandoc python3 parallel; do tool "$name" 'exit 1'; done
  run -2 prerequisites
  refute_output --regexp ' (gcc|clang|postgresql-client|jq|mandoc|python3|parallel)( |$)'
  assert_line --partial 'apt-get install libc6-dev libcsv-dev uthash-dev '
  assert_line --partial 'apk add bash coreutils musl-dev libcsv-dev '
}

@test "only something that some tests need is missing: that is reported, exit 0" {
  tool id 'echo 1000'
  for name in psql initdb bats parallel jq mandoc python3 realpath; do tool "$name" 'exit 0'; done
  tool cc 'cat > /dev/null'
  run -0 prerequisites
  refute_line --partial 'Missing: '
  assert_line --partial 'Missing, so some tests will be skipped: time valgrind clang mawk gawk'
}

@test "root with apt-get: it names what is missing, installs all of it, quietly, and leaves no log" {
  tool id 'echo 0'
  tool apt-get "echo \"\$*\" >> '$PWD/called'; echo much to read"
  run -0 prerequisites
  assert_output --regexp "^installing $debian\$"
  names=${output#installing }
  run -0 cat called
  assert_line --index 0 'update -qq'
  assert_line --index 1 --regexp "^install .*--no-install-recommends $names\$"
  run -0 ls -A tmp
  assert_output ''
}

@test "apt-get fails: its last lines, exit 2" {
  tool id 'echo 0'
  tool apt-get '[ "$1" = update ] || { echo "E: Unable to locate package gcc" >&2; exit 100; }'
  run -2 --separate-stderr prerequisites
  assert_equal "$stderr" "$(lines 'E: Unable to locate package gcc' 'apt-get could not install them')"
  run -0 ls -A tmp
  assert_output ''
}

@test "the demo needs no tests, the package no server, instructions neither" {
  tool apt-get 'echo much to read'
  tool id 'echo 0'
  run -0 prerequisites demo
  assert_output 'installing gcc libc6-dev libcsv-dev uthash-dev postgresql-client postgresql'
  run -0 prerequisites deb
  assert_output 'installing gcc libc6-dev libcsv-dev uthash-dev debhelper'
  run -0 prerequisites instructions
  assert_output 'installing gcc libc6-dev libcsv-dev uthash-dev valgrind mawk'
  run -0 prerequisites check-ports
  assert_output --partial ' gcc-s390x-linux-gnu libc6-dev-s390x-cross musl-tools qemu-user-static'
}
