# What bash and zsh offer: options, and values for their arguments.
load helper

programs='fb-extract fb-resolve fb-apply fb-report fb-backfill'

# The long options in a program's --help, and its letters.
long() { "$1" --help | grep -oE '^ +(-[A-Za-z?], )?--[a-z-]+' | grep -oE -- '--.*' | LC_ALL=C sort; }
letters() { "$1" --help | grep -oE '^ +-[A-Za-z?], ' | grep -oE -- '-[A-Za-z?]' | LC_ALL=C sort; }

# A program with every kind of option.
new_program() { # name
  mkdir -p tools
  cat > "tools/$1" << 'END'
#!/bin/sh
[ "$1" != --print-models ] || { echo answer=a:b,c,d; echo quiz=q; exit; }
cat << HELP
Usage: $0 [OPTION...]
       $0 --old
Do something to -- or with -- something.

  -m, --model NAME        work on this model
  -f, --format F          read [text] (COPY's) or csv: the header
                          line tells
  -n, --new N             some number
      --table SPEC        another table
      --color[=WHEN]      colour
      --log DIR           a folder
      --keep FILE         a file
      --apply PLAN        another
      --undo RECEIPTS     and another
      --check             look

See $0(1) --not-an-option.
HELP
END
  chmod +x "tools/$1"
  PATH=$PWD/tools:$PATH
}

# ---- bash

# What bash offers at the end of a command line, split into words as bash does; then, after `or`, what readline
# does if that is nothing. compopt exists only during a completion, so this replaces it.
offers() { # WORD...
  env bash -c '
    usual=$1; shift
    source "$usual"
    or=$(complete -p "${1##*/}") or=${or#*-o } or=${or%% *}
    compopt() {
      while [ $# -gt 0 ]; do
        case $1 in +o) or=nothing ;; -o) or=$2 ;; esac
        shift 2
      done
    }
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _fb "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    echo ${COMPREPLY[*]} or $or' bash "$project/completions/fb.bash" "$@"
}

@test "bash offers all the options that a program's --help shows" {
  for program in $programs; do
    [ "$(long "$program" | wc -l)" -gt 4 ]
    run -0 offers "$program" --
    assert_output "$(offers "$program" -)"
    run -0 diff <(long "$program") <(tr ' ' '\n' <<< "${output% or nothing}" | LC_ALL=C sort)
  done
  run -0 offers fb-extract --mo
  assert_output '--model --models or nothing'
  run -0 offers fb-extract --rej
  assert_output '--rejects or nothing'
}

@test "bash offers an option that is new in a program without any change" {
  new_program fb-apply
  run -0 offers fb-apply --
  assert_output "$(tr ' ' '\n' <<< "--model --format --new --table --color --log --keep --apply --undo --check or nothing" | paste -s -d ' ')"
}

@test "bash: arguments of options" {
  new_program fb-apply
  for before in --model -m '--model ='; do
    run -0 offers fb-apply $before ''
    assert_output 'answer quiz all or nothing'
    run -0 offers fb-apply $before qu
    assert_output 'quiz or nothing'
  done
  run -0 offers fb-apply --model =   # the cursor is after it
  assert_output 'answer quiz all or nothing'
  run -0 offers fb-apply -f ''
  assert_output 'text csv or nothing'
  run -0 offers fb-apply --color = al
  assert_output 'always or nothing'
  run -0 offers fb-apply --color al   # this is an operand
  assert_output 'or default'
  for number in -n --new --table; do
    run -0 offers fb-apply $number 1
    assert_output 'or nothing'
  done
  run -0 offers fb-apply --log x
  assert_output 'or dirnames'
  for file in --keep --apply --undo; do
    run -0 offers fb-apply $file x
    assert_output 'or default'
  done
}

@test "bash: operands are files, and fb-backfill has none" {
  for program in fb-extract fb-resolve fb-apply fb-report; do
    run -0 offers $program ''
    assert_output 'or default'
  done
  run -0 offers fb-backfill ''
  assert_output "$(offers fb-backfill --)"
}

@test "bash: a program that does not exist has no options, and prints no error" {
  run -0 --separate-stderr offers ./fb-extract --
  assert_output 'or nothing'
  [ -z "$stderr" ]
}

@test "in a terminal, TAB completes in bash" {
  touch 'some plan.tsv'
  mkdir rest
  cat > bashrc << END
source "$project/completions/fb.bash"
bind 'set enable-bracketed-paste off'
PS1='rea''dy> '
END
  run -0 python3 "$project/tests/type.py" 'ready> ' \
    $'fb-extract --model ans\t --form\tcs\tso\t \x01echo \rfb-backfill --dry\t --plan some\t\x01echo \rexit\r' bash --rcfile bashrc -i
  assert_output --regexp $'\nfb-extract --model answer --format csv some plan.tsv\n'
  assert_output --regexp $'\nfb-backfill --dry-run --plan some plan.tsv\n'
}

# ---- zsh

# What the completion passes to _arguments, one specification per line.
specifications() { # program
  zsh -f -c '
    emulate zsh -o extendedglob
    words=("$2") service=${2:t}
    _arguments() { print -rl -- "$@" }
    source "$1"' zsh "$project/completions/_fb" "$1"
}

@test "zsh offers all the options that a program's --help shows" {
  requires zsh
  for program in $programs; do
    run -0 --separate-stderr specifications $program
    [ -z "$stderr" ]
    run -0 diff <({ long $program; letters $program; } | LC_ALL=C sort) \
      <(sed -nE 's/^(\([^)]*\)|\*)(-[a-zA-Z?-]+).*/\2/p' <<< "$output" | LC_ALL=C sort)
  done
}

@test "zsh: arguments of options, and what they do" {
  requires zsh
  new_program fb-apply
  run -0 --separate-stderr specifications fb-apply
  [ -z "$stderr" ]
  assert_output "$(cat << 'END'
-s
-S
(-m --model)--model=[work on this model]:model:(answer quiz all)
(-m --model)-m+[work on this model]:model:(answer quiz all)
(-f --format)--format=[read \[text\] (COPY's) or csv\: the header line tells]:format:(text csv)
(-f --format)-f+[read \[text\] (COPY's) or csv\: the header line tells]:format:(text csv)
(-n --new)--new=[some number]:N: 
(-n --new)-n+[some number]:N: 
*--table=[another table]:SPEC: 
( --color)--color=-[colour]::when:(auto always never)
( --log)--log=[a folder]:DIR:_files -/
( --keep)--keep=[a file]:FILE:_files
( --apply)--apply=[another]:PLAN:_files
( --undo)--undo=[and another]:RECEIPTS:_files
( --check)--check[look]
*:FILE:_files
END
)"
}

@test "zsh: fb-backfill takes no files" {
  requires zsh
  run -0 specifications fb-backfill
  refute_output --partial '*:'
}

@test "in a terminal, TAB completes in zsh without errors" {
  requires zsh
  touch 'some plan.tsv'
  cat > .zshrc << END
fpath=("$project/completions" \$fpath)
autoload -Uz compinit
compinit -D -u
bindkey -e
PS1='rea''dy> '
END
  ZDOTDIR=$PWD TERM=dumb run -0 python3 "$project/tests/type.py" 'ready> ' \
    $'fb-extract --model=ans\t-f cs\tso\t\x01echo \rfb-backfill --dry\t--plan=some\t\x01echo \rfb-report --su\t\x01echo \rexit\r' zsh -i
  assert_output --regexp $'\nfb-extract --model=answer -f csv some plan.tsv\n'
  assert_output --regexp $'\nfb-backfill --dry-run --plan=some plan.tsv\n'
  assert_output --regexp $'\nfb-report --summary\n'
  refute_output --partial '_fb:'
}
