#!/usr/bin/env bash
# supervise.sh NAME CMD...: keeps one process alive. Started by start_supervised (common.sh), never by hand.
#
# It starts CMD again half a second after it died, for whatever reason, until TERM asks the supervisor to
# stop: then it passes the request on, waits, and ends. Whoever asked decides
# how long to wait before killing both. Standard output and error are already the log.
set -euo pipefail
# shellcheck source=/dev/null
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

name=$1
shift
stopping=
child=
signal=$(stop_signal "$name")

stop() {
  stopping=yes
  if [[ -n $child ]]; then kill -s "$signal" "$child" 2>/dev/null || true; fi
}
trap stop TERM
trap '' HUP INT

# Two thousand users at a deadline are more than the usual 1,024 descriptors; the hard limit may be lower.
ulimit -Sn 65536 2>/dev/null || ulimit -Sn "$(ulimit -Hn)" 2>/dev/null || true

while [[ -z $stopping ]]; do
  "$@" &
  child=$!
  write_pid "$RUN/pids/$name.pid" "$child"
  # The request may have come between the two lines above, when there was no child to pass it to.
  if [[ -n $stopping ]]; then stop; fi
  # wait also returns when a trap has run: only a child that is gone ends this loop.
  status=0
  wait "$child" || status=$?
  while start_time "$child" >/dev/null; do
    wait "$child" || status=$?
  done
  child=
  if [[ -z $stopping ]]; then
    printf '%s supervisor: %s ended with %s, starting it again\n' "$(date -u +%FT%TZ)" "$name" "$status"
    sleep 0.5
  fi
done
rm -f "$RUN/pids/$name".{supervisor,pid}{,.start}
