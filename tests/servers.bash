# More servers than the one that tests/run has started, beside it and under names of their own.
# A file starts them in setup_file and removes them in teardown_file; each test gets its own databases.

# Of what bats has open a server must have nothing: bats waits for the end of it.
close_descriptors() {
  local fd
  for fd in /proc/"$BASHPID"/fd/*; do
    (( ${fd##*/} <= 2 )) || eval "exec ${fd##*/}>&-"
  done
}

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
