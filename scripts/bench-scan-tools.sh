#!/bin/sh
# Installs what the scanner's benchmarks need into benchmarks/.cache/leaks: other scanners from PyPI and npm, and
# packages whose sources and releases are scanned. Nothing here is fatal: run.py leaves out what is missing and says so.
set -eu
cd "$(dirname "$0")/.."
cache=benchmarks/.cache/leaks

if [ ! -e "$cache/.installed" ] || [ benchmarks/leaks/requirements.txt -nt "$cache/.installed" ]; then
    echo "installing other scanners"
    scripts/make-venv.sh "$cache"
    if "$cache/bin/python" -m pip install --quiet --disable-pip-version-check --requirement benchmarks/leaks/requirements.txt; then
        touch "$cache/.installed"
    else
        echo "not all of them could be installed" >&2
    fi
fi

if [ ! -e "$cache/node/node_modules/.bin/secretlint" ]; then
    if command -v npm >/dev/null; then
        echo "installing secretlint"
        mkdir -p "$cache/node"
        npm install --prefix "$cache/node" --silent --no-audit --no-fund --ignore-scripts \
            secretlint@12 @secretlint/secretlint-rule-preset-recommend@12 >/dev/null ||
            echo "secretlint could not be installed" >&2
    else
        echo "npm is missing, hence secretlint (Debian: apt install npm)" >&2
    fi
fi

if [ ! -e "$cache/trees/.fetched" ] || [ benchmarks/leaks/trees.txt -nt "$cache/trees/.fetched" ]; then
    echo "fetching packages to scan"
    rm -rf "$cache/trees"
    "$cache/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --dest "$cache/trees" --requirement benchmarks/leaks/trees.txt && touch "$cache/trees/.fetched" ||
        echo "not all of them could be fetched" >&2
fi

if [ ! -e "$cache/releases/.fetched" ] || [ benchmarks/leaks/releases.txt -nt "$cache/releases/.fetched" ]; then
    echo "fetching releases for a history"
    whole=yes
    grep -v '^#' benchmarks/leaks/releases.txt | {
        while read -r release; do # one at a time: pip takes no two versions of a package
            "$cache/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps \
                --only-binary :all: --dest "$cache/releases" "$release" || whole=no
        done
        if [ "$whole" = yes ]; then touch "$cache/releases/.fetched"; else echo "not all of them could be fetched" >&2; fi
    }
fi
