"""A first opinion about each operation of an API: how risky it is, which scope it needs, and why.

The opinion rests on what a document shows: the method, the words of path and operationId, and the security
that its author asked for. It is a start for a review, so it says its reasons. In doubt it is the stricter.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tokenward.app.values import Risk
from tokenward.gateway.openapi import METHODS, RISK
from tokenward.gateway.openapi_security import Demand, demand
from tokenward.gateway.policy import PolicyProblem, is_parameter

_READING = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 §9.2.1
_MAX_REFERENCES = 8


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Words that tell what an operation touches, and the tier that fits it once its callers can meet it."""

    subject: str
    right_tier: str
    words: tuple[str, ...]

    def found_in(self, words: frozenset[str]) -> list[str]:
        """Those of its words that are there."""
        return [word for word in self.words if word in words]


SENSITIVE = (
    Sensitivity(
        "money",
        "critical",
        (
            "payment", "pay", "payout", "transfer", "refund", "charge", "invoice", "billing", "checkout",
            "card", "iban", "wallet", "deposit", "withdrawal", "withdraw", "purchase", "subscription",
            "salary", "payroll",
        ),
    ),
    Sensitivity(
        "credentials",
        "critical",
        (
            "password", "passwd", "token", "secret", "credential", "apikey", "key", "session", "mfa", "otp",
            "totp", "passkey", "certificate", "login", "signin", "oauth",
        ),
    ),
    Sensitivity(
        "administration",
        "high",
        (
            "admin", "administrator", "user", "role", "permission", "privilege", "impersonate", "tenant",
            "member", "setting", "config", "configuration", "policy", "audit", "webhook", "debug",
            "internal", "execute", "exec", "command", "deploy",
        ),
    ),
    Sensitivity(
        "data in bulk",
        "high",
        (
            "export", "import", "backup", "restore", "dump", "bulk", "batch", "download", "archive",
        ),
    ),
    Sensitivity(
        "personal data",
        "high",
        (
            "patient", "medical", "diagnosis", "prescription", "customer", "person", "profile", "address",
            "email", "phone", "passport", "ssn", "identity", "account", "statement", "document", "message",
        ),
    ),
)  # fmt: skip

