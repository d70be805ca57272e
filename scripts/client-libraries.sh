#!/bin/sh
# Installs the libraries that `make interop` and the tests of interop drive, and Node 22, into .cache/interop.
# Once they are there it takes no time. Fails where one of the two languages could not be installed.
set -eu
cd "$(dirname "$0")/.."

from=tests/interop/clients
into=.cache/interop
mkdir -p $into

if ! cmp -s $from/requirements.txt $into/requirements.txt; then
    echo "installing client libraries of others, in Python"
    scripts/make-venv.sh $into/venv
    $into/venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement $from/requirements.txt
    cp $from/requirements.txt $into/
fi

if cmp -s $from/package-lock.json $into/installed-lock.json; then
    :
elif command -v npm >/dev/null; then
    echo "installing client libraries of others, on Node"
    cp $from/package.json $from/package-lock.json $into/
    npm ci --prefix $into --no-audit --no-fund --ignore-scripts --silent
    cp $from/package-lock.json $into/installed-lock.json
else
    echo "npm is missing, hence the client libraries on Node (Debian: apt install npm)" >&2
    exit 1
fi
