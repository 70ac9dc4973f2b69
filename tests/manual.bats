# The manual, and that it, --help, the README and the source agree on the options.
load helper

programs='fb-extract fb-resolve fb-apply fb-report fb-backfill'

setup() { cd "$project"; }

# ---- a program's options as lines: `-x --long`, or `--long` where it has no letter

of_help() { "$1" --help | sed -En 's/^ +((-[A-Za-z]), )?(--[a-z-]+) .*/\2 \3/p' | sed 's/^ //' | sort; }

of_page() { sed -En 's/^\.It (Fl ([A-Za-z]) , )?Fl -([a-z-]+).*/-\2 --\3/p' "man/$1.1" | sed 's/^- //' | sort; }

of_source() {
  if [ "$1" != fb-backfill ]; then
    grep -q COMMON_OPTIONS "src/$1.c"   # options.h has these
    sed -En "s/^.*\{ \"([a-z-]+)\", [a-z_]+, NULL, '(.)' \},( \\\\)?\$/-\2 --\1/p" "src/$1.c" src/options.h
  else
    local letters
    letters=$(grep -oE -- '-[A-Za-z]\) name=--[a-z-]+' src/fb-backfill.sh | sed 's/) name=/ /')
    echo "$letters"
    sed -En 's/^ {6}(--[a-z|-]+)\) .*/\1/p' src/fb-backfill.sh | tr '|' '\n' | grep -vxFf <(cut -d ' ' -f 2 <<< "$letters")
  fi | sort -u
}

# The README's table has those of fb-backfill, and leaves out what all programs have.
of_readme() { sed -n '/^| option /,/^$/p' README.md | cut -d '|' -f 2- | grep -oE -- '`--?[A-Za-z-]+' | tr -d '`' | sort; }

@test "mandoc finds nothing to warn of" {
  run -0 mandoc -T lint -W warning man/*
  assert_output ''
}

@test "a page for each program, one for the files, one for the whole; each with EXAMPLES and EXIT STATUS" {
  run -0 ls man
  assert_output "$(printf '%s\n' fb.7 fb-records.5 $(printf '%s.1 ' $programs) | LC_ALL=C sort)"
  for section in NAME SYNOPSIS DESCRIPTION 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
    run grep -L -x ".Sh $section" man/*
    assert_output ''
  done
}

@test "the pages refer to pages that are there" {
  grep -h '^\.Xr fb' man/* | cut -d ' ' -f 2,3 | sort -u | while read -r name section; do
    [ -f "man/$name.$section" ] || fail "$name($section)"
  done
}

@test "--help, the man page and the source agree on the options" {
  for program in $programs; do
    of_source "$program" > "$BATS_TEST_TMPDIR/source"
    [ "$(wc -l < "$BATS_TEST_TMPDIR/source")" -gt 4 ]
    run -0 diff "$BATS_TEST_TMPDIR/source" <(of_help "$program")
    run -0 diff "$BATS_TEST_TMPDIR/source" <(of_page "$program")
  done
}

@test "the README's table has all options of fb-backfill" {
  run -0 diff <(of_help fb-backfill | grep -v -e --help -e --version | tr ' ' '\n' | sort) <(of_readme)
}
