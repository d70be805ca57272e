"""Lock files and lists of checksums: long random text that anybody may read."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from drawing import base64_of, characters, document, hexadecimal, version

_BECH = "023456789acdefghjklmnpqrstuvwxyz"


def _package_lock(random: Random) -> str:
    packages = {
        f"node_modules/package-{number}": {
            "version": version(random),
            "resolved": f"https://registry.example.net/package-{number}.tgz",
            "integrity": f"sha512-{base64_of(random, 64)}",
        }
        for number in range(150)
    }
    return document({"name": "shop", "lockfileVersion": 3, "packages": packages})


def _pipfile_lock(random: Random) -> str:
    packages = {
        f"token-{number}": {
            "hashes": [f"sha256:{hexadecimal(random, 64)}" for _ in range(4)],
            "version": f"=={version(random)}",
        }
        for number in range(40)
    }
    return document(
        {"_meta": {"hash": {"sha256": hexadecimal(random, 64)}, "pipfile-spec": 6}, "default": packages}
    )


def _composer_lock(random: Random) -> str:
    packages = [
        {
            "name": f"vendor/oauth-{number}",
            "version": f"v{version(random)}",
            "source": {
                "type": "git",
                "url": f"https://git.example.net/vendor/oauth-{number}.git",
                "reference": hexadecimal(random, 40),
            },
            "dist": {"type": "zip", "reference": hexadecimal(random, 40), "shasum": hexadecimal(random, 40)},
        }
        for number in range(40)
    ]
    return document({"content-hash": hexadecimal(random, 32), "packages": packages})


def _gemfile_lock(random: Random) -> str:
    gems = "\n".join(f"    token-{number} ({version(random)})" for number in range(40))
    sums = "\n".join(
        f"  token-{number} ({version(random)}) sha256={hexadecimal(random, 64)}" for number in range(40)
    )
    return (
        f"GIT\n  remote: https://git.example.net/auth.git\n  revision: {hexadecimal(random, 40)}\n"
        f"  specs:\n    auth (1.0)\n\nGEM\n  specs:\n{gems}\n\nCHECKSUMS\n{sums}\n"
    )


def _package_resolved(random: Random) -> str:
    pins = [
        {
            "identity": f"swift-token-{number}",
            "kind": "remoteSourceControl",
            "location": f"https://git.example.net/swift-token-{number}.git",
            "state": {"revision": hexadecimal(random, 40), "version": version(random)},
        }
        for number in range(30)
    ]
    return document({"originHash": hexadecimal(random, 64), "pins": pins, "version": 3})


def _flake_lock(random: Random) -> str:
    nodes = {
        f"input-{number}": {
            "locked": {
                "lastModified": 1700000000 + number,
                "narHash": f"sha256-{base64_of(random, 32)}",
                "owner": "example",
                "rev": hexadecimal(random, 40),
                "type": "github",
            }
        }
        for number in range(20)
    }
    return document({"nodes": nodes, "root": "root", "version": 7})


@dataclass(frozen=True, slots=True)
class _List:
    """A file of entries that are alike, one after the other.

    Attributes:
        count: how many.
        entry: the text of one, given its number from 0.
        head: what stands before the first.
        tail: what stands after the last.
    """

    count: int
    entry: Callable[[Random, int], str]
    head: str = ""
    tail: str = ""

    def __call__(self, random: Random) -> str:
        return self.head + "\n".join(self.entry(random, number) for number in range(self.count)) + self.tail


_LISTS: dict[str, _List] = {
    "yarn.lock": _List(
        60,
        lambda random, number: (
            f'auth-token-{number}@^{number}.0.0:\n  version "{number}.2.1"\n'
            f'  resolved "https://registry.example.net/auth-token-{number}.tgz#{hexadecimal(random, 40)}"\n'
            f"  integrity sha512-{base64_of(random, 64)}\n"
        ),
        head="# yarn lockfile v1\n\n",
    ),
    "berry/yarn.lock": _List(
        60,
        lambda random, number: (
            f'"jwt-secret-{number}@npm:^{number}.1.0":\n  version: {number}.1.4\n'
            f'  resolution: "jwt-secret-{number}@npm:{number}.1.4"\n'
            f"  checksum: 10c0/{hexadecimal(random, 128)}\n  languageName: node\n  linkType: hard\n"
        ),
        head="__metadata:\n  version: 8\n  cacheKey: 10c0\n\n",
    ),
    "pnpm-lock.yaml": _List(
        60,
        lambda random, number: (
            f"  secret-key-{number}@{version(random)}:\n"
            f"    resolution: {{integrity: sha512-{base64_of(random, 64)}}}\n    engines: {{node: '>=18'}}\n"
        ),
        head="lockfileVersion: '9.0'\n\npackages:\n\n",
    ),
    "poetry.lock": _List(
        80,
        lambda random, number: (
            f'[[package]]\nname = "package-{number}"\nversion = "1.{number}"\nfiles = [\n'
            f'    {{file = "package_{number}-py3-none-any.whl", '
            f'hash = "sha256:{hexadecimal(random, 64)}"}},\n]\n'
        ),
    ),
    "requirements.txt": _List(
        50,
        lambda random, number: (
            f"secret-{number}=={version(random)} \\\n"
            f"    --hash=sha256:{hexadecimal(random, 64)} \\\n    --hash=sha256:{hexadecimal(random, 64)}"
        ),
    ),
    "Podfile.lock": _List(
        40, lambda random, number: f"  AuthKey{number}: {hexadecimal(random, 40)}", head="SPEC CHECKSUMS:\n"
    ),
    "go.sum": _List(
        120, lambda random, number: f"example.net/module{number} v1.{number}.0 h1:{base64_of(random, 32)}"
    ),
    "Cargo.lock": _List(
        80,
        lambda random, number: (
            f'[[package]]\nname = "crate-{number}"\nversion = "0.{number}.1"\n'
            f'checksum = "{hexadecimal(random, 64)}"\n'
        ),
    ),
    ".terraform.lock.hcl": _List(
        8,
        lambda random, number: (
            f'provider "registry.example.net/vendor/secret{number}" {{\n  version     = "{version(random)}"\n'
            f'  constraints = "~> 1.0"\n  hashes = [\n    "h1:{base64_of(random, 32)}",\n'
            + "".join(f'    "zh:{hexadecimal(random, 64)}",\n' for _ in range(10))
            + "  ]\n}\n"
        ),
    ),
    "nix/sources.nix": _List(
        30,
        lambda random, number: (
            f'  token{number} = fetchurl {{\n    url = "https://example.net/token{number}.tar.gz";\n'
            f'    sha256 = "{characters(random, _BECH, 52)}";\n  }};'
        ),
    ),
    "mix.lock": _List(
        30,
        lambda random, number: (
            f'  "token_{number}": {{:hex, :token_{number}, "{version(random)}", "{hexadecimal(random, 64)}", '
            f'[:mix], [], "hexpm", "{hexadecimal(random, 64)}"}},'
        ),
        head="%{\n",
    ),
    "checksums.txt": _List(
        60, lambda random, number: f"{hexadecimal(random, 64)}  file{number}.tar.gz", tail="\n"
    ),
    "compose.yaml": _List(
        30,
        lambda random, number: (
            f"  auth{number}:\n    image: registry.example.net/auth@sha256:{hexadecimal(random, 64)}"
        ),
        head="services:\n",
    ),
}

LOCKS: dict[str, Callable[[Random], str]] = {
    "package-lock.json": _package_lock,
    "Pipfile.lock": _pipfile_lock,
    "composer.lock": _composer_lock,
    "Gemfile.lock": _gemfile_lock,
    "Package.resolved": _package_resolved,
    "flake.lock": _flake_lock,
    **_LISTS,
}
