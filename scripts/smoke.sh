#!/usr/bin/env bash
# Starts bin/semantik from scratch, loads a folder over the API, finds a document
# again, stops, and does it a second time, which must add nothing.
#
#   scripts/smoke.sh [FOLDER]      the folder's .md files, docs/ by default
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-docs}
program=$PWD/bin/semantik
[ -x "$program" ] || { echo "smoke: build the program first: make build" >&2; exit 1; }

work=$(mktemp -d)
chmod 755 "$work" # root's PostgreSQL runs as another account
log=$work/log
pid=

finish() {
	status=$?
	if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then
		kill -TERM "$pid"
		wait "$pid" || true
	fi
	if [ "$status" -ne 0 ] && [ -f "$log" ]; then
		echo "smoke: the server's log ends with:" >&2
		tail -n 30 "$log" >&2
	fi
	rm -rf "$work"
	exit "$status"
}
trap finish EXIT

fail() { echo "smoke: $*" >&2; exit 1; }

# No setting of the caller's may lead to another database.
unset DATABASE_URL "${!POSTGRES_@}" "${!DB_@}"
export SEMANTIK_DATA=$work/data HTTP_ADDR=127.0.0.1:0 LOG_FORMAT=text LOG_LEVEL=info

start() {
	: >"$log"
	(cd "$work" && exec "$program" serve) >>"$log" 2>&1 &
	pid=$!
	for _ in $(seq 600); do
		base=$(sed -n 's/.*msg=serving address=\(http[^ ]*\).*/\1/p' "$log")
		[ -n "$base" ] && return
		kill -0 "$pid" 2>/dev/null || fail "the server ended before it served"
		sleep 0.1
	done
	fail "the server did not serve within a minute"
}

# stop interrupts the server, as Ctrl-C does.
stop() {
	local began=$SECONDS
	kill -INT "$pid"
	wait "$pid" || fail "interrupted, the server ended with status $?"
	pid=
	[ $((SECONDS - began)) -le 5 ] || fail "stopping took longer than five seconds"
}

# call METHOD PATH [curl's options …] prints the answer, and fails on an error.
call() {
	curl --silent --show-error --fail-with-body --max-time 60 -X "$1" "$base$2" \
		${token:+-H "Authorization: Bearer $token"} "${@:3}"
}
json() { call "$1" "$2" -H 'Content-Type: application/json' --data "$3"; }
# member NAME prints the first string or number of that name in a JSON answer.
member() { sed -nE "s/.*[{,]\"$1\":\"?([^\",}]*).*/\1/p" <<<"$(tr '\n' ' ' | sed "s/,\"/\n,\"/g")" | grep -vx null | head -n 1 || true; }

await() {
	local status
	for _ in $(seq 600); do
		status=$(call GET "/api/v2/operations/$1" | member status)
		case $status in
		completed) return ;;
		failed | cancelled) fail "the operation $1 is $status" ;;
		esac
		sleep 0.1
	done
	fail "the operation $1 did not end within a minute"
}

login() {
	token=
	token=$(json POST /api/auth/login '{"username":"smoke","password":"correct horse"}' | member access_token)
	[ -n "$token" ] || fail "there was no token"
}

upload() {
	local file answer operation
	for file in "$folder"/*.md; do
		answer=$(call POST "/api/v2/collections/$collection/documents" -F "file=@$file;type=text/markdown")
		operation=$(member operation_id <<<"$answer")
		[ -z "$operation" ] || await "$operation"
	done
}

documents() { call GET "/api/v2/collections/$collection/documents" | member total; }

echo "smoke: from scratch in $work"
start
json POST /api/auth/register '{"username":"smoke","email":"smoke@example.com","password":"correct horse"}' >/dev/null
login
created=$(json POST /api/v2/collections '{"name":"smoke"}')
collection=$(member id <<<"$created")
await "$(member initial_operation_id <<<"$created")"
upload
loaded=$(documents)
[ "$loaded" -gt 0 ] || fail "nothing was loaded from $folder"
found=$(json POST /api/v2/search "{\"query\":\"partition\",\"collection_uuids\":[\"$collection\"],\"search_mode\":\"sparse\"}")
[ "$(member total_results <<<"$found")" -gt 0 ] || fail "the search found nothing: $found"
echo "smoke: $loaded documents loaded, and found again"
stop

echo "smoke: a second time"
start
login
upload
[ "$(documents)" = "$loaded" ] || fail "the second run added documents: $(documents) instead of $loaded"
stop
echo "smoke: nothing was added, and the server ended when it was told to"
