"""Secrets that documentation prints for everybody to read, and everybody copies.

They stand here as the beginnings of their SHA-256, so that this file is none of the places where they leak.
"""

import hashlib
from dataclasses import replace
from typing import Final

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.findings import Candidate

_LENGTH: Final = 16  # of 64 hexadecimal digits

_PUBLISHED: Final[dict[str, str]] = {
    "6c96130f130ab0d6": "RFC 6749",
    "00cf4c781dc37003": "RFC 6749",
    "a35b81a7d7927b70": "RFC 6749",
    "53f5da0aaa93d64c": "RFC 6749",
    "ca7459e2b26776de": "RFC 6749",
    "e9974c507d2a8021": "RFC 6749",
    "b8e148545b13c78b": "RFC 6750",
    "3e6099e82cea8b70": "RFC 6750",
    "a71b359a87afde13": "RFC 6750",
    "2ff8b0fb93aca981": "RFC 5849",
    "293257ab6495ebb1": "RFC 5849",
    "cb87c87e4a138d9a": "RFC 5849",
    "4c20e6f5cc11b937": "RFC 5849",
    "6aa14267d94944e6": "RFC 5849",
    "bb9b1163338b2a51": "RFC 5849",
    "649e1f5c769e718b": "RFC 5849",
    "80f8b7c904d4a43f": "RFC 5849",
    "c20fbc2b96183894": "RFC 5849",
    "b87dad10a32a2d81": "RFC 5849",
    "9d03b692e941d5ac": "RFC 5849",
    "ea9bdfd02c0c412c": "RFC 7009",
    "cf4d418ed3de92d7": "RFC 7617",
    "0011cc25eb432071": "Azure's storage emulator",
    "aa6547439583c3a2": "Azure's Cosmos DB emulator",
    "b5b17ca1d65733bb": "Docker's documentation",
    "33a6d3750d9a769b": "Docker's documentation",
    "bb54574a88d7fa31": "Docker's documentation",
    "9ec0be036c22f06f": "Docker's documentation",
    "2598f7d6adc142d8": "Flask's documentation",
    "9cb335cb7b5fb805": "Flask's documentation",
    "570dad43de1af4c9": "FastAPI's documentation",
    "366da6cf65a08841": "kubeadm's documentation",
    "8dbbf9e18891d238": "kubeadm's documentation",
}


# Keys that a server signs with, which work as they stand, and so are put to use as they stand.
_PUT_TO_USE: Final = frozenset({"Flask's documentation", "FastAPI's documentation"})


def marked(candidate: Candidate) -> Candidate:
    """The same, with where it is printed: of low severity, and of low confidence where nobody uses it so."""
    where = _PUBLISHED.get(hashlib.sha256(candidate.secret).hexdigest()[:_LENGTH], "")
    if not where:
        return candidate
    return replace(
        candidate,
        confidence=candidate.confidence if where in _PUT_TO_USE else Confidence.LOW,
        severity=Severity.LOW,
        facts={**candidate.facts, "published": where},
    )
