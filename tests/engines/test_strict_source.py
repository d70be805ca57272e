"""The filter that is shipped is the one that its source makes."""

import hashlib
import subprocess
from pathlib import Path

import pytest
import wasmtime

from engines.strict_host import CODE

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/tokenward/app/engines/strict"


def test_it_was_built_from_the_source_beside_it():
    told = dict(reversed(line.split("  ")) for line in (SOURCE / "SHA256SUMS").read_text().splitlines())
    places = {name: SOURCE / name for name in told}
    found = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in places.items()}
    assert found == told, "run make strict"
    built = {path.name for path in SOURCE.iterdir()} - {"SHA256SUMS"}
    assert {path.name for path in places.values()} == built | {"build-strict.sh"}


def test_building_it_again_makes_the_same_bytes(tmp_path):
    if not (ROOT / ".cache/ziglang").exists():
        pytest.skip("the compiler is not installed: make strict does it")
    subprocess.run([ROOT / "scripts/build-strict.sh", tmp_path], check=True, capture_output=True)
    assert (tmp_path / "strict.wasm").read_bytes() == CODE.read_bytes()


def test_it_can_do_nothing_but_read_and_replace_bytes_and_hang_up():
    module = wasmtime.Module(wasmtime.Engine(), CODE.read_bytes())
    assert sorted(f"{it.module}.{it.name}" for it in module.imports) == [
        "env.proxy_close_stream",
        "env.proxy_get_buffer_bytes",
        "env.proxy_set_buffer_bytes",
    ]
