#!/usr/bin/env bash
# prerequisites.sh [demo|deb|lint|format|fuzz|check-c|valgrind|instructions|check-servers|check-ports]: names what a target
# of make needs and this machine lacks (default: what `make check-all` needs), and installs it with apt-get as root. If it
# cannot, it fails if the target cannot work without; otherwise the tests that need it are skipped by name.
# shellcheck disable=SC2317  # need and want call functions that look unused
set -u

# Record what is missing: `need` for what the target cannot work without, `want` for what some tests need. `-` means that
# there is no such package, or that another one includes it.
needed=() wanted=() debian=() fedora=() alpine=() homebrew=()
need() { note needed "$@"; } # present? what debian fedora alpine homebrew
want() { note wanted "$@"; }
note() { # needed|wanted present? what debian fedora alpine homebrew
  local -n missing=$1
  "$2" "$3" && return
  missing+=("$3")
  # shellcheck disable=SC2206  # an entry can be two packages
  debian+=($4)
  [ "$5" = - ] || fedora+=("$5")
  [ "$6" = - ] || alpine+=("$6")
  [ "$7" = - ] || homebrew+=("$7")
}
program() { command -v "$1" > /dev/null; }
binary() { type -P "$1" > /dev/null; }  # the name is also a bash builtin
sbin() { (PATH=$PATH:/usr/sbin; program "$1"); }
header() { echo "#include <$1>" | cc -E -x c - > /dev/null 2>&1; }
# shellcheck source=/dev/null
server() { [ "${PG_BINDIR-}" = none ] || (. examples/with-server.sh && find_server_programs) 2> /dev/null; }
extension() { compgen -G "/usr/share/*/extension/$1.control" > /dev/null || compgen -G "/usr/share/postgresql/*/extension/$1.control" > /dev/null; }
runtime() { # of clang's sanitizers
  echo 'int LLVMFuzzerTestOneInput(const char *s, unsigned long n) { return (n > 0 && *s) * 0; }' |
    clang -fsanitize="$1,address,undefined" -x c -o /dev/null - 2> /dev/null
}
# The system's python3 may not be the first in PATH, but packages are for it.
module() { python3 -c "import $1" 2> /dev/null || /usr/bin/python3 -c "import $1" 2> /dev/null; }
folder() { [ -d "/usr/lib/bats/$1" ] || [ -d "/usr/share/bats/$1" ]; }

to_build() {
  need program cc              gcc               gcc                build-base        gcc
  need header  stdio.h         libc6-dev         glibc-devel        musl-dev          -
  need header  csv.h           libcsv-dev        libcsv-devel       libcsv-dev        libcsv
  need header  uthash.h        uthash-dev        uthash-devel       uthash-dev        uthash
}
to_run_a_server() {
  need program psql            postgresql-client postgresql         postgresql-client libpq
  need server  initdb          postgresql        postgresql-server  postgresql        postgresql
}
to_test() {
  need program bats            bats              bats               bats              bats-core
  need folder  bats-support    bats-support      bats-support       bats-support      bats-support
  need folder  bats-assert     bats-assert       bats-assert        bats-assert       bats-assert
  need program parallel        parallel          parallel           parallel          parallel
  need program jq              jq                jq                 jq                jq
  need program mandoc          mandoc            mandoc             mandoc            mandoc
  need program python3         python3           python3            python3           python3
  want binary  time            time              time               -                 gnu-time
  want program valgrind        valgrind          valgrind           valgrind          -
  want program clang           clang             clang              clang             llvm
  want program mawk            mawk              mawk               mawk              mawk
  want program gawk            gawk              gawk               gawk              gawk
  want sbin    pgbouncer       pgbouncer         pgbouncer          pgbouncer         pgbouncer
  want sbin    pgpool          pgpool2           postgresql-pgpool-II pgpool           -
  want extension postgres_fdw  postgresql-contrib postgresql-contrib postgresql-contrib -
  want program rsync           rsync             rsync              rsync             rsync
  want program systemd-analyze systemd           systemd            -                 -
  want program git             git               git                git               git
  want program zsh             zsh               zsh                zsh               zsh
  want program dh              debhelper         -                  -                 -
  want program lintian         lintian           -                  -                 -
  want module  django          python3-django    python3-django     py3-django        -
  want module  psycopg2        python3-psycopg2  python3-psycopg2   py3-psycopg2      -
  want program debootstrap     debootstrap       debootstrap        debootstrap       -
  want program npm             npm               nodejs-npm         npm               node
  want module  yaml            python3-yaml      python3-pyyaml     py3-yaml          -
}

