#!/usr/bin/env bash
# with-server.sh COMMAND [ARGUMENT...]: runs a command with a PostgreSQL server of its own, and removes the server
# afterwards, however the command or this script ends. PGHOST, PGPORT and PGUSER tell the command where the server is: on
# a Unix socket in a temporary folder that nobody else can enter, so any number of such servers can run side by side.
#
# PG_BINDIR=DIR chooses the server: DIR is the folder of its initdb and pg_ctl. If the script is run as root, the server
# runs as the user postgres, or else nobody. The exit status is that of the command, or 125 if no server can be started.
#
# When sourced, this file is a library of the functions below. A server is a folder with its data, its socket and its log.

# Sets PG_BINDIR, unless it is already set, to the folder of a server's programs: the one in PATH, or the newest one in the
# places used by packages of Debian, Red Hat, SUSE, Alpine and Homebrew, and by PostgreSQL's own `make install`.
find_server_programs() {
  local found
  if [ "${PG_BINDIR-}" ]; then
    [ -x "$PG_BINDIR/initdb" ] && return
    echo "with-server.sh: $PG_BINDIR: no initdb there" >&2
    return 125
  fi
  found=$(command -v initdb) || found=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb \
    /usr/lib/postgresql*/bin/initdb /usr/libexec/postgresql*/initdb {/opt/homebrew,/usr/local}/opt/postgresql@*/bin/initdb \
    /usr/local/pgsql/bin/initdb | while read -r found; do [ ! -x "$found" ] || echo "$found"; done | sort -V | tail -n 1)
  if [ ! "$found" ]; then
    echo "with-server.sh: no PostgreSQL server found: install one, or set PG_BINDIR to the folder of its initdb" >&2
    return 125
  fi
  found=$(realpath "$found")  # some packages only have links to some of them in PATH
  export PG_BINDIR=${found%/*}
}

# Closes all descriptors but the standard ones. A server would keep the others open, and whoever waits for them to be closed
# would wait for the server to end.
close_descriptors() {
  local fd
  for fd in /proc/"$BASHPID"/fd/*; do
    fd=${fd##*/}
    [[ $fd == [012] || $fd == '*' ]] || exec {fd}>&-
  done
}

# Runs a command as the server's user, in a folder that every user can enter.
as_server_user() { # COMMAND...
  (
    local user
    close_descriptors
    cd /
    [ "$(id -u)" = 0 ] || exec "$@"
    user=$(server_user)
    ! command -v runuser > /dev/null || exec runuser -u "$user" -- "$@"
    exec su -s "$BASH" "$user" -c "$(printf '%q ' "$@")"
  )
}
server_user() { if id -u postgres > /dev/null 2>&1; then echo postgres; else echo nobody; fi; }

# Makes a server in an existing empty folder. It is fast rather than safe: its data need not survive a crash.
new_server() { # FOLDER
  [ "$(id -u)" != 0 ] || chown "$(server_user)" "$1" || return
  [ "$(locale charmap 2> /dev/null)" = UTF-8 ] || local -x LC_ALL=C
  as_server_user "$PG_BINDIR/initdb" -D "$1/data" -A trust -U postgres -E UTF8 --no-sync > "$1/initdb.log" 2>&1 ||
    { cat "$1/initdb.log" >&2; return 125; }
  as_server_user tee -a "$1/data/postgresql.conf" > /dev/null << 'END'
port = 5432
listen_addresses = ''
unix_socket_directories = '..'  # relative to the data: the server's folder
fsync = off
full_page_writes = off
autovacuum = off
END
}

start_server() { # FOLDER [PG_CTL-ARGUMENT...]
  as_server_user "$PG_BINDIR/pg_ctl" -D "$1/data" -l "$1/log" -w -s "${@:2}" start || { tail -n 20 "$1/log" >&2; return 125; }
}

stop_server() { # FOLDER [PG_CTL-ARGUMENT...]
  as_server_user "$PG_BINDIR/pg_ctl" -D "$1/data" -w -s "${@:2}" stop
}

# Waits for the end of its standard input, which comes when this script ends, however that happens. Then stops every
# server in the folder, and removes the folder.
remove_when_gone() { # FOLDER
  local server
  trap '' INT TERM HUP
  cat > /dev/null
  for server in "$1"/*/; do
    [ ! -e "${server}data/postmaster.pid" ] || stop_server "${server%/}" -m immediate
  done
  rm -rf "$1"
}

with_server() { # COMMAND [ARGUMENT...]
  local name parent keeper status
  [ $# -gt 0 ] || { echo 'usage: with-server.sh COMMAND [ARGUMENT...]' >&2; return 125; }
  find_server_programs || return

  # The command must not use settings in the environment that are meant for other servers.
  for name in $(compgen -e PG) PSQLRC; do [ "$name" = PG_BINDIR ] || unset "$name"; done

  # The name of a socket can have about 100 bytes, and the server's user must be able to reach it.
  parent=${TMPDIR:-/tmp}
  if [ ${#parent} -gt 70 ] || ! as_server_user test -x "$parent"; then parent=/tmp; fi
  SERVERS=$(mktemp -d "$parent/fb-server.XXXXXX") && chmod 711 "$SERVERS" || return 125

  exec 9> >(remove_when_gone "$SERVERS" > /dev/null)
  keeper=$!
  export SERVERS PGHOST=$SERVERS/main PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
  mkdir -m 700 "$PGHOST" && new_server "$PGHOST" && start_server "$PGHOST" && "$@" 9>&-
  status=$?
  exec 9>&-
  wait "$keeper"
  return "$status"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -u -o pipefail
  with_server "$@"
  exit
fi
