# The manual, and that it, --help, the README and the programs agree on the options.
load helper

programs='fb-extract fb-resolve fb-apply fb-report fb-backfill'

# ---- a program's options as lines: `-x --long`, or `--long` if it has no letter

of_help() { "$1" --help | sed -En 's/^ +((-[A-Za-z?]), )?(--[a-z-]+).*/\2 \3/p' | sed 's/^ //' | sort; }

of_page() { sed -En 's/^\.It (Fl ([A-Za-z?]) , )?Fl -([a-z-]+).*/-\2 --\3/p' "$project/man/$1.1" | sed 's/^- //' | sort; }

# The README's table has some of fb-backfill's.
of_readme() { sed -n '/^| option /,/^$/p' "$project/README.md" | cut -d '|' -f 2- | grep -oE -- '`--?[A-Za-z-]+' | tr -d '`' | sort; }

@test "mandoc has no warnings" {
  run -0 mandoc -T lint -W warning "$project"/man/*
  assert_output ''
}

@test "a page for each program, one for the files, one for the whole; each with EXAMPLES and EXIT STATUS" {
  cd "$project"
  run -0 ls man
  assert_output "$(printf '%s\n' fb.7 fb-records.5 $(printf '%s.1 ' $programs) | LC_ALL=C sort)"
  for section in NAME SYNOPSIS DESCRIPTION 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
    run grep -L -x ".Sh $section" man/*
    assert_output ''
  done
}

@test "the pages refer to pages that exist" {
  cd "$project"
  grep -h '^\.Xr fb' man/* | cut -d ' ' -f 2,3 | sort -u | while read -r name section; do
    [ -f "man/$name.$section" ] || fail "$name($section)"
  done
}

@test "--help and the man page agree on the options" {
  for program in $programs; do
    of_help "$program" > help
    [ "$(wc -l < help)" -gt 4 ]
    run -0 diff help <(of_page "$program")
  done
}

@test "each program takes the options that its --help shows, and no other letters" {
  echo note=notes > answer   # an argument that is a model's name, a file of models, and any name
  for program in $programs; do
    # shellcheck disable=SC2046
    cases "$program" $(of_help "$program") << 'END'
import string
from cases import *
program, *shown = sys.argv[1:]
def takes(option, *arguments):  # then it goes on to --help
    return any(Ran(program, option, *argument.split(), "--help").status == 0 for argument in arguments)
for option in shown:
    equal(takes(option, "answer", "1", "1/2", "text", "x=y", "auto", ""), True, program, option)
for option in ["--nonsense"] + [f"-{letter}" for letter in string.ascii_letters if f"-{letter}" not in shown]:
    equal(takes(option, ""), False, program, option)
END
  done
}

@test "the README's table has options that fb-backfill has" {
  of_readme > shown
  [ "$(wc -l < shown)" -gt 10 ]
  run -0 comm -13 <(of_help fb-backfill | tr ' ' '\n' | sort) shown
  assert_output ''
}
