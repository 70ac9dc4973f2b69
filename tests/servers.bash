# Additional servers besides the suite's. Each is a folder, which is its PGHOST. Those that are left at the end of all tests are
# removed with the suite's.
# shellcheck source=examples/with-server.sh
. "$BATS_TEST_DIRNAME/../examples/with-server.sh"

# The name includes the test file's, since other files run at the same time.
host_of() { echo "$SERVERS/${BATS_TEST_FILENAME##*/}.$1"; } # NAME

begin_server() { # NAME [SETTING...]
  local host
  host=$(host_of "$1")
  mkdir -m 700 "$host"
  new_server "$host"
  printf '%s\n' "${@:2}" >> "$host/data/postgresql.conf"
  start_server "$host"
}

server() { # NAME start|stop|promote [PG_CTL-ARGUMENT...]
  case $2 in
    start) start_server "$(host_of "$1")" ;;
    stop) stop_server "$(host_of "$1")" "${@:3}" ;;
    promote) as_server_user "$PG_BINDIR/pg_ctl" -D "$(host_of "$1")/data" -w -s promote ;;
  esac
}
# A streaming replica, of a copy of the server's data that is taken while it is stopped: pg_basebackup would have to be of the
# server's version.
begin_replica() { # OF NAME
  local own copy
  own=$(host_of "$1") copy=$(host_of "$2")
  server "$1" stop
  cp -a "$own" "$copy"
  touch "$copy/data/standby.signal"
  chown --reference="$copy/data/PG_VERSION" "$copy/data/standby.signal"
  echo "primary_conninfo = 'host=$own user=postgres application_name=$2'" >> "$copy/data/postgresql.conf"
  server "$1" start
  server "$2" start
}
is_running() { [ -e "$(host_of "$1")/data/postmaster.pid" ]; } # NAME

end_server() { # NAME
  ! is_running "$1" || server "$1" stop -m immediate
  rm -rf "$(host_of "$1")"
}
