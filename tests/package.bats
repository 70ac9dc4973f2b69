# make dist and make deb. The test of the Debian package depends on the machine: root installs the package,
# other users let dpkg install it into a folder, and if packages cannot be built, make install replaces it.
# A copy of the sources as git has them.|# A copy of the sources in git.
load helper

programs='fb-apply fb-backfill fb-extract fb-report fb-resolve'

setup_file() {
  unset MAKEFLAGS MFLAGS MAKELEVEL   # of the make that runs the tests
  copy_sources "$BATS_FILE_TMPDIR/fb"
}

# A copy of the sources as git has them.
new_repository() {
  copy_sources repository
  cd repository
  git init -q
  git -c core.excludesFile= add -A
}

version=$(sed -n 's/.*FB_VERSION "\(.*\)"/\1/p' "$project/src/lib/version.h")
tarball=build/fb-$version.tar.gz

# ---- the tarball

@test "make dist: everything in git, and nothing else" {
  requires git
  new_repository
  touch notes src/notes.c   # uncommitted work
  mkdir bin
  touch bin/fb-apply
  make dist
  run -0 diff <(git ls-files | sed "s|^|fb-$version/|") <(tar -tzf $tarball)
  run -0 diff <(git ls-files -s | grep ^100755 | cut -f 2 | sed "s|^|fb-$version/|") \
    <(tar -tvzf $tarball | grep '^-rwxr-xr-x root/root ' | grep -o 'fb-.*')
  run -0 bash -c "tar -tvzf $tarball | grep -v '^-rw[x-]r-[x-]r-[x-] root/root .* 00:00 fb-' | cat"
  assert_output ''
}

@test "make dist: the same bytes, whoever makes it, when and where, with git and without" {
  requires git
  new_repository
  make dist
  cp $tarball ../first
  cd ..
  copy_sources elsewhere
  cd elsewhere
  chmod -R go-rwx .
  find . -type f -exec touch -d 2001-02-03 {} +
  mkdir -p bin build
  touch bin/fb-apply build/table.o
  TZ=Asia/Tokyo LC_ALL=C make dist
  run -0 cmp ../first $tarball
}

# bats test_tags=slow
@test "from the tarball it builds, installs and works, and makes the same tarball" {
  requires git
  new_repository
  make dist
  tar -C .. -xzf $tarball
  cp $tarball ../first
  cd ../fb-$version
  make CFLAGS=-O0
  make CFLAGS=-O0 DESTDIR=../stage install
  make dist
  run -0 cmp ../first $tarball
  run -0 make --dry-run check
  cd ../stage/usr/local
  PATH=$PWD/bin:/usr/bin:/bin run -0 share/doc/fb/examples/csv-replay.sh
  assert_output "$("$project/examples/csv-replay.sh")"
  assert_output --partial 'DRY RUN: Would update'
}

@test "the version is in src/lib/version.h, and CHANGELOG.md has its date" {
  copy_sources .
  sed -i 's/FB_VERSION "[^"]*"/FB_VERSION "9.8.7"/' src/lib/version.h
  run -2 make dist
  assert_line 'CHANGELOG.md has no line ## [9.8.7] - DATE'
  [ ! -e build ]
  sed -i '0,/^## \[[0-9]/s/^## \[[0-9]/## [9.8.7] - 2033-04-05\n\n&/' CHANGELOG.md
  run -0 make dist
  assert_line 'build/fb-9.8.7.tar.gz'
  run -0 bash -c 'TZ=UTC tar -tvzf build/fb-9.8.7.tar.gz | grep " fb-9.8.7/src/lib/version.h"'
  assert_output --partial '2033-04-05 00:00'
  debian/make-changelog 9.8.7 2033-04-05 > changelog
  run -0 cat changelog
  assert_line --index 0 'fb (9.8.7) unstable; urgency=medium'
  assert_line --regexp '^ -- .* <.*>  Tue, 05 Apr 2033 00:00:00 \+0000$'
}

# ---- the Debian package

