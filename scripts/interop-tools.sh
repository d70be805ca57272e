#!/bin/sh
# Installs the clients that `make interop` drives, into .cache/interop; Apache's module comes from Debian, without a service
# that would be started. What cannot be installed is named, and left out.
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

if [ ! -e /usr/lib/apache2/modules/mod_auth_openidc.so ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing libapache2-mod-auth-openidc"
        export DEBIAN_FRONTEND=noninteractive
        { apt-get -qq update &&
            apt-get -qq -o DPkg::Lock::Timeout=120 install -y --no-install-recommends apache2-bin libapache2-mod-auth-openidc; } >/dev/null ||
            echo "it could not be installed, and is left out" >&2
    else
        echo "no mod_auth_openidc, and no right to install it (Debian: apt install apache2-bin libapache2-mod-auth-openidc)" >&2
    fi
fi
