#!/bin/sh
# Installs the clients that `make interop` drives, into .cache/interop. The Node ones are left out where there is no npm.
set -eu
cd "$(dirname "$0")/.."

from=tests/interop/clients
into=.cache/interop

scripts/make-venv.sh $into/venv
$into/venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement $from/requirements.txt

if ! command -v npm >/dev/null; then
    echo "npm is missing, hence the clients on Node (Debian: apt install npm)" >&2
elif ! cmp -s $from/package-lock.json $into/package-lock.json || [ ! -e $into/node_modules/openid-client ]; then
    cp $from/package.json $from/package-lock.json $into/
    npm ci --prefix $into --no-audit --no-fund --ignore-scripts --silent
fi
