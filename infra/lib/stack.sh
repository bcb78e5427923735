# shellcheck shell=bash disable=SC2034 # variables are written by name into $RUN/env
# What a stack is made of: its ports, its addresses, the environment of each process. Used by infra/up.

# The name of a service's port in $RUN/env.
port_key() { printf 'CENTRALE_%s_PORT\n' "${1^^}"; }
port_of() { local key; key=$(port_key "$1"); printf '%s\n' "${!key:-}"; }

# Something listens there. Only our own end of the connection is opened, and closed at once.
port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# What has a port. `mails` is the local mail catcher, which stands in for a mail server unless one is given.
LISTENERS=("${SERVICES[@]}" gateway mails)

# Gives every process a port, once: a restart keeps the addresses. A port that somebody else took while our
# stack was down is given up.
# .run/ports lists what the stacks of this clone have chosen ("PORT RUN_DIR"), so that two that start together,
# or one that is down, do not get the same.
choose_ports() {
  local name key port others running='' lost=()
  for name in "${LISTENERS[@]}"; do
    if live_pid "$RUN/pids/$name.supervisor" >/dev/null; then running=yes; fi
  done
  # Processes know each other's addresses from their start: while any of them runs, no port changes.
  if [[ -n $running ]]; then return 0; fi

  exec 8>"$CACHE/ports.lock"
  flock -w 60 8 || die "another run holds $CACHE/ports.lock"
  # Lines of stacks that no longer exist are dropped, and our own: they are written again below.
  others=
  if [[ -f $CACHE/ports ]]; then
    while read -r port key; do
      if [[ $key != "$RUN" && -e $key/env ]]; then others+="$port $key"$'\n'; fi
    done <"$CACHE/ports"
  fi
  printf '%s' "$others" >"$CACHE/ports"
  # First what can be kept, so that nobody is given a port that is another's of this stack.
  for name in "${LISTENERS[@]}"; do
    port=$(port_of "$name")
    if [[ -z $port ]] || port_taken "$port"; then
      lost+=("$name")
    else
      printf '%s %s\n' "$port" "$RUN" >>"$CACHE/ports"
    fi
  done
  for name in "${lost[@]}"; do
    port=7400
    if [[ $name == gateway ]]; then port=8080; fi
    while port_taken "$port" || grep -q "^$port " "$CACHE/ports"; do
      ((++port < 9000)) || die "no free port between 7400 and 9000"
    done
    key=$(port_key "$name")
    if [[ -n ${!key:-} ]]; then say "$name: port ${!key} was taken by another program, using $port"; fi
    printf -v "$key" '%s' "$port"
    printf '%s %s\n' "$port" "$RUN" >>"$CACHE/ports"
  done
  # Written before the lock is given back: the entry above counts only while $RUN/env exists.
  save_stack
  flock -u 8
  exec 8>&-
}

# Secrets are made once. The demo's first administrator may be given from outside.
choose_secrets() {
  : "${CENTRALE_BOOTSTRAP_ADMIN_LOGIN:=admin}"
  : "${CENTRALE_BOOTSTRAP_ADMIN_PASSWORD:=$(random_hex 12)}"
  : "${CENTRALE_PAGE_KEY:=$(random_hex 32)}"
  : "${CENTRALE_LINK_KEY:=$(random_hex 32)}"
}

# Everything the stack must remember, and the addresses that other tools (infra/demo, infra/audit, tests) read.
save_stack() {
  local name keys=()
  CENTRALE_URL=http://127.0.0.1:$(port_of gateway)
  CENTRALE_REDIS_URL=$(redis_url)
  CENTRALE_SUPERUSER_DATABASE_URL=$(pg_url postgres centrale)
  CENTRALE_AUDITOR_DATABASE_URL=$(pg_url auditor centrale)
  for name in "${LISTENERS[@]}"; do
    keys+=("$(port_key "$name")")
    printf -v "CENTRALE_${name^^}_URL" 'http://127.0.0.1:%s' "$(port_of "$name")"
  done
  CENTRALE_MAILS_DIR=$RUN/mails
  for name in "${SERVICES[@]}"; do keys+=("CENTRALE_${name^^}_URL"); done
  save_env CENTRALE_DEMO_CLOCK CENTRALE_SOCKET_DIR "${keys[@]}" CENTRALE_URL CENTRALE_REDIS_URL \
    CENTRALE_SUPERUSER_DATABASE_URL CENTRALE_AUDITOR_DATABASE_URL \
    CENTRALE_BOOTSTRAP_ADMIN_LOGIN CENTRALE_BOOTSTRAP_ADMIN_PASSWORD CENTRALE_PAGE_KEY CENTRALE_LINK_KEY CENTRALE_MAILS_DIR
}

