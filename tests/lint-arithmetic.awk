# Reports what a shell script could evaluate of what comes from outside. Bash evaluates text in arithmetic, and what text says
# may be a command: x[$(reboot)0]. So there is no eval (but of what getopt has quoted for it), no let, no integer attribute and no comparison by [[ -eq ]]; and a
# name that is used in arithmetic is set by nothing but arithmetic, digits, an exit status, the digits of a clock, an
# index, or another such name; or the script asks is_count about it.
#
# awk -f lint-arithmetic.awk SCRIPT

function report(what) { printf "%s:%d: %s\n", FILENAME, FNR, what; failed = 1 }

# Notes the names in a piece of arithmetic. 10#$1, the parameters and $# are no names.
function note_names(text) {
  gsub(/\$\{#[^}]*\}|10#|\/\/\[!0-9\]\/|:-/, " ", text)
  while (match(text, /[A-Za-z_][A-Za-z_0-9]*/)) {
    used[substr(text, RSTART, RLENGTH)] = FNR
    text = substr(text, RSTART + RLENGTH)
  }
}

{
  line = $0
  if (line ~ /^[ \t]*#/) next
  sub(/[ \t]#.*/, "", line)
  if (line !~ /^ *eval "set -- \$words" *$/ && line ~ /(^|[ ;&|({])(eval|let|declare -i|local -i|typeset|printf -v)[ ]/) report("evaluates text: " line)
  if (line ~ /\[\[.* -(eq|ne|lt|le|gt|ge) /) report("[[ computes with text; use (( )) or [ ]: " line)
  rest = line
  while (match(rest, /\(\(([^()]|\([^()]*(\([^()]*\)[^()]*)*\))*\)\)/)) {
    piece = substr(rest, RSTART + 2, RLENGTH - 4)
    rest = substr(rest, RSTART + RLENGTH)
    note_names(piece)
  }
  # what sets names
  for (rest = line; match(rest, /(^|[ ;(&|{])[A-Za-z_][A-Za-z_0-9]*(\[[^]]*\])?\+?=[^ ;]*/); rest = substr(rest, RSTART + RLENGTH)) {
    assignment = substr(rest, RSTART, RLENGTH)
    sub(/^[ ;(&|{]/, "", assignment)
    name = value = assignment
    sub(/[\[+=].*/, "", name)
    sub(/^[^=]*=/, "", value)
    if (value !~ /^(''|\(\)?|[0-9]+|"?\$\(\(.*|\$\?|\$\{EPOCHREALTIME\/\/\[!0-9\]\/\}|\$!)?$/)
      sets[name] = sets[name] SUBSEP FNR ": " value
  }
  if (match(line, /(^|[ ;&|])read [^<|;]*/)) {
    count = split(substr(line, RSTART, RLENGTH), words, /[ \t]+/)
    for (i = 1; i <= count; i++) if (words[i] ~ /^[a-z_]+$/ && words[i] != "read") sets[words[i]] = sets[words[i]] SUBSEP FNR ": read"
  }
  for (rest = line; match(rest, /is_count "\$[a-z_]+"/); rest = substr(rest, RSTART + RLENGTH)) {
    name = substr(rest, RSTART + 11, RLENGTH - 12)
    asked[name]
  }
}

END {
  do {   # a name that is set from a good name is good
    changed = 0
    for (name in sets) {
      count = split(sets[name], ways, SUBSEP)
      good = 1
      for (i = 2; i <= count; i++) {
        from = ways[i]
        sub(/^[0-9]+: "?\$\{?/, "", from); sub(/\}?"?$/, "", from)
        if (!(from in used) || (from in sets && !(from in asked))) good = 0
      }
      if (good) { delete sets[name]; changed = 1 }
    }
  } while (changed)
  for (name in used)
    if (name in sets && !(name in asked)) {
      sub("^" SUBSEP, "", sets[name]); gsub(SUBSEP, ", ", sets[name])
      printf "%s:%d: arithmetic with %s, which is set from elsewhere (%s); ask is_count first\n", FILENAME, used[name], name, sets[name]
      failed = 1
    }
  exit failed
}
