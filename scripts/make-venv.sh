#!/bin/sh
# Makes the virtual environment $1 with the newest Python that is here and at least 3.11. Keeps one that works.
set -eu

enough='import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))'

if "$1/bin/python" -c "$enough" 2>/dev/null && "$1/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi
for name in python3.13 python3.12 python3.11 python3; do
    # A name on the PATH may be a shim without an interpreter behind it: only running it tells.
    if "$name" -c "$enough" 2>/dev/null; then
        echo "making $1 with $("$name" --version)"
        exec "$name" -m venv --clear "$1"
    fi
done
echo "Tokenward needs Python 3.11 or newer with the venv module (Debian: apt install python3-venv)." >&2
exit 1
