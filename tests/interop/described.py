"""Holds a running house against the OpenAPI documents of its APIs, by schemathesis.

It makes requests that the document allows and requests that it does not, one after the other and in chains
(made, shown, removed, shown again), and looks at every answer with all of its checks.
"""

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from interop.house import free_ports, printed, tokenward, up
from tokenward.app import protocol_document, registration_document
from tokenward.app.samples import SAMPLES

LIBRARY = "schemathesis"
HERE = Path(__file__).parent


APIS = ("admin", "registration", "oauth")

CLIENTS = {
    "report": ["service"],
    "site": ["web", "--redirect-uri", "https://app.example/callback"],
    "tv": ["device"],
}
PUBLISHED = {"registration": registration_document.document, "oauth": protocol_document.document}


@dataclass(frozen=True)
class Described:
    """A running house.

    Attributes:
        admin: the URL of the admin listener.
        issuer: that of the issuer.
        secrets: what callers are told, by the name of the variable.
        directory: where its files are.
    """

    admin: str
    issuer: str
    secrets: dict[str, str] = field(repr=False)
    directory: Path


@contextlib.contextmanager
def running(directory: Path) -> Iterator[Described]:
    """A house with an API to give keys for, on free ports of loopback; it ends on leaving.

    Its issuer believes what a proxy tells of addresses, so that each call can come from another one: what
    one address may do is bounded, and tried elsewhere.
    """
    issuer, gateway, admin = (f"127.0.0.1:{port}" for port in free_ports(3))
    directory.mkdir(parents=True, mode=0o700)
    tokenward(directory, "init")
    shutil.copy(SAMPLES["weather"].document, directory)
    (directory / "tokenward.yaml").write_text(
        f"""\
store: sqlite:data/tokenward.db
master_key: file:data/master.key
issuer: {{url: "http://{issuer}", listen: "{issuer}", proxies: ["127.0.0.1"]}}
gateway: {{url: "http://{gateway}", listen: "{gateway}"}}
admin: {{listen: "{admin}", token: file:data/admin.token}}
clients:
  registration:
    {{types: [native, spa, web], scopes: [forecast:read], redirect_hosts: [app.example], most: 100000}}
apis:
  weather: {{openapi: weather.openapi.yaml, upstream: "http://127.0.0.1:9", risk: low}}
"""
    )
    secrets = {
        "ADMIN_TOKEN": (directory / "data" / "admin.token").read_text().strip(),
        "AUDIENCE": f"http://{gateway}/weather",
        "INVITATION": printed(directory, "clients", "invite", "--uses", "10000").strip(),
    }
    for name, (kind, *options) in CLIENTS.items():
        said = tokenward(
            directory,
            "clients",
            "add",
            name,
            "--id",
            name,
            "--type",
            kind,
            "--scope",
            "forecast:read",
            *options,
        )
        secrets[f"SECRET_{name.upper()}"] = said.get("client_secret", "")
    with up(directory, [f"http://{admin}/health", f"http://{issuer}/jwks.json"], None):
        yield Described(f"http://{admin}", f"http://{issuer}", secrets, directory)


def held_against_document(
    program: str, house: Described, api: str, *, examples: int
) -> subprocess.CompletedProcess:
    """Let schemathesis call every operation; its exit code is 0 where it found nothing.

    Args:
        program: the Python that has it.
        house: what to call.
        api: one of `APIS`. The admin API serves its document; the others' are published.
        examples: how many requests of each operation it makes up at random, at most.
    """
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(HERE),
        "SCHEMATHESIS_HOOKS": f"described_{api}_hooks",
        "NO_PROXY": "*",
        **house.secrets,
    }
    document = f"{house.admin}/openapi.json"
    at: list[str] = []
    if api in PUBLISHED:
        path = house.directory / f"{api}.openapi.json"
        path.write_text(json.dumps(PUBLISHED[api](house.issuer)))
        document, at = str(path), ["--url", house.issuer]
    command = [
        str(Path(program).with_name("st")), "--config-file", str(HERE / f"described_{api}.toml"),
        "--no-color", "run", document, *at, "--max-examples", str(examples), "--checks", "all",
        "--generation-deterministic",
    ]  # fmt: skip
    return subprocess.run(
        command, cwd=house.directory, env=environment, capture_output=True, text=True, check=False
    )
