# shellcheck shell=bash
# A private Postgres: data in $RUN/pg, reachable through one Unix socket and no port, so that it can clash with
# nothing. After need_postgres (setup.sh) and choose_socket_dir (common.sh).
#
#   postgres:///centrale?host=/the/socket/dir&port=5432&user=tendering_app
#
# is the form of its URLs: sqlx and psql read it alike, and a test changes the database by changing the path.
# The port only names the socket file.
#
# Every local connection is trusted, without a password. That is safe here because the socket lies in a folder
# of mode 0700: who can enter it is this user or root, and either could read the data files and the services'
# keys in $RUN as well. Roles still hold every service to its own schema and rows. A managed Postgres gives
# each role a password, which goes into the same URL (postgres://tendering_app:…@host/centrale): no code changes.

# The URL of ROLE in DATABASE.
pg_url() { printf 'postgres:///%s?host=%s&port=5432&user=%s\n' "$2" "$CENTRALE_SOCKET_DIR" "$1"; }

# psql as the superuser, with no start-up file of the caller's, stopping at the first error.
pg_psql() {
  local database=$1
  shift
  "${PG[@]}" "$PG_BIN/psql" -X -q -v ON_ERROR_STOP=1 -d "$(pg_url postgres "$database")" "$@"
}

# Postgres refuses to run as root. PG_AS becomes the prefix that makes it somebody else.
#
# First choice: a user namespace in which this very user goes by another number. Nothing changes hands: files
# stay ours, and folders that only root may cross (/root/clone) stay open to it.
# Where a container forbids namespaces: another user for real, who owns the data (PG_OWNER) and keeps of root's
# rights the one to cross folders and to put its socket into ours. CENTRALE_NO_UNSHARE=1 takes this way at once.
# "unshare" and "setpriv" are both in util-linux, always there.
choose_pg_user() {
  PG_AS=()
  PG_OWNER=
  if ((EUID != 0)); then return 0; fi
  local name uid gid
  for name in postgres daemon nobody; do
    # initdb wants a number that has a name.
    if uid=$(id -u "$name" 2>/dev/null) && gid=$(id -g "$name"); then break; fi
  done
  [[ -n ${uid:-} ]] || die "Postgres does not run as root, and there is no user postgres, daemon or nobody"
  if [[ -z ${CENTRALE_NO_UNSHARE:-} ]] && unshare --user --map-user="$uid" --map-group="$gid" true 2>/dev/null; then
    PG_AS=(unshare --user "--map-user=$uid" "--map-group=$gid")
    # Data that an earlier run gave away (below) would look like a stranger's from inside.
    if [[ -d $RUN/pg && ! -O $RUN/pg ]]; then chown -R 0:0 "$RUN/pg"; fi
    return 0
  fi
  # shellcheck disable=SC2054 # the commas are setpriv's
  PG_AS=(setpriv "--reuid=$uid" "--regid=$gid" --clear-groups
    --bounding-set=-all,+dac_override --inh-caps=-all,+dac_override --ambient-caps=-all,+dac_override
    --securebits=+no_setuid_fixup) # else access(2), by which Postgres finds its programs, forgets that right
  "${PG_AS[@]}" true 2>/dev/null ||
    die "Postgres does not run as root, and neither unshare nor setpriv may change that here: run this as another user"
  PG_OWNER=$uid:$gid
  if [[ -d $RUN/pg ]]; then chown -R "$PG_OWNER" "$RUN/pg"; fi
}

# Sized for one machine of 2 cores and 24 GiB that also compiles and runs everything else. Written at every
# start, so that this text is what counts.
write_pg_conf() {
  cat >"$RUN/pg/postgresql.conf" <<EOF
# Written by infra/lib/postgres.sh at every start.
listen_addresses = ''                 # the socket only
unix_socket_directories = '$CENTRALE_SOCKET_DIR'
unix_socket_permissions = 0700
port = 5432                           # only part of the socket's name
max_connections = 200                 # 5 services, their workers, and a test run beside them
shared_buffers = 256MB
effective_cache_size = 4GB
work_mem = 16MB
maintenance_work_mem = 256MB
max_worker_processes = 4
max_parallel_workers = 2
max_parallel_workers_per_gather = 1
jit = off                             # costs more than it gives on short queries; its compiler is not unpacked
random_page_cost = 1.1                # solid-state disks
wal_level = replica
max_wal_size = 2GB
checkpoint_timeout = 15min
fsync = $1
full_page_writes = $1
synchronous_commit = on
timezone = 'UTC'
log_timezone = 'UTC'
datestyle = 'iso, ymd'
lc_messages = 'C.UTF-8'
lc_monetary = 'C.UTF-8'
lc_numeric = 'C.UTF-8'
lc_time = 'C.UTF-8'
default_text_search_config = 'pg_catalog.simple'
log_destination = 'stderr'            # into the supervisor's log
log_line_prefix = '%m [%p] %u@%d '
log_lock_waits = on
log_min_duration_statement = 1s
log_parameter_max_length = 0          # no personal data, no tender in a log
log_checkpoints = off
EOF
}

# Made beside and renamed at the end: half a cluster, of an interrupted run, is never taken for a whole one.
make_cluster() {
  say "Postgres: making a cluster in $RUN/pg"
  rm -rf "$RUN/pg.new"
  mkdir -m 700 "$RUN/pg.new"
  if [[ -n $PG_OWNER ]]; then chown "$PG_OWNER" "$RUN/pg.new"; fi
  "${PG_AS[@]}" "${PG[@]}" "$PG_BIN/initdb" -D "$RUN/pg.new" -U postgres --auth=trust --encoding=UTF8 \
    --locale=C.UTF-8 --data-checksums --no-instructions >"$RUN/log/initdb.log" 2>&1 ||
    die_of initdb "Postgres could not make its cluster"
  mv "$RUN/pg.new" "$RUN/pg"
}

# start_postgres [on|off]: with fsync off (tests) the data survives the death of every process, not of the machine.
start_postgres() {
  local fsync=${1:-on} waited=0
  if live_pid "$RUN/pids/postgres.supervisor" >/dev/null && pg_answers; then return 0; fi
  choose_pg_user
  if [[ ! -f $RUN/pg/PG_VERSION ]]; then make_cluster; fi
  write_pg_conf "$fsync"
  start_supervised postgres "${PG_AS[@]}" "${PG[@]}" "$PG_BIN/postgres" -D "$RUN/pg"
  # 60 s: after a crash it first reads its log again.
  until pg_answers; do
    if ((++waited > 300)); then die_of postgres "Postgres does not answer"; fi
    sleep 0.2
  done
}

pg_answers() { pg_psql postgres -c 'select 1' >/dev/null 2>&1; }

# Database, roles, schemas, clock. Both files may run again on the same cluster.
bootstrap_postgres() {
  local demo_clock=$1
  pg_psql postgres -f "$ROOT/infra/db/bootstrap.sql" >>"$RUN/log/bootstrap.log" 2>&1 || die_of bootstrap "the database could not be prepared"
  if [[ $demo_clock == yes ]]; then
    pg_psql centrale -f "$ROOT/infra/db/demo_clock.sql" >>"$RUN/log/bootstrap.log" 2>&1 ||
      die_of bootstrap "the demo clock could not be installed"
  fi
}

# Fast, not smart: open connections are rolled back. A minute for the last checkpoint.
stop_postgres() { stop_supervised 60 postgres; }
