#!/bin/sh
# Installs what `make interop` drives: client libraries into .cache/interop; Apache's module comes from Debian, without a service
# that would be started. What cannot be installed is named, and left out.
set -eu
cd "$(dirname "$0")/.."

scripts/client-libraries.sh || echo "not all of them are installed, and these are left out" >&2

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
