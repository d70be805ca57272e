"""What people hand to `tokenward inspect`, which may have been written against them.

Guessing secrets and verifying are left out: what they cost is chosen, not read.
"""

import json
from collections.abc import Callable

from fuzz.target import Target, chosen, compact, expanded, split, text
from fuzz.token_targets import b64
from tokenward.auditor.inspection import explaining
from tokenward.auditor.inspection.checks.kit import Subject
from tokenward.auditor.inspection.checks.table import LINTS
from tokenward.auditor.inspection.inside import look_inside
from tokenward.auditor.inspection.reading import NothingToInspect, read
from tokenward.auditor.inspection.recognising import recognise
from tokenward.auditor.inspection.verdict import UNCHECKED
from tokenward.auditor.recognition import nobody

_NOW = 1_800_000_000.0
_MOST = 4_000  # octets: what is read within the limit of time that holds for all targets
_SIGNATURE = b64(bytes(range(64))).decode()


def _inspect(data: bytes) -> Callable[[], str]:
    body = data[1:]
    match chosen(data, 0, ("token", "command", "raw")):
        case "token":
            handed = b".".join([*(b64(part[: _MOST // 2]) for part in split(body, 2)), _SIGNATURE.encode()])
        case "command":
            handed = b"curl " + expanded(body)[:_MOST]
        case _:
            handed = expanded(body)[:_MOST]

    def call() -> str:
        try:
            found = read(handed).found
        except NothingToInspect:
            return "nothing"
        for presented in found:
            credential = recognise(presented, nobody, _NOW)
            inside = look_inside(credential.jwt, nobody) if credential.jwt else ()
            subject = Subject(credential, _NOW, (), inside)
            hits = [hit for lint in LINTS for hit in lint.hits(subject)]
            sections = list(explaining.sections(credential, UNCHECKED, inside, _NOW))
            assert _SIGNATURE not in text(repr((hits, sections)).encode("utf-8", "replace")), "it was shown"
        return "accepted"

    return call


_HEADER = {"alg": "ES256", "kid": "k", "typ": "at+jwt", "jku": "https://a.example/", "crit": ["b64"]}
_CLAIMS = {
    "iss": "http://a.example", "aud": ["*", "b"], "exp": 1_800_000_900, "iat": "x",
    "scope": "admin a:write",
    "cnf": {"jkt": "A"}, "email": "a@b.example", "password": "p", "amr": ["pwd"],
    "x": [{"kty": "oct", "k": "A"}],
}  # fmt: skip

TARGETS = (
    Target(
        "inspect",
        _inspect,
        (
            b"\0" + compact(_HEADER) + b"\n" + compact(_CLAIMS),
            b'\0{"alg":"none","alg":"HS256"}\n{"a":\0\x06[\0',
            b"\1-H 'Authorization: Bearer abc' -u a:b --data token=x \\\n \"https://a.example/?key=$K\"",
            b"\1-sSb $'sid=\\x41\\'b' a.example",
            b"\2Cookie: sid=abc; session=0123456789abcdef",
            b"\2export TOKEN='tkw_at_0123'",
            b"\2" + json.dumps({"access_token": "v4.local.AAAA", "payload": "A"}).encode(),
            b"\2eyJhbGciOiJub25lIn0=.\ne30.",
            b"\2",
        ),
    ),
)
