# make and its targets, in a copy of the sources.
load helper

setup() {
  unset MAKEFLAGS MFLAGS MAKELEVEL   # of the make that runs the tests
  cd "$BATS_TEST_TMPDIR"
  mkdir copy stage
  cp -R "$project"/{Makefile,README.md,src,man,examples,tests} copy
  cd copy
}

# All files below a folder, with their checksums.
files() { (cd "$1" && find . -type f -exec md5sum {} + | sort -k 2); }

programs='fb-apply fb-backfill fb-extract fb-report fb-resolve'

@test "gcc and clang build it without a warning" {
  for compiler in gcc clang; do
    make clean
    run -0 make CC=$compiler CFLAGS='-O2 -Werror'
    refute_output --partial warning
    assert_output --partial "$compiler -std=c17"
    run -0 ls bin
    assert_output "$(printf '%s\n' $programs)"
  done
}

@test "make clean leaves what was there before make" {
  files . > ../before
  make
  [ "$(files . | wc -l)" -gt "$(wc -l < ../before)" ]
  make clean
  run -0 diff ../before <(files .)
}

@test "make builds again what a change concerns, and nothing twice" {
  make
  run -0 make
  assert_output "make: Nothing to be done for 'all'."
  sed -i 's/^BEGIN;$/BEGIN; -- changed/' src/sql/*.sql
  sed -i 's/FB_VERSION "[^"]*"/FB_VERSION "9.9.9"/' src/version.h
  echo 'echo changed' >> src/fb-backfill.sh
  make
  run -0 bin/fb-report --version
  assert_output 'fb-report 9.9.9'
  run -0 cmp src/fb-backfill.sh bin/fb-backfill
  printf 'model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus\n' > plan.tsv
  run -0 bin/fb-apply plan.tsv
  assert_output --partial 'changed'
}

@test "make works where a header of an earlier build has another name by now" {
  make
  mv src/slice.h src/part.h
  sed -i 's/slice\.h/part.h/' src/*.[ch]
  make
}

@test "make install, with PREFIX and DESTDIR, puts programs and pages, and they work from there" {
  make DESTDIR=../stage PREFIX=/opt/fb install
  run -0 bash -c 'cd ../stage && find . -type f | sort'
  assert_output "$(
    printf './opt/fb/bin/%s\n' $programs
    (cd man && for page in *; do echo "./opt/fb/share/man/man${page##*.}/$page"; done) | sort
  )"
  make clean
  sample_database
  cd ..
  # neither these nor those in bin/ are in PATH
  PATH=/usr/bin:/bin run -0 stage/opt/fb/bin/fb-backfill
  assert_output "$(cat "$project/tests/original/run.txt")"
  run -0 mandoc -T lint -W warning stage/opt/fb/share/man/man?/*
}

@test "make uninstall removes all that make install put there, and nothing else" {
  mkdir -p ../stage/usr/local/bin ../stage/usr/local/share/man/man1
  touch ../stage/usr/local/bin/fb-other ../stage/usr/local/share/man/man1/other.1
  files ../stage > ../before
  make DESTDIR=../stage install
  [ "$(files ../stage | wc -l)" = 14 ]
  make DESTDIR=../stage uninstall
  run -0 diff ../before <(files ../stage)
}

@test "fb-backfill works with mawk and with gawk" {
  mkdir tools
  for awk in mawk gawk; do
    ln -sf "$(command -v $awk)" tools/awk
    sample_database
    PATH=$PWD/tools:$PATH run -0 fb-backfill --jobs 2 --receipts "$awk.tsv"
    assert_output "$(cat "$project/tests/original/run.txt")"
  done
  run -0 diff mawk.tsv gawk.tsv
}
