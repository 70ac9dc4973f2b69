# More servers than the one that tests/run has started. A file starts them in setup_file and removes them in
# teardown_file; each test gets its own databases.

# Of what bats has open a server must have nothing: bats waits for the end of it.
close_descriptors() {
  local fd
  for fd in /proc/"$BASHPID"/fd/*; do
    (( ${fd##*/} <= 2 )) || eval "exec ${fd##*/}>&-"
  done
}

# ---- a server of a file's own, called regress, for tests that do to it what others could not bear

# Call these in setup_file and teardown_file, in BATS_FILE_TMPDIR. Source the file `server` for its address.
begin_own_server() { # pg_virtualenv's options...
  mkfifo stop
  # shellcheck disable=SC2016  # for the inner bash
  (
    close_descriptors
    for name in $(compgen -e PG); do unset "$name"; done
    exec pg_virtualenv -t "$@" bash -c 'export -p | sed -n "s/^declare -x PG/export PG/p" > starting; mv starting server; read -r _ < stop'
  ) > log 2>&1 &
  echo $! > pid
  for _ in {1..600}; do [ ! -e server ] || break; sleep 0.1; done
}
end_own_server() {
  echo > stop
  tail --pid="$(cat pid)" -f /dev/null
}

# ---- further ones

# Starts or stops one, or what else pg_ctlcluster can.
server() { # NAME start|stop|...
  (close_descriptors; cd /; pg_ctlcluster "$PGVERSION" "$@" > /dev/null)
}

new_server() { # NAME
  local root=${PG_CLUSTER_CONF_ROOT%/*}
  (cd / && pg_createcluster --quiet -d "$root/data/$PGVERSION/$1" -l "$root/log/$1.log" --pgoption fsync=off "$PGVERSION" "$1" \
    -- --username="$PGUSER" --pwfile="$root/postgresql-common/pwfile" --nosync) || return
  for _ in {1..5}; do
    server "$1" start && return
    # somebody else was quicker to take the port
    pg_conftool "$PGVERSION" "$1" set port $((20000 + RANDOM % 10000))
  done
  return 1
}

remove_server() { # NAME
  ! server "$1" status || server "$1" stop -m immediate
  (cd / && pg_dropcluster "$PGVERSION" "$1")
}

port_of() { pg_conftool -s "$PGVERSION" "$1" show port; } # NAME
