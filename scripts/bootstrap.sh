#!/usr/bin/env bash
# Installs what checking needs beyond Go and make, where the machine lacks it and
# we may: a C compiler, for the race detector, and Python, for Schemathesis. PostgreSQL is brought by the tests, and the
# linter by the Go command.
set -euo pipefail
cd "$(dirname "$0")/.."

has() { command -v "$1" >/dev/null 2>&1; }

if ! has go; then
	echo "bootstrap: Go is missing; $(sed -n 's/^go //p' go.mod) or newer is needed" >&2
	exit 1
fi
go list -m >/dev/null # says so if Go is too old and may not fetch a newer one

missing=()
has make || missing+=(make)
has "${CC:-gcc}" || has cc || missing+=(gcc)
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3)
if [ ${#missing[@]} -eq 0 ]; then
	echo "bootstrap: $(go version), and everything else is there"
	exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! has sudo; then
		echo "bootstrap: missing: ${missing[*]}; install them, or run this as root" >&2
		exit 1
	fi
	as_root=(sudo)
fi
echo "bootstrap: installing ${missing[*]}"
if has apt-get; then
	"${as_root[@]}" apt-get update -qq
	# The C library's headers are only recommended by the compiler, and Debian has
	# Python's virtual environments in a package of their own.
	"${as_root[@]}" apt-get install -qq -y --no-install-recommends "${missing[@]/#python3/python3-venv}" libc6-dev ca-certificates
elif has dnf; then
	"${as_root[@]}" dnf install -q -y "${missing[@]}" glibc-devel
elif has apk; then
	"${as_root[@]}" apk add --quiet "${missing[@]}" musl-dev
else
	echo "bootstrap: no package manager that this script knows; install ${missing[*]}" >&2
	exit 1
fi
