# Reports where a shell script could evaluate outside input. Bash evaluates text in arithmetic, and such text can contain a
# command: x[$(reboot)0]. So eval (except of getopt's quoted output), let, integer attributes and comparisons with [[ -eq ]]
# are not allowed. A name used in arithmetic may be set only by arithmetic, digits, an exit status, the digits of a clock, an
# index, or another such name, unless the script checks it with is_count.
#
# awk -f lint-arithmetic.awk SCRIPT

function report(what) { printf "%s:%d: %s\n", FILENAME, FNR, what; failed = 1 }

# Records the names in an arithmetic expression. 10#$1, the parameters and $# are not names.
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
  do {   # a name set from a safe name is safe
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
