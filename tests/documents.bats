# Runs every command in README.md and in the manual's EXAMPLES on the example database. If a document shows
# a command's output, it must match.
load helper

# ---- commands that are replaced, and why

# demo and check would run the tests inside the tests, and bench takes an hour. Installation goes to our own folder.
make() {
  case $1 in
    demo|check|bench) command make --dry-run "$1" ;;
    *) command make DESTDIR="$BATS_TEST_TMPDIR/stage" "$@" ;;
  esac
}
# The application is not here; the documents may show its command, and the one that django.bats tests.
python() { case $* in 'manage.py clean_cache' | 'manage.py backfill_feedback_syllabus --dry-run') ;; *) false ;; esac; }
# The page must be there, installed or in the source; no reader or pager is needed to see that.
man() {
  local page=$1
  case $page in */*) ;; *) page=$(echo "$BATS_TEST_TMPDIR/stage/usr/local/share/man"/man?/"$page".?) ;; esac
  mandoc "$page"
}
less() { cat; }

# ---- documents as lines: their text, and after a TAB `$ COMMAND` and the output that they show

# All of README: blocks marked sh, blocks marked sql by psql, and in the text all code that has a blank and isn't just an option.
readme() {
  awk '
    /^```/ && !block { block = substr($0, 4); if (block == "sql") print "\t$ psql -Xq -v ON_ERROR_STOP=1 -c \047"; else if (block != "sh" && block != "text") { print "\t$ false # a block of neither kind"; exit }; next }
    /^```/ { if (block == "sql") print "\t\047"; block = ""; next }
    block == "sql" { gsub(/\047/, "\047\\\047\047"); print "\t" $0; next }
    block == "sh" { print "\t" (continued ? "" : "$ ") $0; continued = /[\\|]$/; next }
    block { next }
    {
      print
      if (gsub(/`/, "`") % 2) print "\t$ false # code that is broken over two lines"
      for (rest = $0; match(rest, /`[^`]+`/); rest = substr(rest, RSTART + RLENGTH)) {
        code = substr(rest, RSTART + 1, RLENGTH - 2)
        if (code ~ / / && code !~ /^-/) print "\t$ " code
      }
    }' "$project/README.md"
}

# A man page's EXAMPLES. mandoc's markdown is ASCII and spells the report's arrow; of two lists or displays
# one after the other, it makes one a quotation, where characters are escaped.
examples() {
  mandoc -T markdown "$1" | awk '/^# / { on = /^# EXAMPLES/ } on' |
    sed -E -e '/^> /{s//\t/; s/&gt;/>/g; s/&lt;/</g; s/&nbsp;/ /g; s/&amp;/\&/g; s/\\(.)/\1/g; s/  $//; s/&#92;/\\/g}' -e 's/  $//; s/ -> / → /'
}

# ---- running them

# The example, also as the service feedback of fb-backfill(1).
new_example() {
  example_database
  export PGSERVICEFILE=$BATS_TEST_TMPDIR/pg_service.conf
  printf '[feedback]\ndbname=%s\n' "$PGDATABASE" > "$PGSERVICEFILE"
}

# Runs the last command read, if any.
run_command() {
  local status=0
  [ "$command" ] || return 0
  [ -z "$new_part" ] || new_example
  new_part=''
  hash -r   # an earlier command may have installed the programs
  eval "$command" > "$out" 2> "$out.err" < /dev/null || status=$?
  cat "$out.err" >> "$out"
  if [ $status != 0 ] && ! [[ $text =~ exits?\ (status\ )?$status ]]; then
    fail "exit status $status, of which the document says nothing: $command"$'\n'"$(cat "$out")"
  fi
  [ -z "$expected" ] || assert_equal "$(cat "$out")" "${expected%$'\n'}"
  ran=$((ran + 1)) command='' complete='' expected='' text_ended=yes
}

unfinished() { [[ $command == *[\\\|] ]] || ! bash -n <<< "$command" 2> /dev/null; }

# Runs a document's commands in this shell, one after the other.
run_document() { # < its lines
  local all line text='' text_ended='' command='' complete='' expected='' new_part=yes out=$BATS_TEST_TMPDIR/out
  set -o pipefail
  mapfile -t all
  for line in "${all[@]}" ''; do
    case $line in
      $'\t$ '*) run_command; command=${line:3} ;;
      $'\t'*) if [ -z "$complete" ] && unfinished; then command+=$'\n'${line:1}; else complete=yes expected+=${line:1}$'\n'; fi ;;
      *)
        run_command
        [ -z "$text_ended" ] || text='' text_ended=''
        text+=" $line" ;;
    esac
    # Each part of a document is independent, but an undo needs a run.
    case $line in '#'*Undo) ;; '#'*) new_part=yes ;; esac
  done
}

# bats test_tags=server
@test "every command in README.md" {
  copy_built_sources .   # where its reader would be after make
  PATH=$PWD/stage/usr/local/bin:$PATH
  ran=0
  run_document < <(readme)
  [ "$ran" -gt 25 ]
  # the installed programs ran
  assert_equal "$(command -v fb-backfill)" "$PWD/stage/usr/local/bin/fb-backfill"
}

# bats test_tags=server
@test "every command of the man pages' EXAMPLES" {
  for page in "$project"/man/*; do
    mkdir "$BATS_TEST_TMPDIR/${page##*/}"
    cd "$BATS_TEST_TMPDIR/${page##*/}"
    ran=0
    run_document < <(examples "$page")
    [ "$ran" -gt 2 ]
  done
}

@test "the files that README.md and CONTRIBUTING.md name exist" {
  cd "$project"
  for document in README.md CONTRIBUTING.md; do
    # those that it links to, and those that it shows as code
    { grep -oE '\]\([^)#:]+\)' $document | sed 's/^](//; s/)$//'; grep -oE '`[a-zA-Z_./*-]+`' $document | tr -d '`' | grep -E '^(src|tests|man|examples|completions|debian)/|\.(c|h|sql|bats|bash|md)$'; } |
      grep -v NEW | sort -u > "$BATS_TEST_TMPDIR/names"
    [ "$(wc -l < "$BATS_TEST_TMPDIR/names")" -gt 5 ]
    while read -r name; do
      [ -n "$(compgen -G "$name"; compgen -G "*/$name"; compgen -G "*/*/$name")" ] || fail "$document: no such file: $name"
    done < "$BATS_TEST_TMPDIR/names"
  done
}
