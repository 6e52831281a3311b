#!/usr/bin/env bash
# Starts bin/semantik from scratch, loads a folder, finds something in it again,
# stops it as Ctrl-C does, and does it a second time, which must add nothing.
#
#   scripts/smoke.sh [FOLDER [WORDS]]
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(cd "${1:-docs}" && pwd)
words=${2:-partition}
program=$PWD/bin/semantik
[ -x "$program" ] || { echo "smoke: build the program first: make build" >&2; exit 1; }

work=$(mktemp -d)
chmod 755 "$work" # root's PostgreSQL runs as another account
out=$work/out
pid=

finish() {
	status=$?
	if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then
		kill -TERM "$pid"
		wait "$pid" || true
	fi
	if [ "$status" -ne 0 ] && [ -f "$out" ]; then
		echo "smoke: the program's output ends with:" >&2
		tail -n 30 "$out" >&2
	fi
	rm -rf "$work"
	exit "$status"
}
trap finish EXIT

fail() { echo "smoke: $*" >&2; exit 1; }

# No setting and no login of the caller's may lead elsewhere.
unset DATABASE_URL SEMANTIK_SERVER SEMANTIK_API_KEY SEMANTIK_TOKEN "${!POSTGRES_@}" "${!DB_@}"
export SEMANTIK_DATA=$work/data XDG_CONFIG_HOME=$work/config HTTP_ADDR=127.0.0.1:0
cd "$work" # where there is no .env

up() {
	"$program" up "$folder" >"$out" 2>&1 &
	pid=$!
	for _ in $(seq 1200); do
		! grep -q 'Ctrl-C ends it' "$out" || return 0
		kill -0 "$pid" 2>/dev/null || fail "the program ended by itself"
		sleep 0.1
	done
	fail "the folder was not loaded within two minutes"
}

# stop interrupts the program, which must end as somebody who was interrupted.
stop() {
	local began=$SECONDS status=0
	kill -INT "$pid"
	wait "$pid" || status=$?
	pid=
	case $status in
	0 | 130) ;;
	*) fail "interrupted, the program ended with status $status" ;;
	esac
	[ $((SECONDS - began)) -le 5 ] || fail "stopping took longer than five seconds"
}

echo "smoke: from scratch in $work"
up
grep 'files in' "$out"
"$program" search "$words" --collection "$(basename "$folder")" --limit 3 >"$work/found"
head -n 4 "$work/found"
grep -q "$(basename "$folder")/" "$work/found" || fail "the search for '$words' found nothing"
stop

echo "smoke: a second time"
up
grep 'files in' "$out"
! grep -qE '[1-9][0-9]* new document' "$out" || fail "the second run added documents"
stop
echo "smoke: nothing was added, and the program ended when it was told to"