cd "$(dirname "$0")/.." || exit 2
to_build
case ${1-} in
  demo) to_run_a_server ;;
  deb)
    need program dh            debhelper         -                  -                 - ;;
  lint)
    need program parallel      parallel          parallel           parallel          parallel
    need program shellcheck    shellcheck        ShellCheck         shellcheck        shellcheck
    need program mandoc        mandoc            mandoc             mandoc            mandoc
    need program cppcheck      cppcheck          cppcheck           cppcheck          cppcheck
    need program clang         clang             clang              clang             llvm
    need program clang-tidy    clang-tidy        clang-tools-extra  clang-extra-tools llvm ;;
  format)
    need program clang-format  clang-format      clang-tools-extra  clang-extra-tools clang-format ;;
  fuzz)
    need program clang         clang             clang              clang             llvm
    need runtime fuzzer        libclang-rt-dev   compiler-rt        compiler-rt       llvm ;;
  check-c)
    to_run_a_server
    to_test
    need program clang         clang             clang              clang             llvm
    need runtime fuzzer        libclang-rt-dev   compiler-rt        compiler-rt       llvm
    need program llvm-cov      llvm              llvm               llvm              llvm ;;
  valgrind)
    to_run_a_server
    to_test
    need program valgrind      valgrind          valgrind           valgrind          - ;;
  instructions)
    need program valgrind      valgrind          valgrind           valgrind          -
    need program mawk          mawk              mawk               mawk              mawk ;;
  check-servers)
    to_run_a_server
    to_test
    need program npm           npm               nodejs-npm         npm               node ;;
  check-ports)   # tests/ports also downloads libcsv from Debian
    to_test
    need program i686-linux-gnu-gcc    'gcc-i686-linux-gnu libc6-dev-i386-cross'     - - -
    need program aarch64-linux-gnu-gcc 'gcc-aarch64-linux-gnu libc6-dev-arm64-cross' - - -
    need program s390x-linux-gnu-gcc   'gcc-s390x-linux-gnu libc6-dev-s390x-cross'   - - -
    need program musl-gcc              musl-tools                                    - - -
    need program qemu-s390x-static     qemu-user-static                              qemu-user-static - - ;;
  *)
    to_run_a_server
    to_test ;;
esac

[ ${#debian[@]} -gt 0 ] || exit 0
mapfile -t debian < <(printf '%s\n' "${debian[@]}" | awk '!seen[$0]++')

if [ "$(id -u)" = 0 ] && program apt-get; then
  echo "installing ${debian[*]}"
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp) || exit 2
  trap 'rm -f "$log"' EXIT
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${debian[@]}"; } > "$log" 2>&1 && exit 0
  tail -n 20 "$log" >&2
  echo "apt-get could not install them" >&2
  exit 2
fi

{
  [ ${#needed[@]} = 0 ] || echo "Missing: ${needed[*]}"
  [ ${#wanted[@]} = 0 ] || echo "Missing, so some tests will be skipped: ${wanted[*]}"
  echo 'To install all of it:'
  echo "  Debian    apt-get install ${debian[*]}"
  echo "  Fedora    dnf install ${fedora[*]}"
  echo "  Alpine    apk add bash coreutils ${alpine[*]}"
  echo "  Homebrew  brew install bash coreutils ${homebrew[*]}"
} >&2
[ ${#needed[@]} = 0 ] || exit 2