make_package() {
  cd "$BATS_FILE_TMPDIR/fb"
  if command -v dh > /dev/null && command -v lintian > /dev/null; then
    [ -d build/deb ] || run -0 make deb   # once is enough
    package=$PWD/$(echo build/deb/*.deb)
  else
    echo "# no debhelper or lintian: in place of the package, what make install installs" >&3
    package=''
    make
  fi
}

# Takes a lock until this test ends, so that no other run of the tests installs it. Fails if another has it.
alone_with_dpkg() { exec 8< /var/lib/dpkg && flock -n 8; }

# Sets root to the folder under which it is installed.
install_package() {
  root=''
  if [ -z "$package" ]; then
    root=$BATS_TEST_TMPDIR/root
    make install PREFIX=/usr DESTDIR="$root" ZSH_COMPLETIONS=/usr/share/zsh/vendor-completions
    gzip "$root"/usr/share/man/man?/*   # as in Debian
  elif [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null && alone_with_dpkg && ! dpkg -s fb > /dev/null 2>&1; then
    # A minimal system would not install manuals and documents.
    apt-get install -q -y --no-remove -o DPkg::Lock::Timeout=300 -o Dpkg::Options::='--path-include=/usr/share/*' "$package"
  else
    echo "# not root, or fb is installed, or just being tested: the package is installed in a folder, with dpkg --root" >&3
    root=$BATS_TEST_TMPDIR/root
    mkdir -p "$root/var/lib/dpkg"/{info,updates,triggers}
    touch "$root/var/lib/dpkg/status"
    package_tool --force-depends -i "$package"
  fi
}

package_tool() { PATH=$PATH:/usr/sbin:/sbin dpkg --root="$root" --force-not-root --force-script-chrootless --log=/dev/null "$@"; }

remove_package() {
  if [ -z "$package" ]; then
    gunzip "$root"/usr/share/man/man?/*
    make uninstall PREFIX=/usr DESTDIR="$root" ZSH_COMPLETIONS=/usr/share/zsh/vendor-completions
  elif [ -z "$root" ]; then
    apt-get purge -q -y -o DPkg::Lock::Timeout=300 fb
  else
    package_tool --purge fb
  fi
}

# Where man finds a page. In Debian, mandoc's man is called mman.
page() { "$(command -v mman || echo man)" -M "$root/usr/share/man" -w "$1" 2> /dev/null; }

# Restores the machine even if the test fails.
teardown() {
  [ -z "${installed-}" ] || remove_package
}

# Everything of ours in these folders: files, and dpkg's records.
ours() {
  local folder
  for folder in etc usr var; do
    [ ! -d "$root/$folder" ] || find "$root/$folder" -xdev -path "$root/var/tmp" -prune -o \( -name 'fb[-._]*' -o -name fb -o -name _fb \) -print
  done | sort
}

# bats test_tags=slow
@test "lintian accepts the Debian package" {
  requires dh lintian
  make_package
  [ "$package" ] || return 0
  run -0 --separate-stderr lintian --fail-on error,warning build/deb/*.changes
  assert_output ''
  run -0 dpkg-deb --field "$package" Package Version
  assert_output "$(lines 'Package: fb' "Version: $version")"
}

# bats test_tags=slow
@test "the Debian package: installed it works, removed it leaves nothing" {
  make_package
  root=''
  ours > "$BATS_TEST_TMPDIR/before"
  installed=yes
  install_package
  cd "$BATS_TEST_TMPDIR"

  PATH=$root/usr/bin:/usr/bin:/bin
  for program in $programs; do
    assert_equal "$(command -v $program)" "$root/usr/bin/$program"
    run -0 $program --version
    assert_output "$program $version"
    assert_equal "$(page $program)" "$root/usr/share/man/man1/$program.1.gz"
    run -0 bash -c "source '$root/usr/share/bash-completion/completions/$program' && complete -p $program"
    run -0 zsh -f -c '[ -z "$1" ] || fpath=("$1/usr/share/zsh/vendor-completions" $fpath)
      autoload -Uz compinit && compinit -D -u && echo $_comps[$2]' zsh "$root" $program
    assert_output _fb
  done
  assert_equal "$(page fb)" "$root/usr/share/man/man7/fb.7.gz"
  assert_equal "$(page fb-records)" "$root/usr/share/man/man5/fb-records.5.gz"
  run -0 "$root/usr/share/doc/fb/examples/csv-replay.sh"
  assert_output "$(PATH=$(realpath "$project/bin"):$PATH "$project/examples/csv-replay.sh")"

  cd "$BATS_FILE_TMPDIR/fb"
  remove_package
  installed=''
  if [ -z "$root" ]; then
    run -0 diff "$BATS_TEST_TMPDIR/before" <(ours)
  else
    run -0 find "$root" -name '*fb*' ! -path "$root/var/lib/dpkg/*"
    assert_output ''
  fi
}
