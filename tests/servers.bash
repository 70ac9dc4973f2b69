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

# Starts or stops one, or what else pg_ctl can.
server() { # NAME start|stop [PG_CTL-ARGUMENT...]
  case $2 in
    start) start_server "$(host_of "$1")" ;;
    stop) stop_server "$(host_of "$1")" "${@:3}" ;;
  esac
}
is_running() { [ -e "$(host_of "$1")/data/postmaster.pid" ]; } # NAME

end_server() { # NAME
  ! is_running "$1" || server "$1" stop -m immediate
  rm -rf "$(host_of "$1")"
}
