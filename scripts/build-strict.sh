#!/bin/sh
# Builds the filter that Envoy is given (src/tokenward/app/engines/strict) from its source; the same bytes everywhere.
# With a directory as its argument the filter goes there, and what the repository holds stays as it is.
set -eu
cd "$(dirname "$0")/.."

version=0.17.1
place=.cache/ziglang
if [ "$("$place/bin/python" -m ziglang version 2>/dev/null)" != "$version" ]; then
    echo "installing ziglang $version"
    scripts/make-venv.sh "$place"
    "$place/bin/python" -m pip install --quiet --disable-pip-version-check "ziglang==$version"
fi

python="$PWD/$place/bin/python"
source=src/tokenward/app/engines/strict
target=$(cd "${1:-$source}" && pwd)
cd "$source"
"$python" -m ziglang cc --target=wasm32-freestanding -std=c23 -Os -mbulk-memory -Wall -Wextra -Werror \
    -nostdlib -fno-sanitize=all -Wl,--no-entry -Wl,--strip-all -Wl,-z,stack-size=8192 \
    -o "$target/strict.wasm" reader.c filter.c
[ -n "${1:-}" ] || sha256sum ../../../../../scripts/build-strict.sh filter.c reader.c reader.h strict.wasm >SHA256SUMS
