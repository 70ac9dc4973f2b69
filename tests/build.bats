# make and its targets, in a copy of the sources.
load helper

setup() {
  unset MAKEFLAGS MFLAGS MAKELEVEL   # of the make that runs the tests
  cd "$BATS_TEST_TMPDIR"
  mkdir stage
}

new_copy() { copy_sources copy; cd copy; }
built_copy() { copy_built_sources copy; cd copy; }

# All files under a folder, with their checksums.
files() { (cd "$1" && find . -type f -exec md5sum {} + | sort -k 2); }

programs='fb-apply fb-backfill fb-extract fb-report fb-resolve'

# bats test_tags=slow
@test "gcc and clang build it without a warning" {
  requires gcc clang
  new_copy
  for compiler in gcc clang; do
    make clean
    run -0 make CC=$compiler CFLAGS='-O2 -Werror'
    refute_output --partial warning
    assert_output --partial "$compiler -std=c17"
    run -0 ls bin
    assert_output "$(printf '%s\n' $programs)"
  done
}

# bats test_tags=slow
@test "a build without vector instructions gives the same results" {
  new_copy
  run -0 make CFLAGS='-O2 -Werror -U__SSE2__'
  { printf 'id\tcomment\tcohort_id\tsyllabus_id\n'
    for n in {1..200}; do printf '%d\t%s\t%d\t\\N\n' "$n" "$(printf "%${n}s" é '\t' x)" "$((n % 7))"; done
    printf '201\ta\001\r\t1\t\\N\n'
    printf '202\t\377\t1\t\\N\n203\t1\n'; } > rows.tsv
  run -1 bin/fb-extract --model answer rows.tsv
  assert_line --partial 'fb-extract: rows.tsv:203: invalid UTF-8'
  assert_line "$(printf 'answer\t199\t3')"
  assert_equal "$output" "$(fb-extract --model answer rows.tsv 2>&1 || true)"
  sed 's/\\N//; s/\\t/""/; s/\t/,/g' rows.tsv > rows.csv
  run -1 bin/fb-extract --model answer rows.csv
  assert_equal "$output" "$(fb-extract --model answer rows.csv 2>&1 || true)"
}

@test "make builds it without a warning; make clean leaves what was there before" {
  new_copy
  files . > ../before
  make CFLAGS='-O0 -Werror'
  run -0 ls bin
  assert_output "$(printf '%s\n' $programs)"
  make clean
  run -0 diff ../before <(files .)
}

@test "make rebuilds what a change affects, and nothing twice" {
  built_copy
  run -0 make
  assert_output "make: Nothing to be done for 'all'."
  sed -i 's/^BEGIN;$/BEGIN; -- changed/' src/sql/*.sql
  sed -i 's/FB_VERSION "[^"]*"/FB_VERSION "9.9.9"/' src/lib/version.h
  echo 'echo changed' >> src/fb-backfill.sh
  make CFLAGS=-O0
  run -0 bin/fb-report --version
  assert_output 'fb-report 9.9.9'
  run -0 cmp src/fb-backfill.sh bin/fb-backfill
  printf 'model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus\n' > plan.tsv
  run -0 bin/fb-apply plan.tsv
  assert_output --partial 'changed'
}

# bats test_tags=slow
@test "make format: what it formats builds without a warning, and a second time it changes nothing" {
  new_copy
  sed -i 's/^\treturn /  return  /' src/lib/model.c
  make format
  run -0 grep -P '^\treturn [^ ]' src/lib/model.c
  files src > ../once
  make format
  run -0 diff ../once <(files src)
  run -0 make CFLAGS='-O0 -Werror'
}

@test "make works after a header was renamed" {
  built_copy
  mv src/lib/slice.h src/lib/part.h
  sed -i 's/slice\.h/part.h/' src/*.c src/*/*.[ch]
  make CFLAGS=-O0
}

# What make install puts under PREFIX.
installed() {
  printf 'bin/%s\n' $programs
  printf 'share/bash-completion/completions/%s\n' $programs
  find README.md CHANGELOG.md LICENSE examples -type f -printf 'share/doc/fb/%p\n'
  (cd man && for page in *; do echo "share/man/man${page##*.}/$page"; done)
  echo share/zsh/site-functions/_fb
}

