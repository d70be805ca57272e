"""`tokenward init`: a first configuration, a master key and an admin token, each made only where missing."""

import base64
from dataclasses import dataclass
from pathlib import Path

from tokenward.base.entropy import random_bytes
from tokenward.base.files import write_new
from tokenward.tokens import opaque

CONFIGURATION = "tokenward.yaml"

_TEXT = """\
# Tokenward's configuration. `tokenward check` tells what is wrong with it; `tokenward check --schema` prints
# the JSON Schema, with which an editor completes it. Paths are relative to this file.
# Secrets are never written here, only where they are kept: env:NAME, file:PATH, cmd:COMMAND or
# keyring:SERVICE/NAME.

{name}store: sqlite:data/tokenward.db  # or env:DATABASE_URL, holding a postgresql:// URL
master_key: file:data/master.key  # encrypts private keys at rest: keep a copy, apart from the database's

# Where tokens are issued and people sign in. Outside this machine, `url` must be https.
issuer: {{url: http://127.0.0.1:8080, listen: 127.0.0.1:8080}}

# Where API calls arrive.
gateway: {{url: http://127.0.0.1:8000, listen: 127.0.0.1:8000}}

# Health, metrics and management: for this machine only.
admin: {{listen: 127.0.0.1:8081, token: file:data/admin.token}}

# How long tokens live; these are the defaults.
# tokens: {{access_token: 10m, refresh_idle: 14d, refresh_absolute: 90d}}
# signing_keys: {{rotate_after: 90d}}
# api_keys: {{lifetime: 90d, longest: 365d}}

{apis}"""

_NO_APIS = """\
# The APIs behind the gateway. What an API's OpenAPI document does not list is refused.
# `tokenward protect openapi.yaml --upstream URL --output proposal.yaml` proposes this section for an API.
apis: {}
#  bank:
#    openapi: bank.openapi.yaml
#    upstream: http://127.0.0.1:9002  # where the API listens
#    mount: /bank                     # its path at the gateway
#    risk: moderate                   # public, low or moderate: how good a credential must be
#    operations:                      # by operationId, or "METHOD /path"
#      listAccounts: {scopes: [accounts:read]}
#      createTransfer: {scopes: [transfers:write]}
"""


@dataclass(frozen=True, slots=True)
class Initialised:
    """What was made, and what was there and left alone."""

    made: tuple[Path, ...]
    kept: tuple[Path, ...]


def initialise(directory: Path) -> Initialised:
    """Make what is missing of a configuration without APIs, its keys and tokens; overwrite nothing.

    Raises:
        OSError: something cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    configuration = directory / CONFIGURATION
    wrote = write_new(configuration, configuration_text(_NO_APIS))
    secrets = make_secrets(directory)
    if wrote:
        return Initialised((configuration, *secrets.made), secrets.kept)
    return Initialised(secrets.made, (configuration, *secrets.kept))


def make_secrets(directory: Path) -> Initialised:
    """Make the files below `data` that a configuration of ours names, where they are missing.

    Raises:
        OSError: something cannot be written.
    """
    data = directory / "data"
    data.mkdir(mode=0o700, exist_ok=True)
    made: list[Path] = []
    kept: list[Path] = []
    for name, text in (
        (".gitignore", "# Keys and tokens: never into a repository.\n*\n"),
        ("master.key", base64.b64encode(random_bytes(32)).decode() + "\n"),
        ("admin.token", opaque.new("ad").secret.reveal() + "\n"),
    ):
        path = data / name
        (made if write_new(path, text, private=True) else kept).append(path)
    return Initialised(tuple(made), tuple(kept))


def configuration_text(apis: str, *, name: str = "") -> str:
    """A commented configuration; `apis` and `name` are whole lines of YAML, or empty."""
    return _TEXT.format(apis=apis, name=name)