_HEALTH = frozenset({"health", "healthz", "healthcheck", "livez", "readyz", "ping"})
_HEALTH_PARTS = frozenset({"live", "liveness", "ready", "readiness", "startup"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_VERSION = re.compile(r"v[0-9]+(?:\.[0-9]+)*|api|rest")
_NOT_IN_SCOPES = re.compile(r"[^a-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed for one operation.

    Attributes:
        key: its operationId, or `METHOD /path`.
        label: `METHOD /path`.
        risk: None where the document says it.
        scopes: None where none is needed, or where the document says them.
        tier: what holds in the end.
        needed: the scopes that hold in the end.
        reasons: why, for the reviewer.
        right_tier: the one that fits it as soon as its callers bind their tokens to a key, or "".
    """

    key: str
    label: str
    risk: Risk | None
    scopes: tuple[str, ...] | None
    tier: str
    needed: tuple[str, ...]
    reasons: tuple[str, ...]
    right_tier: str = ""


def propose(document: Mapping[str, Any], api: str) -> tuple[Proposal, ...]:
    """A proposal for each operation of the OpenAPI document that can be read; `api` names the API."""
    return tuple(_proposal(document, api, *documented) for documented in _operations(document))


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Method, path and body of each operation."""
    paths = document.get("paths")
    for template, item in paths.items() if isinstance(paths, dict) else ():
        if template.startswith("x-"):  # an extension (OpenAPI 3.1 §4.9)
            continue
        resolved = _resolved(document, item)
        for method in METHODS:
            body = resolved.get(method)
            if isinstance(body, dict):
                yield method.upper(), template, body


def _resolved(document: Mapping[str, Any], item: object) -> Mapping[str, Any]:
    """The path item, with references inside the document followed (RFC 6901)."""
    for _ in range(_MAX_REFERENCES):
        reference = item.get("$ref") if isinstance(item, dict) else None
        if not isinstance(reference, str):
            break
        item = document
        for part in reference.removeprefix("#/").split("/"):
            item = item.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(item, dict) else None
    return item if isinstance(item, dict) else {}


def _proposal(
    document: Mapping[str, Any], api: str, method: str, path: str, body: Mapping[str, Any]
) -> Proposal:
    label = f"{method} {path}"
    operation_id = body.get("operationId")
    key = operation_id if isinstance(operation_id, str) else label
    demanded = demand(document, body, ())
    said = body.get(RISK)
    risk, reasons, right = _risk(method, path, key, demanded)
    if isinstance(said, str):
        risk, reasons, right = None, (f"the document says {said}, as {RISK}",), ""
    tier = risk or str(said)
    documented = tuple(sorted(demanded.scopes or ())) if isinstance(demanded, Demand) else ()
    if documented or tier == "public":
        return Proposal(key, label, risk, None, tier, documented, reasons, right)
    if isinstance(demanded, PolicyProblem):
        reasons = (*reasons, "check the scope: the document offers more than one way in")
    scope = _scope(method, path, api)
    return Proposal(key, label, risk, (scope,), tier, (scope,), reasons, right)


def _risk(
    method: str, path: str, key: str, demanded: Demand | PolicyProblem
) -> tuple[Risk | None, tuple[str, ...], str]:
    """The tier, the reasons, and the tier that would be right if the callers' tokens were bound to a key."""
    asked = demanded.scopes or frozenset() if isinstance(demanded, Demand) else frozenset()
    if isinstance(demanded, Demand) and demanded.anonymous and not asked:
        return (
            "public",
            ("the document lets anybody call it, by `security: []`: make sure that is meant",),
            "",
        )
    guarded = isinstance(demanded, PolicyProblem) or bool(asked)
    if method in _READING and not guarded and _is_health(path):
        return "public", ("a health check, which monitors call without credentials",), ""
    reasons: list[str] = []
    if method not in _READING:
        reasons.append(f"{method} changes something")
    if guarded:
        reasons.append(f"the document asks for {' '.join(sorted(asked)) or 'a scope'}")
    words = _words(path) | _words(key)
    touched = [(kind, found) for kind in SENSITIVE if (found := kind.found_in(words))]
    reasons += (f"{kind.subject} ({', '.join(found)})" for kind, found in touched)
    if not reasons:
        return "low", (f"{method} of something that looks harmless",), ""
    right = {kind.right_tier for kind, _ in touched} if method not in _READING else set()
    return "moderate", tuple(reasons), "critical" if "critical" in right else "high" if right else ""


def _is_health(path: str) -> bool:
    """Whether it is /health or the like, below nothing but a version: /patients/health is no health check."""
    segments = [segment for segment in path.lower().split("/") if segment and not _VERSION.fullmatch(segment)]
    return segments[:1] != [] and segments[0] in _HEALTH and all(it in _HEALTH_PARTS for it in segments[1:])


def _words(text: str) -> frozenset[str]:
    """The words of a path or an identifier, in lower case and, roughly, in the singular."""
    words = {word.lower() for word in _WORD.findall(text)}
    singular = {word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s") for word in words}
    joined = {"apikey"} if "apikey" in text.lower().replace("-", "").replace("_", "") else set()
    return frozenset(words | singular | joined)


def _scope(method: str, path: str, api: str) -> str:
    """`noun:read`, `noun:write` or `noun:delete`, the noun being the first telling segment of the path."""
    nouns = (segment.lower() for segment in path.split("/") if segment and not is_parameter(segment))
    cleaned = (
        _NOT_IN_SCOPES.sub("-", noun).strip("-.")[:60] for noun in nouns if not _VERSION.fullmatch(noun)
    )
    noun = next((noun for noun in cleaned if noun), api)
    verb = "read" if method in _READING else "delete" if method == "DELETE" else "write"
    return f"{noun}:{verb}"
