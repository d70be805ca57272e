"""Lock files and lists of checksums: long random text that anybody may read."""

from collections.abc import Callable
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


def _yarn_lock(random: Random) -> str:
    return "# yarn lockfile v1\n\n" + "\n".join(
        f'auth-token-{number}@^{number}.0.0:\n  version "{number}.2.1"\n'
        f'  resolved "https://registry.example.net/auth-token-{number}.tgz#{hexadecimal(random, 40)}"\n'
        f"  integrity sha512-{base64_of(random, 64)}\n"
        for number in range(60)
    )


def _yarn_berry(random: Random) -> str:
    return "__metadata:\n  version: 8\n  cacheKey: 10c0\n\n" + "\n".join(
        f'"jwt-secret-{number}@npm:^{number}.1.0":\n  version: {number}.1.4\n'
        f'  resolution: "jwt-secret-{number}@npm:{number}.1.4"\n  checksum: 10c0/{hexadecimal(random, 128)}\n'
        "  languageName: node\n  linkType: hard\n"
        for number in range(60)
    )


def _pnpm_lock(random: Random) -> str:
    return "lockfileVersion: '9.0'\n\npackages:\n\n" + "\n".join(
        f"  secret-key-{number}@{version(random)}:\n"
        f"    resolution: {{integrity: sha512-{base64_of(random, 64)}}}\n    engines: {{node: '>=18'}}\n"
        for number in range(60)
    )


def _poetry_lock(random: Random) -> str:
    return "\n".join(
        f'[[package]]\nname = "package-{number}"\nversion = "1.{number}"\nfiles = [\n'
        f'    {{file = "package_{number}-py3-none-any.whl", hash = "sha256:{hexadecimal(random, 64)}"}},\n]\n'
        for number in range(80)
    )


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


def _requirements(random: Random) -> str:
    return "\n".join(
        f"secret-{number}=={version(random)} \\\n"
        f"    --hash=sha256:{hexadecimal(random, 64)} \\\n    --hash=sha256:{hexadecimal(random, 64)}"
        for number in range(50)
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


def _podfile_lock(random: Random) -> str:
    return "SPEC CHECKSUMS:\n" + "\n".join(
        f"  AuthKey{number}: {hexadecimal(random, 40)}" for number in range(40)
    )


def _go_sum(random: Random) -> str:
    return "\n".join(
        f"example.net/module{number} v1.{number}.0 h1:{base64_of(random, 32)}" for number in range(120)
    )


def _cargo_lock(random: Random) -> str:
    return "\n".join(
        f'[[package]]\nname = "crate-{number}"\nversion = "0.{number}.1"\n'
        f'checksum = "{hexadecimal(random, 64)}"\n'
        for number in range(80)
    )


def _terraform_lock(random: Random) -> str:
    return "\n".join(
        f'provider "registry.example.net/vendor/secret{number}" {{\n  version     = "{version(random)}"\n'
        f'  constraints = "~> 1.0"\n  hashes = [\n    "h1:{base64_of(random, 32)}",\n'
        + "".join(f'    "zh:{hexadecimal(random, 64)}",\n' for _ in range(10))
        + "  ]\n}\n"
        for number in range(8)
    )


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


def _nix(random: Random) -> str:
    return "\n".join(
        f'  token{number} = fetchurl {{\n    url = "https://example.net/token{number}.tar.gz";\n'
        f'    sha256 = "{characters(random, _BECH, 52)}";\n  }};'
        for number in range(30)
    )


def _mix_lock(random: Random) -> str:
    return "%{\n" + "\n".join(
        f'  "token_{number}": {{:hex, :token_{number}, "{version(random)}", "{hexadecimal(random, 64)}", '
        f'[:mix], [], "hexpm", "{hexadecimal(random, 64)}"}},'
        for number in range(30)
    )


def _checksums(random: Random) -> str:
    return "\n".join(f"{hexadecimal(random, 64)}  file{number}.tar.gz" for number in range(60)) + "\n"


def _image_digests(random: Random) -> str:
    return "services:\n" + "\n".join(
        f"  auth{number}:\n    image: registry.example.net/auth@sha256:{hexadecimal(random, 64)}"
        for number in range(30)
    )


LOCKS: dict[str, Callable[[Random], str]] = {
    "package-lock.json": _package_lock,
    "yarn.lock": _yarn_lock,
    "berry/yarn.lock": _yarn_berry,
    "pnpm-lock.yaml": _pnpm_lock,
    "poetry.lock": _poetry_lock,
    "Pipfile.lock": _pipfile_lock,
    "requirements.txt": _requirements,
    "composer.lock": _composer_lock,
    "Gemfile.lock": _gemfile_lock,
    "Package.resolved": _package_resolved,
    "Podfile.lock": _podfile_lock,
    "go.sum": _go_sum,
    "Cargo.lock": _cargo_lock,
    ".terraform.lock.hcl": _terraform_lock,
    "flake.lock": _flake_lock,
    "nix/sources.nix": _nix,
    "mix.lock": _mix_lock,
    "checksums.txt": _checksums,
    "compose.yaml": _image_digests,
}
