"""Holds the admin API of a running house against its own OpenAPI document, by schemathesis.

It makes requests that the document allows and requests that it does not, one after the other and in chains
(made, shown, removed, shown again), and looks at every answer with all of its checks.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from interop.house import free_ports, tokenward, up
from tokenward.app.samples import SAMPLES

LIBRARY = "schemathesis"
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Described:
    """A running admin API.

    Attributes:
        url: of its listener.
        token: with which it is managed.
        audience: of the API that it gives keys for.
        directory: where its files are.
    """

    url: str
    token: str = field(repr=False)
    audience: str
    directory: Path


@contextlib.contextmanager
def running_admin(directory: Path) -> Iterator[Described]:
    """A house with an API to give keys for, on free ports of loopback; it ends on leaving."""
    issuer, gateway, admin = (f"127.0.0.1:{port}" for port in free_ports(3))
    directory.mkdir(parents=True, mode=0o700)
    tokenward(directory, "init")
    shutil.copy(SAMPLES["weather"].document, directory)
    (directory / "tokenward.yaml").write_text(
        f"""\
store: sqlite:data/tokenward.db
master_key: file:data/master.key
issuer: {{url: "http://{issuer}", listen: "{issuer}"}}
gateway: {{url: "http://{gateway}", listen: "{gateway}"}}
admin: {{listen: "{admin}", token: file:data/admin.token}}
apis:
  weather: {{openapi: weather.openapi.yaml, upstream: "http://127.0.0.1:9", risk: low}}
"""
    )
    token = (directory / "data" / "admin.token").read_text().strip()
    with up(directory, [f"http://{admin}/health", f"http://{issuer}/jwks.json"], None):
        yield Described(f"http://{admin}", token, f"http://{gateway}/weather", directory)


def held_against_document(program: str, house: Described, *, examples: int) -> subprocess.CompletedProcess:
    """Let schemathesis call every operation; its exit code is 0 where it found nothing.

    Args:
        program: the Python that has it.
        house: what to call.
        examples: how many requests of each operation it makes up at random, at most.
    """
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(HERE),
        "SCHEMATHESIS_HOOKS": "described_hooks",
        "ADMIN_TOKEN": house.token,
        "AUDIENCE": house.audience,
        "NO_PROXY": "*",
    }
    command = [
        str(Path(program).with_name("st")), "--config-file", str(HERE / "described.toml"), "--no-color",
        "run", f"{house.url}/openapi.json", "--max-examples", str(examples), "--checks", "all",
        "--generation-deterministic",
    ]  # fmt: skip
    return subprocess.run(
        command, cwd=house.directory, env=environment, capture_output=True, text=True, check=False
    )
