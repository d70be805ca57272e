"""Tokens with which a platform vouches for what runs on it, a CI job or a pod; and whom a rule admits.

Anybody may run a job on GitHub and gets such a token. So its claims decide, and a rule must say whose
workload it is. Sources are the platforms' own pages, read in 2026.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from tokenward.tokens import claims as c
from tokenward.tokens.claims import Claims, Expected, Rule
from tokenward.tokens.kinds import NOT_AN_ACCESS_TOKEN, NOT_ANOTHER_KIND, UNTYPED, Kind, rules

ClaimPath = tuple[str, ...]
"""The names that lead to a claim; more than one where it stands in another."""

ClaimRules = Mapping[ClaimPath, str]
"""What a workload's claims must be. `*` in a value stands for any characters but `/` and `:`."""


@dataclass(frozen=True, slots=True)
class Platform:
    """One that vouches for workloads.

    Attributes:
        kind: the form of its tokens.
        identifying: the claims that say whose a workload is, each with the pattern of what a rule may say
            about it: all of the owner, without `*`.
        issuer: its `iss`; "" where each installation has its own.
        outsiders: claim → the values of runs whose code may be an outsider's, such as that of a fork. Only a
            rule that names this claim admits them.
    """

    kind: Kind
    identifying: Mapping[ClaimPath, str]
    issuer: str = ""
    outsiders: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))


def _own(*added: Rule) -> tuple[Rule, ...]:
    """A platform signs in people too, with the same keys: what only their ID tokens have is refused."""
    sign_in = ("nonce", "at_hash", "c_hash", "s_hash", "azp", "auth_time")
    forbidden = (Rule(name, False, c.forbidden) for name in sign_in)
    return rules(Rule("aud", True, c.only_aud), *NOT_AN_ACCESS_TOKEN, *NOT_ANOTHER_KIND, *forbidden, *added)


def _pod(value: object, _expected: Expected, _now: float) -> str | None:
    fits = isinstance(value, dict) and isinstance(value.get("namespace"), str)
    return None if fits else "claim_type"


_NUMBER = "[0-9]+"
_EXACT = r"[^*]+"
_OWNED = r"[^*/]+/.+"

PLATFORMS: Mapping[str, Platform] = {
    platform.kind.name: platform
    for platform in (
        # docs.github.com, "OpenID Connect reference". `job_workflow_ref` identifies nobody: anybody may call
        # a workflow that can be reused.
        Platform(
            Kind(
                "github",
                UNTYPED,
                _own(
                    Rule("jti", True, c.text),
                    Rule("repository", True, c.text),
                    Rule("repository_owner", True, c.text),
                    Rule("event_name", True, c.text),
                ),
                max_lifetime=900,
                once=True,
            ),
            {
                ("repository",): _OWNED,
                ("repository_id",): _NUMBER,
                ("repository_owner",): _EXACT,
                ("repository_owner_id",): _NUMBER,
                ("sub",): r"repo:[^*/:]+/[^/:]+:.+",
            },
            issuer="https://token.actions.githubusercontent.com",
            outsiders={
                "event_name": frozenset(
                    {
                        "pull_request",
                        "pull_request_target",
                        "pull_request_review",
                        "pull_request_review_comment",
                    }
                )
            },
        ),
        # docs.gitlab.com, "OpenID Connect (OIDC) Authentication Using ID Tokens". In a pipeline for a merge
        # request `ref` is the name of the source branch, which its author chose.
        Platform(
            Kind(
                "gitlab",
                UNTYPED,
                _own(
                    Rule("jti", True, c.text),
                    Rule("project_path", True, c.text),
                    Rule("namespace_path", True, c.text),
                    Rule("pipeline_source", True, c.text),
                ),
                max_lifetime=6 * 3600,  # a token lives as long as its job may run
                once=True,
            ),
            {
                ("project_path",): _OWNED,
                ("project_id",): _NUMBER,
                ("namespace_path",): r"[^*/]+(?:/.+)?",
                ("namespace_id",): _NUMBER,
                ("sub",): r"project_path:[^*/:]+/[^:]+:.+",
            },
            issuer="https://gitlab.com",
            outsiders={
                "pipeline_source": frozenset({"merge_request_event", "external_pull_request_event"}),
            },
        ),
        # kubernetes.io, "Service Accounts" and "Projected Volumes". Not once: the pod finds the same token
        # in its volume until the kubelet puts the next one there.
        Platform(
            Kind(
                "kubernetes",
                UNTYPED,
                _own(Rule("kubernetes.io", True, _pod)),
                together=(c.lifetime, lambda claims, _expected, _now: _service_account(claims)),
                max_lifetime=2 * 3600,
            ),
            {
                ("sub",): r"system:serviceaccount:[^*:]+:[^:]+",
                ("kubernetes.io", "namespace"): _EXACT,
                ("kubernetes.io", "serviceaccount", "uid"): _EXACT,
            },
        ),
        # Any other issuer of OpenID Connect tokens for workloads: only the whole subject says who it is.
        Platform(
            Kind("oidc", UNTYPED, _own(Rule("jti", True, c.text)), once=True),
            {("sub",): _EXACT},
        ),
    )
}


def _service_account(claims: Claims) -> str | None:
    beginning = f"system:serviceaccount:{claims['kubernetes.io']['namespace']}:"
    return None if claims["sub"].startswith(beginning) else "wrong_subject"


def why_not_admitted(platform: Platform, wanted: ClaimRules, claims: Claims) -> str:
    """The name of the first claim that keeps a workload out; "" if the rule admits it.

    Args:
        platform: which vouches for it.
        wanted: the rule's claims.
        claims: of its token, verified.
    """
    for path, pattern in wanted.items():
        value: object = claims
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        if not isinstance(value, str) or not _pattern(pattern).fullmatch(value):
            return ".".join(path)
    for name, values in platform.outsiders.items():
        if (name,) not in wanted and claims[name] in values:
            return name
    return ""


def why_not_identified(platform: Platform, wanted: ClaimRules) -> str:
    """Why a rule would let in workloads of just anybody, in words; "" if it does not."""
    for path, shape in platform.identifying.items():
        if path in wanted and not re.fullmatch(shape, wanted[path]):
            return f"{'.'.join(path)} must say whose workload it is, in full and without * up to the owner"
    if platform.identifying.keys().isdisjoint(wanted):
        names = ", ".join(".".join(path) for path in platform.identifying)
        return f"without one of {names}, anybody's workload would fit"
    return ""


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile("[!-.0-9;-~]+".join(map(re.escape, text.split("*"))))  # visible ASCII but / and :
