#!/bin/sh
# Installs the libraries that `make interop` and the tests of interop drive, and Node 22, into .cache/interop.
# Once they are there it takes no time. Fails where those of one language could not be installed; the other's are.
set -u
cd "$(dirname "$0")/.." || exit

from=tests/interop/clients
into=.cache/interop
mkdir -p $into

in_python() {
    echo "installing client libraries of others, in Python"
    scripts/make-venv.sh $into/venv &&
        $into/venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement $from/requirements.txt &&
        cp $from/requirements.txt $into/
}

on_node() {
    if ! command -v npm >/dev/null; then
        echo "npm is missing, hence the client libraries on Node (Debian: apt install npm)" >&2
        return 1
    fi
    echo "installing client libraries of others, on Node"
    cp $from/package.json $from/package-lock.json $into/ &&
        npm ci --prefix $into --no-audit --no-fund --ignore-scripts --silent &&
        cp $from/package-lock.json $into/installed-lock.json
}

failed=0
cmp -s $from/requirements.txt $into/requirements.txt || in_python || failed=1
cmp -s $from/package-lock.json $into/installed-lock.json || on_node || failed=1
exit $failed
