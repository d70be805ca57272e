"""Tokens for the tests of inspection: a good one, and what is made of it."""

import base64
import contextlib
import json

import pytest

from tokenward.auditor.inspection import guessing
from tokenward.auditor.inspection.inspecting import Means, inspect
from tokenward.auditor.inspection.reading import read
from tokenward.base.clock import ManualClock
from tokenward.tokens.weak_secrets import WEAK_SECRETS

NOW = 1_800_000_000
CLOCK = ManualClock(NOW)

HEADER = {"alg": "ES256", "kid": "k1", "typ": "at+jwt"}
CLAIMS = {
    "iss": "https://login.example.com",
    "aud": "https://api.example.com",
    "sub": "248289761001",
    "client_id": "shop",
    "scope": "orders:read",
    "iat": NOW - 60,
    "exp": NOW + 540,
    "jti": "0QwErTy1234",
    "cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"},
}
SIGNATURE = bytes(range(1, 65))


def b64(value):
    data = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(header=None, claims=None, *, signature=SIGNATURE, without=()):
    """The good token with these members added, and those left out."""
    parts = [HEADER | (header or {}), CLAIMS | (claims or {})]
    parts = [{name: value for name, value in part.items() if name not in without} for part in parts]
    return ".".join([*map(b64, parts), b64(signature)])


def raw(header, claims, signature=SIGNATURE):
    """A token of these very octets."""
    return ".".join(map(b64, (header, claims, signature)))


@contextlib.contextmanager
def few_secrets():
    """For tests that are not about guessing: the list is a hundredth of what it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guessing, "list_of_ours", lambda: iter(WEAK_SECRETS))
        patch.setattr(guessing, "_cut_to", lambda _: iter(()))
        yield


def inspected(text, **means):
    return inspect(read(text.encode()), "input", Means(**{"clock": CLOCK, **means}))


def found(text, **means):
    return {finding.check.id: finding for finding in inspected(text, **means).findings}


def told(result):
    """Everything that any report could show."""
    lines = [result.subject, *result.notes]
    for section in result.sections:
        lines += [section.title, *(f"{e.name} {e.value} {e.meaning} {e.source}" for e in section.entries)]
    for finding in result.findings:
        lines += [finding.detail, finding.place.source, finding.place.pointer, *finding.facts.values()]
    return "\n".join([*lines, *(f"{each.what} {each.why}" for each in result.unseen)])
