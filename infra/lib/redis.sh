# shellcheck shell=bash
# A private Redis on a Unix socket. It keeps nothing on disk: Redis only makes things fast (design.md 1), and a
# stack that misses what a restart emptied has a bug that should show here first.

redis_url() { printf 'redis+unix://%s/redis.sock\n' "$CENTRALE_SOCKET_DIR"; }

start_redis() {
  local waited=0
  if live_pid "$RUN/pids/redis.supervisor" >/dev/null && [[ -S $CENTRALE_SOCKET_DIR/redis.sock ]]; then return 0; fi
  # What a killed Redis left behind would pass for the new one.
  rm -f "$CENTRALE_SOCKET_DIR/redis.sock"
  mkdir -p "$RUN/redis"
  start_supervised redis "${REDIS[@]}" --port 0 --unixsocket "$CENTRALE_SOCKET_DIR/redis.sock" --unixsocketperm 700 \
    --save "" --appendonly no --daemonize no --dir "$RUN/redis" --maxmemory 256mb --maxmemory-policy allkeys-lru
  until [[ -S $CENTRALE_SOCKET_DIR/redis.sock ]]; do
    if ((++waited > 50)); then die_of redis "Redis does not answer"; fi
    sleep 0.2
  done
}

stop_redis() { stop_supervised 10 redis; }
