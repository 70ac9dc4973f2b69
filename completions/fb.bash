# shellcheck shell=bash
# Completion in bash for fb-extract, fb-resolve, fb-apply, fb-report and fb-backfill.
# The options are those that PROGRAM --help shows, so that none is missing here; what the help calls
# an option's argument tells what it may be.

_fb() { # program, the word at the cursor, the word before it
  local word=$2 option=$3 argument='' long='' line options=() values
  local an_option='^ +((-[A-Za-z?]), )?(--[a-z-]+)(\[?[ =]([A-Z]+))?'

  # bash takes --model=answer for three words.
  if [ "${COMP_WORDS[COMP_CWORD]}" = = ]; then
    word='' option=${COMP_WORDS[COMP_CWORD - 1]}=
  elif [ "$option" = = ]; then
    option=${COMP_WORDS[COMP_CWORD - 2]}=
  fi
  while IFS= read -r line; do
    [[ $line =~ $an_option ]] || continue
    options+=("${BASH_REMATCH[3]}")
    case $option in
      "${BASH_REMATCH[3]}=") long=${BASH_REMATCH[3]} argument=${BASH_REMATCH[5]} ;;
      "${BASH_REMATCH[2]:-none}"|"${BASH_REMATCH[3]}")
        # An argument in brackets comes behind a = alone.
        [[ ${BASH_REMATCH[4]} == '['* ]] || long=${BASH_REMATCH[3]} argument=${BASH_REMATCH[5]} ;;
    esac
  done < <("$1" --help 2> /dev/null)

  [[ $argument != NAME || $long == --model ]] || argument=ROLE   # nobody can know
  case $argument in
    NAME) values="$("$1" --print-models 2> /dev/null | sed 's/=.*//') all" ;;
    F) values='text csv' ;;
    WHEN) values='auto always never' ;;
    FILE|PLAN|RECEIPTS) return ;;   # readline's own completion has files
    DIR) compopt +o default -o dirnames; return ;;
    '')
      # fb-backfill alone takes no files, unless it takes back what several say.
      [[ $word == -* || ($1 == *fb-backfill && " ${COMP_WORDS[*]} " != *' --undo'[\ =]*) ]] || return
      values=${options[*]} ;;
    *) values='' ;;
  esac
  compopt +o default
  mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word")
}

complete -o default -F _fb fb-extract fb-resolve fb-apply fb-report fb-backfill
