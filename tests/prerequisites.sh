#!/usr/bin/env bash
# prerequisites.sh [demo|deb|format|sanitize|valgrind|coverage|fuzz|lint|ports]: installs what building and the tests need and is missing
# (for demo and deb: what that needs), and what that target of make needs besides: with apt-get as root, else it names the
# packages and stops.
# shellcheck disable=SC2317  # need calls the functions that seem not to be called
set -u

missing=() fedora=() alpine=() homebrew=()

# Notes what is missing. `-` stands where there is no such package, or where another brings it.
need() { # present? what debian fedora alpine homebrew
  "$1" "$2" && return
  missing+=("$3")
  [ "$4" = - ] || fedora+=("$4")
  [ "$5" = - ] || alpine+=("$5")
  [ "$6" = - ] || homebrew+=("$6")
}
program() { command -v "$1" > /dev/null; }
binary() { type -P "$1" > /dev/null; }  # bash has a word of that name
extension() {
  local file
  for file in /usr/share/*/extension/"$1".control /usr/share/postgresql/*/extension/"$1".control; do [ ! -e "$file" ] || return 0; done
  return 1
}
sbin() { (PATH=$PATH:/usr/sbin; program "$1"); }
header() { echo "#include <$1>" | cc -E -x c - > /dev/null 2>&1; }
sanitizer() { echo 'int main(void) { return 0; }' | clang -fsanitize="$1" -shared-libasan -x c -o /dev/null - 2> /dev/null; }
fuzzer() {
  echo 'int LLVMFuzzerTestOneInput(const char *s, unsigned long n) { return (n > 0 && *s) * 0; }' |
    clang -fsanitize="$1,address,undefined" -x c -o /dev/null - 2> /dev/null
}
folder() { [ -d "/usr/lib/bats/$1" ] || [ -d "/usr/share/bats/$1" ]; }

need program cc              gcc               gcc                build-base        gcc
need header  stdio.h         libc6-dev         glibc-devel        musl-dev          -
need header  csv.h           libcsv-dev        libcsv-devel       libcsv-dev        libcsv
need header  uthash.h        uthash-dev        uthash-devel       uthash-dev        uthash

if [ "${1-}" != deb ]; then
  need program psql            postgresql-client postgresql       postgresql-client libpq
  need program pg_virtualenv   'postgresql postgresql-common' postgresql-server postgresql postgresql@15
fi

if [ "${1-}" != demo ]; then
  need program dh              debhelper         -                  -                 -
fi

if [[ ${1-} != @(demo|deb) ]]; then
  need program bats            bats              bats               bats              bats-core
  need folder  bats-support    bats-support      bats-support       -                 bats-support
  need folder  bats-assert     bats-assert       bats-assert        -                 bats-assert
  need program jq              jq                jq                 jq                jq
  need program mandoc          mandoc            mandoc             mandoc            mandoc
  need program python3         python3           python3            python3           python3
  need program shellcheck      shellcheck        ShellCheck         shellcheck        shellcheck
  need program clang           clang             clang              clang             llvm
  need program mawk            mawk              mawk               mawk              mawk
  need binary  time            time              time               -                  gnu-time
  need program gawk            gawk              gawk               gawk              gawk
  need sbin    pgbouncer       pgbouncer         pgbouncer          pgbouncer          pgbouncer
  need extension postgres_fdw  postgresql-contrib postgresql-contrib postgresql-contrib -
  need program parallel        parallel          parallel           parallel          parallel
  need program rsync           rsync             rsync              rsync             rsync
  need program systemd-analyze systemd           systemd            -                 -
  need program git             git               git                git               git
  need program zsh             zsh               zsh                zsh               zsh
  need program lintian         lintian           -                  -                 -
  need program clang-format    clang-format      clang-tools-extra  clang-extra-tools clang-format
fi

case ${1-} in
  sanitize)
    need sanitizer address     libclang-rt-dev   compiler-rt        compiler-rt       - ;;
  fuzz)
    need fuzzer    fuzzer      libclang-rt-dev   compiler-rt        compiler-rt       llvm ;;
  lint)
    need program cppcheck      cppcheck          cppcheck           cppcheck          cppcheck
    need program clang-tidy    clang-tidy        clang-tools-extra  clang-extra-tools llvm ;;
  valgrind)
    need program valgrind      valgrind          valgrind           valgrind          - ;;
  coverage)
    need program llvm-cov      llvm              llvm               llvm              llvm ;;
  ports)   # tests/ports also downloads libcsv from Debian
    need program i686-linux-gnu-gcc    'gcc-i686-linux-gnu libc6-dev-i386-cross'     - - -
    need program aarch64-linux-gnu-gcc 'gcc-aarch64-linux-gnu libc6-dev-arm64-cross' - - -
    need program s390x-linux-gnu-gcc   'gcc-s390x-linux-gnu libc6-dev-s390x-cross'   - - -
    need program musl-gcc              musl-tools                                    - - -
    need program qemu-s390x-static     qemu-user-static                              qemu-user-static - - ;;
esac

[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ] && program apt-get; then
  echo "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp) || exit 2
  trap 'rm -f "$log"' EXIT
  # shellcheck disable=SC2068  # an entry can be two packages
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends ${missing[@]}; } > "$log" 2>&1 && exit 0
  tail -n 20 "$log" >&2
  echo "apt-get could not install them" >&2
  exit 2
fi

cat >&2 << END
Something is missing. Install it, and try again:
  Debian    apt-get install ${missing[*]}
  Fedora    dnf install ${fedora[*]}
  Alpine    apk add bash coreutils ${alpine[*]}
  Homebrew  brew install bash coreutils ${homebrew[*]}
The demo and the tests start their own server with pg_virtualenv, which is in Debian's postgresql-common.
END
exit 2