# bats test_tags=server
@test "make install, with PREFIX and DESTDIR, puts programs, pages, completions and documents, and they work from there" {
  built_copy
  make DESTDIR=../stage PREFIX=/opt/fb install
  run -0 diff <(installed | sed 's|^|./opt/fb/|' | LC_ALL=C sort) <(cd ../stage && find . ! -type d | LC_ALL=C sort)
  make clean
  sample_database
  cd ..
  # neither these nor those in bin/ are in PATH
  PATH=/usr/bin:/bin run -0 --separate-stderr stage/opt/fb/bin/fb-backfill
  assert_output "$(cat "$project/tests/original/run.txt")"
  run -0 mandoc -T lint -W warning stage/opt/fb/share/man/man?/*
  PATH=$PWD/stage/opt/fb/bin:/usr/bin:/bin run -0 stage/opt/fb/share/doc/fb/examples/csv-replay.sh
  assert_output --partial 'DRY RUN: Would update'
  run -0 bash -c 'source stage/opt/fb/share/bash-completion/completions/fb-apply && complete -p fb-apply'
}

@test "make install to the usual place; make uninstall removes all that it put there, and nothing else" {
  built_copy
  make DESTDIR=../all install
  run -0 diff <(installed | sed 's|^|./usr/local/|' | LC_ALL=C sort) <(cd ../all && find . ! -type d | LC_ALL=C sort)
  mkdir -p ../stage/usr/local/{bin,share/{man/man1,doc/other,bash-completion/completions,zsh/site-functions}}
  touch ../stage/usr/local/{bin/fb-other,share/{man/man1/other.1,doc/other/README,bash-completion/completions/other,zsh/site-functions/_other}}
  mkdir -p ../stage/usr/local/share/man/man{5,7}   # folders that other programs use as well
  (cd ../stage && find . | sort) > ../before
  make DESTDIR=../stage install
  [ "$(cd ../stage && find . | wc -l)" -gt "$(($(wc -l < ../before) + 30))" ]
  make DESTDIR=../stage uninstall
  run -0 diff ../before <(cd ../stage && find . | sort)
  make DESTDIR=../stage uninstall   # with nothing installed, it does nothing
  run -0 diff ../before <(cd ../stage && find . | sort)
  # other people's files among ours are kept
  make DESTDIR=../stage install
  touch ../stage/usr/local/share/doc/fb/examples/notes
  make DESTDIR=../stage uninstall
  run -0 diff ../before <(cd ../stage && find . ! -path '*/doc/fb*' | sort)
  run -0 bash -c 'cd ../stage/usr/local/share/doc/fb && find . -type f'
  assert_output ./examples/notes
}

# bats test_tags=server
@test "fb-backfill works with mawk and with gawk" {
  requires mawk gawk
  mkdir tools
  for awk in mawk gawk; do
    ln -sf "$(command -v $awk)" tools/awk
    sample_database
    PATH=$PWD/tools:$PATH run -0 --separate-stderr fb-backfill --jobs 2 --receipts "$awk.tsv"
    assert_output "$(cat "$project/tests/original/run.txt")"
  done
  run -0 diff mawk.tsv gawk.tsv
}

@test "make install: into a folder with a blank in its name, and without other files in examples/" {
  built_copy
  installed > ../expected
  echo 'mine' > examples/receipts.tsv
  make DESTDIR='../a stage' install
  run -0 diff <(cat ../expected | sed 's|^|./usr/local/|' | LC_ALL=C sort) <(cd '../a stage' && find . ! -type d | LC_ALL=C sort)
  make DESTDIR='../a stage' uninstall
  run -0 find '../a stage' ! -type d
  assert_output ''
}

@test "every file in examples/ is installed" {
  requires git
  [ -e "$project/.git" ] || skip 'this is no checkout'
  cd "$project"
  make --no-print-directory -n DESTDIR=/stage install > "$BATS_TEST_TMPDIR/commands"
  for file in $(git ls-files examples); do grep -qwF "$file" "$BATS_TEST_TMPDIR/commands" || fail "$file is not"; done
}

@test "the programs are hardened like Debian's packages" {
  requires readelf
  for program in fb-extract fb-resolve fb-apply fb-report; do
    run -0 readelf -W --dynamic --program-headers "$project/bin/$program"
    assert_output --partial 'BIND_NOW'
    assert_output --partial 'GNU_RELRO'
    assert_output --regexp 'Flags: NOW PIE|Type:? *DYN'
    refute_output --regexp 'GNU_STACK.* RWE'
    run -0 readelf -W --dyn-syms "$project/bin/$program"
    assert_output --partial '__stack_chk_fail'
    assert_output --partial '_chk@'
  done
}
