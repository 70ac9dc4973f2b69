# shellcheck shell=bash
# Completion in bash for fb-extract, fb-resolve, fb-apply, fb-report and fb-backfill.
# The options are taken from PROGRAM --help, so that none is missing here; the name of an option's
# argument in the help determines its values.

_fb() { # program, the word at the cursor, the word before it
  local word=$2 option=$3 argument='' long='' line options=() values
  local an_option='^ +((-[A-Za-z?]), )?(--[a-z-]+)(\[?[ =]([A-Z]+))?'

  # bash splits --model=answer into three words.
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
        # An argument in brackets can only follow a =.
        [[ ${BASH_REMATCH[4]} == '['* ]] || long=${BASH_REMATCH[3]} argument=${BASH_REMATCH[5]} ;;
    esac
  done < <("$1" --help 2> /dev/null)

  [[ $argument != NAME || $long == --model ]] || argument=ROLE   # cannot be known here
  case $argument in
    NAME) values="$("$1" --print-models 2> /dev/null | sed 's/=.*//') all" ;;
    F) values='text csv' ;;
    WHEN) values='auto always never' ;;
    FILE|PLAN|RECEIPTS) return ;;   # readline completes files
    DIR) compopt +o default -o dirnames; return ;;
    '')
      # fb-backfill takes no files, except for an undo of several receipts.
      [[ $word == -* || ($1 == *fb-backfill && " ${COMP_WORDS[*]} " != *' --undo'[\ =]*) ]] || return
      values=${options[*]} ;;
    *) values='' ;;
  esac
  compopt +o default
  mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word")
}

complete -o default -F _fb fb-extract fb-resolve fb-apply fb-report fb-backfill