# The keys of every kind of process. Called again only when one is missing.
make_keys() {
  local name missing=
  for name in "${SERVICES[@]}" gateway; do
    if [[ ! -s $RUN/keys/$name.key.pem ]]; then missing+=" $name"; fi
  done
  if [[ -z $missing && -s $RUN/keys/trusted.json ]]; then return 0; fi
  say "keys: making those of${missing:- all processes}"
  (umask 077 && mkdir -p "$RUN/keys" && "$BIN/keys" --out "$RUN/keys") || die "keys could not be made"
}

# Exports what NAME reads. Call it in a subshell: a secret of one process is not for the others. OTEL_* of the
# caller passes through as it is.
export_env_of() {
  local name=$1 key
  export CENTRALE_LISTEN CENTRALE_REDIS_URL CENTRALE_SIGNING_KEY CENTRALE_TRUSTED_KEYS
  CENTRALE_LISTEN=127.0.0.1:$(port_of "$name")
  CENTRALE_SIGNING_KEY=$RUN/keys/$name.key.pem
  CENTRALE_TRUSTED_KEYS=$RUN/keys/trusted.json
  for key in "${SERVICES[@]}"; do export "CENTRALE_${key^^}_URL"; done
  export RUST_LOG=${RUST_LOG:-info}
  export -n CENTRALE_BOOTSTRAP_ADMIN_LOGIN CENTRALE_BOOTSTRAP_ADMIN_PASSWORD CENTRALE_PAGE_KEY CENTRALE_LINK_KEY
  if [[ $name == gateway ]]; then
    export CENTRALE_ISSUER=$CENTRALE_URL CENTRALE_PUBLIC_URL=$CENTRALE_URL CENTRALE_PAGE_KEY CENTRALE_LINK_KEY
    # A mail server of the caller's is used; set but empty, orders wait; not set, the local catcher keeps every mail.
    export CENTRALE_SMTP_URL=${CENTRALE_SMTP_URL-smtp://127.0.0.1:$(port_of mails)}
    export CENTRALE_MAIL_FROM=${CENTRALE_MAIL_FROM:-Centrale <centrale@example.org>}
    return 0
  fi
  export CENTRALE_DATABASE_URL CENTRALE_WORKER_DATABASE_URL CENTRALE_HEADS_DIR=$RUN/heads
  CENTRALE_DATABASE_URL=$(pg_url "${name}_app" centrale)
  CENTRALE_WORKER_DATABASE_URL=$(pg_url "${name}_worker" centrale)
  if [[ $name == membership ]]; then
    export CENTRALE_ISSUER=$CENTRALE_URL CENTRALE_BOOTSTRAP_ADMIN_LOGIN CENTRALE_BOOTSTRAP_ADMIN_PASSWORD
  fi
}

# `S migrate` runs as the schema's owner, the only time that role is used.
migrate() {
  local name=$1
  if ! CENTRALE_DATABASE_URL=$(pg_url "${name}_owner" centrale) RUST_LOG=${RUST_LOG:-info} \
    "$BIN/$name" migrate >>"$RUN/log/$name.migrate.log" 2>&1 9>&-; then
    die_of "$name.migrate" "$name could not migrate its schema"
  fi
}

start_process() {
  local name=$1 pid
  if pid=$(live_pid "$RUN/pids/$name.pid") && [[ $(readlink "/proc/$pid/exe") == *' (deleted)' ]]; then
    say "$name: left running, from an older build (infra/down && infra/up takes the new one)"
  fi
  (
    export_env_of "$name"
    start_supervised "$name" "$BIN/$name"
  )
}

# Keeps every mail as a file in $RUN/mails.
start_catcher() {
  mkdir -p "$RUN/mails"
  start_supervised mails "$BIN/mail-catcher" --listen "127.0.0.1:$(port_of mails)" --dir "$RUN/mails"
}

# Waits until NAME listens; what it said meanwhile is the explanation if it does not.
wait_for_port() {
  local name=$1 deadline=$((SECONDS + 60))
  until port_taken "$(port_of "$name")"; do
    if ((SECONDS >= deadline)); then die_of "$name" "$name does not listen on port $(port_of "$name")"; fi
    sleep 0.1
  done
}

wait_until_ready() {
  local deadline=$((SECONDS + 120))
  until curl -fsS --noproxy '*' -m 2 -o /dev/null "$CENTRALE_URL/health/ready" 2>"$RUN/log/ready.log"; do
    if ((SECONDS >= deadline)); then
      cat "$RUN/log/ready.log" >&2
      die_of gateway "the gateway is not ready after 120 s"
    fi
    sleep 0.2
  done
}
