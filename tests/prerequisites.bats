# tests/prerequisites.sh on machines that lack things: all that is in PATH is a few tools, some made here.
load helper

setup() {
  cd "$BATS_TEST_TMPDIR"
  mkdir tools tmp
  for tool in cat tail mktemp rm; do ln -s "$(command -v "$tool")" tools/; done
}

tool() { # name, its shell commands
  printf '#!%s\n%s\n' "$BASH" "$2" > "tools/$1"
  chmod +x "tools/$1"
}

prerequisites() { env -i PATH="$PWD/tools" TMPDIR="$PWD/tmp" "$BASH" "$project/tests/prerequisites.sh"; }

# What the script's table says of a system: all names in this column, but for bats's folders, which are
# not found by PATH.
names() { # column
  grep -E '^(  )?need (program|header|binary) ' "$project/tests/prerequisites.sh" | sed "s/^ *//; s/'\([^ ]*\) \([^ ]*\)'/\1+\2/" |
    awk -v column="$1" '$column != "-" { print $column }' | tr '+' ' ' | paste -s -d ' '
}

names_all() {
  assert_line "  Debian    apt-get install $(names 4)"
  assert_line "  Fedora    dnf install $(names 5)"
  assert_line "  Alpine    apk add bash coreutils $(names 6)"
  assert_line "  Homebrew  brew install bash coreutils $(names 7)"
  assert_line --partial 'apt-get install gcc libc6-dev libcsv-dev uthash-dev '
  assert_line --partial ' postgresql-client postgresql postgresql-common debhelper bats '
  assert_line --partial 'brew install bash coreutils gcc libcsv uthash '
}

@test "nothing is missing: no word, exit 0" {
  run -0 "$project/tests/prerequisites.sh"
  assert_output ''
}

@test "not root: what is missing is named for each system, exit 2, and apt-get is not called" {
  tool id 'echo 1000'
  tool apt-get 'echo called > tmp/called'
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

@test "what is there is not named; a compiler without headers is no help" {
  tool id 'echo 1000'
  for name in cc clang psql jq mandoc python3; do tool "$name" 'exit 1'; done
  run -2 prerequisites
  refute_output --regexp ' (gcc|clang|postgresql-client|jq|mandoc|python3) '
  assert_line --partial 'apt-get install libc6-dev libcsv-dev uthash-dev '
  assert_line --partial 'apk add bash coreutils musl-dev libcsv-dev '
}

@test "root with apt-get: it installs all that is missing, quietly, and leaves no log" {
  tool id 'echo 0'
  tool apt-get 'echo "$*" >> called; echo much to read'
  run -0 prerequisites
  assert_output "installing $(names 4)"
  run -0 cat called
  assert_line --index 0 'update -qq'
  assert_line --index 1 --regexp "^install .*--no-install-recommends $(names 4)\$"
  run -0 ls -A tmp
  assert_output ''
}

@test "apt-get fails: its last words, exit 2" {
  tool id 'echo 0'
  tool apt-get '[ "$1" = update ] || { echo "E: Unable to locate package gcc" >&2; exit 100; }'
  run -2 --separate-stderr prerequisites
  assert_equal "$stderr" "$(lines 'E: Unable to locate package gcc' 'apt-get could not install them')"
  run -0 ls -A tmp
  assert_output ''
}

@test "the demo needs less than the tests" {
  tool apt-get 'echo "$*" >> called'
  tool id 'echo 0'
  run -0 env -i PATH="$PWD/tools" TMPDIR="$PWD/tmp" "$BASH" "$project/tests/prerequisites.sh" demo
  assert_output 'installing gcc libc6-dev libcsv-dev uthash-dev postgresql-client postgresql postgresql-common'
}

@test "the package needs no server and no tests" {
  tool apt-get 'echo "$*" >> called'
  tool id 'echo 0'
  run -0 env -i PATH="$PWD/tools" TMPDIR="$PWD/tmp" "$BASH" "$project/tests/prerequisites.sh" deb
  assert_output 'installing gcc libc6-dev libcsv-dev uthash-dev debhelper'
}
