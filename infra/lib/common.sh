# shellcheck shell=bash disable=SC2034 # variables are used by those who source this
# What every script of infra/ shares: where things are, how to speak, how to know whether a process is ours.
# Sourced by the scripts, which set -euo pipefail themselves.

# The clone, and the folder in it that holds everything which is made at run time. A second stack on the
# same clone gets a folder of its own through CENTRALE_RUN_DIR.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
RUN=${CENTRALE_RUN_DIR:-$ROOT/.run}
# Downloads are the same for every stack of a clone, so they do not follow CENTRALE_RUN_DIR.
CACHE=$ROOT/.run

SERVICES=(membership catalogue tendering demand logistics)

# libpq and sqlx both read PGHOST, PGUSER, PGOPTIONS...: the caller's own must not reach our cluster.
for variable in "${!PG@}"; do unset "$variable"; done
unset variable

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Makes $RUN, and makes it absolute. It holds private keys and a database without passwords, hence 0700.
# An older folder of another user would fail later with stranger words.
open_run_dir() {
  mkdir -p "$RUN" "$CACHE" || die "cannot write to $RUN"
  RUN=$(cd "$RUN" && pwd)
  [[ -O $RUN ]] || die "$RUN belongs to another user ($(stat -c %U "$RUN")): remove it, or set CENTRALE_RUN_DIR"
  chmod 700 "$RUN"
  mkdir -p "$RUN/pids" "$RUN/log"
}

# Takes a lock for the rest of the script (descriptor 9), so that two runs do not start everything twice.
# What outlives the script must be started with 9>&-, else it would hold the lock for ever.
lock() {
  exec 9>"$1"
  flock -w "$2" 9 || die "another run holds $1"
}

# --- processes ---------------------------------------------------------------------------------------

# The start time of a process in clock ticks since boot; fails if there is none, or only its zombie.
start_time() {
  local stat fields
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # The second field is the name in brackets, which may hold spaces: count from the last bracket.
  read -ra fields <<<"${stat##*) }"
  [[ ${fields[0]} != Z ]] || return 1
  printf '%s\n' "${fields[19]}"
}

# Remembers a process. FILE holds the bare number; FILE.start tells it later from a stranger that got the
# same number after a reboot.
write_pid() {
  local file=$1 pid=$2
  start_time "$pid" >"$file.start.new" || true
  mv -f "$file.start.new" "$file.start"
  printf '%s\n' "$pid" >"$file.new"
  mv -f "$file.new" "$file"
}

# Prints the number kept in FILE if that very process is still alive.
live_pid() {
  local file=$1 pid started
  [[ -r $file && -r $file.start ]] || return 1
  read -r pid <"$file" && read -r started <"$file.start" || return 1
  [[ $(start_time "$pid") == "$started" ]] || return 1
  printf '%s\n' "$pid"
}

# Starts CMD under the supervisor, away from this terminal, unless it runs already.
start_supervised() {
  local name=$1 pid
  shift
  if live_pid "$RUN/pids/$name.supervisor" >/dev/null; then return 0; fi
  # The supervisor was killed and left its child: stop that one, so that it does not run twice.
  if pid=$(live_pid "$RUN/pids/$name.pid"); then
    say "$name: runs without its supervisor (process $pid), starting it again"
    stop_supervised 10 "$name"
  fi
  # A limit on the log: what is older than the last start and over 64 MiB is kept once.
  if [[ -f $RUN/log/$name.log && $(stat -c %s "$RUN/log/$name.log") -gt 67108864 ]]; then
    mv -f "$RUN/log/$name.log" "$RUN/log/$name.log.1"
  fi
  CENTRALE_RUN_DIR=$RUN setsid bash "$ROOT/infra/lib/supervise.sh" "$name" "$@" \
    </dev/null >>"$RUN/log/$name.log" 2>&1 9>&- &
  write_pid "$RUN/pids/$name.supervisor" "$!"
  disown
}

# Stops the named processes together: asks them, waits SECONDS for the slowest, then kills.
stop_supervised() {
  local seconds=$1 name pid deadline alive
  shift
  for name in "$@"; do
    # The supervisor hands the request on; a child that lost its supervisor is asked directly.
    if pid=$(live_pid "$RUN/pids/$name.supervisor"); then
      kill -TERM "$pid" 2>/dev/null || true
    elif pid=$(live_pid "$RUN/pids/$name.pid"); then
      kill -s "$(stop_signal "$name")" "$pid" 2>/dev/null || true
    fi
  done
  deadline=$((SECONDS + seconds))
  while :; do
    alive=()
    for name in "$@"; do
      if live_pid "$RUN/pids/$name.supervisor" >/dev/null || live_pid "$RUN/pids/$name.pid" >/dev/null; then
        alive+=("$name")
      fi
    done
    if ((${#alive[@]} == 0 || SECONDS >= deadline)); then break; fi
    sleep 0.1
  done
  for name in "${alive[@]}"; do
    warn "$name did not stop within $seconds s, killing it"
    # The supervisor first, or it would start its child again.
    for pid in "$(live_pid "$RUN/pids/$name.supervisor")" "$(live_pid "$RUN/pids/$name.pid")"; do
      if [[ -n $pid ]]; then kill -KILL "$pid" 2>/dev/null || true; fi
    done
  done
  for name in "$@"; do
    rm -f "$RUN/pids/$name".{supervisor,pid}{,.start}
  done
}

# Postgres calls TERM a "smart" stop and would wait for its clients; INT is the fast one.
stop_signal() {
  if [[ $1 == postgres ]]; then echo INT; else echo TERM; fi
}

# Shows why NAME does not come up, and ends.
die_of() {
  printf -- '--- end of %s\n' "$RUN/log/$1.log" >&2
  tail -n 20 "$RUN/log/$1.log" >&2 || true
  die "$2"
}

# --- the stack's memory ------------------------------------------------------------------------------

# $RUN/env keeps ports, secrets and addresses between runs: KEY='VALUE' on each line, to be sourced.
load_env() {
  if [[ -f $RUN/env ]]; then
    # shellcheck source=/dev/null
    source "$RUN/env"
  fi
}

save_env() {
  local key
  (
    umask 077
    for key in "$@"; do printf "%s='%s'\n" "$key" "${!key//\'/\'\\\'\'}"; done >"$RUN/env.new"
  )
  mv -f "$RUN/env.new" "$RUN/env"
}

random_hex() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }

# Unix socket paths are limited to 107 bytes, and a URL is easier without escapes: when the run folder's
# path is long or unusual, the sockets go to a private folder under /tmp, remembered in $RUN/env.
choose_socket_dir() {
  if [[ ${#RUN} -le 80 && $RUN =~ ^[A-Za-z0-9/._-]+$ ]]; then
    CENTRALE_SOCKET_DIR=$RUN/sock
    mkdir -p "$CENTRALE_SOCKET_DIR"
  elif [[ -z ${CENTRALE_SOCKET_DIR:-} || $CENTRALE_SOCKET_DIR != /tmp/centrale-* ]] ||
    ! [[ -d $CENTRALE_SOCKET_DIR && ! -L $CENTRALE_SOCKET_DIR && -O $CENTRALE_SOCKET_DIR ]]; then
    CENTRALE_SOCKET_DIR=$(mktemp -d /tmp/centrale-XXXXXX)
  fi
  chmod 700 "$CENTRALE_SOCKET_DIR"
}
