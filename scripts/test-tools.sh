#!/bin/sh
# Installs what some tests need beside Python. What cannot be installed is named, and its tests are skipped.
set -eu

quietly() {
    if ! output=$(DEBIAN_FRONTEND=noninteractive "$@" 2>&1); then
        echo "$output" >&2
        return 1
    fi
}

if command -v chromium >/dev/null; then
    :
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing chromium for the tests of the pages"
    { quietly apt-get -q update && quietly apt-get -q -o DPkg::Lock::Timeout=120 install -y --no-install-recommends chromium; } ||
        echo "chromium could not be installed: the tests of the pages are skipped" >&2
else
    echo "no chromium, and no right to install it: the tests of the pages are skipped (Debian: apt install chromium)" >&2
fi

if ! python3 -c 'import socket; socket.create_connection(("127.0.0.1", 5432), 1).close()' 2>/dev/null; then
    echo "no PostgreSQL on 127.0.0.1:5432: its tests are skipped, those on SQLite run" >&2
fi
