"""The allow-list: which API and operation a request means. What is not here is denied.

Matching walks a trie, one path segment a step, a literal before a parameter. Its cost grows with the depth of
the path; the number of operations matters only where templates overlap (`/a/b/{x}` beside `/a/{y}/c`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol

from tokenward.base.problems import Refusal
from tokenward.gateway.access import AccessRequest, Violation
from tokenward.gateway.answer_headers import NO_HEADERS, AnswerHeaders
from tokenward.gateway.bounds import UNBOUND, Bounds
from tokenward.gateway.browser_sessions import BrowserApps
from tokenward.gateway.cors import Cors
from tokenward.gateway.limits import UNLIMITED, Limits
from tokenward.gateway.paths import canonical_path
from tokenward.gateway.tiers import Tier
from tokenward.gateway.trust import Trust
from tokenward.gateway.upstreams import Pool

RESERVED = "/.well-known/tokenward/"
"""Paths below it belong to the gateway itself and reach no API."""

RESOURCE_METADATA = "/.well-known/oauth-protected-resource"
"""This path (RFC 9728 §3), and what is below it, likewise."""

_OWN = (RESERVED, f"{RESOURCE_METADATA}/")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PARAMETER = re.compile(r"\{[^{}/]+\}")
_UPSTREAM = re.compile(r"https?://[A-Za-z0-9.\[\]:_-]+(?:/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-])?")


@dataclass(frozen=True, slots=True)
class PolicyProblem:
    """Something in a document or its configuration that must be mended before the policy starts.

    Attributes:
        location: the keys that lead to it, from the top of the document or of the API's configuration.
        source: which of the two.
        text: what is wrong.
        remedy: what to do.
        severity: a warning keeps nothing from starting.
    """

    location: tuple[str | int, ...]
    source: Literal["document", "config"]
    text: str
    remedy: str
    severity: Literal["error", "warning"] = "error"


class Contract(Protocol):
    """What a document says of the requests of one operation, ready to be held against one.

    No violation quotes the caller.
    """

    @property
    def enforced(self) -> bool:
        """Whether a request that differs is refused; otherwise that is only reported."""

    def head(self, request: AccessRequest, below: str) -> tuple[Violation, ...]:
        """What is wrong before the body; `below` is the canonical path beneath the mount."""

    async def body(self, request: AccessRequest) -> tuple[Violation, ...]:
        """What is wrong with the body, where `reads_body` says that there may be one.

        Raises:
            Refusal: CLIENT_SILENT, MALFORMED: it did not come.
        """

    def reads_body(self, request: AccessRequest) -> bool:
        """Whether there may be a body, or has to be one.

        Raises:
            Refusal: UNAVAILABLE, this door cannot show it.
        """


@dataclass(frozen=True, slots=True)
class Deprecation:
    """That an operation is on its way out.

    Attributes:
        told: headers for its answers (RFC 9745, RFC 8594).
        sunset: seconds since 1970 from which on it is no longer offered, or None.
    """

    told: tuple[tuple[bytes, bytes], ...]
    sunset: float | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One documented operation.

    Attributes:
        method: upper case.
        template: the path below the mount, parameters as `{name}`, each a whole segment.
        operation_id: the document's, or `METHOD /template`.
        tier: the risk.
        scopes: all of them are needed.
        limits: how often it may be called, those of its API among them.
        bounds: how large and slow a call may be, those of its API among them.
        websocket: whether it is one (RFC 6455); then it is nothing else.
        details: a type of authorization details that the token needs (RFC 9396), or None.
        contract: what its requests must be like; None where that is not checked.
        deprecation: that it is on its way out, if it is.
        label: `METHOD /template`, as logs and metrics name it.
    """

    method: str
    template: str
    operation_id: str
    tier: Tier
    scopes: frozenset[str]
    limits: Limits = UNLIMITED
    bounds: Bounds = UNBOUND
    websocket: bool = False
    details: str | None = None
    contract: Contract | None = field(default=None, compare=False, repr=False)
    deprecation: Deprecation | None = None
    label: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", f"{self.method} {self.template}")


def _no_apps() -> BrowserApps:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Api:
    """One protected API.

    Attributes:
        name: also the realm of its challenges, so letters, digits, `.`, `_` and `-` only.
        mount: canonical path under which the gateway shows it, without a trailing slash; "" is the root.
        pool: where it listens.
        audience: what its tokens must be issued for.
        operations: everything that is allowed.
        cors: what pages of other origins may do; None leaves that to the API.
        trust: whose credentials count here, where not only those of our own issuer.
        answers: headers of its answers, for what it does not say itself.
        reports_until: seconds since 1970 up to which decisions are only told and nothing is enforced.
        apps: the browser apps whose sessions are good here.
    """

    name: str
    mount: str
    pool: Pool
    audience: str
    operations: tuple[Operation, ...]
    cors: Cors | None = None
    answers: AnswerHeaders = NO_HEADERS
    trust: Trust | None = field(default=None, compare=False)
    reports_until: float = 0.0
    apps: BrowserApps = field(default_factory=_no_apps, compare=False)

    def reports(self, now: float) -> bool:
        """Whether decisions on its calls are only told (`report_only`)."""
        return now < self.reports_until


class Match(NamedTuple):
    """The operation that a request means; `below` is the path beneath the mount."""

    api: Api
    operation: Operation
    below: str


@dataclass(frozen=True, slots=True)
class NoMatch:
    """Nothing documented; `allowed` holds the methods of the path, if only the method was wrong."""

    allowed: tuple[str, ...] = ()


@dataclass(slots=True)
class _Node:
    literals: dict[str, "_Node"] = field(default_factory=dict)
    lower: set[str] = field(default_factory=set)
    parameter: "_Node | None" = None
    routes: dict[str, tuple[Api, Operation]] = field(default_factory=dict)


_NOTHING = NoMatch()


class Policy:
    """The allow-list of one configuration; immutable once built.

    Attributes:
        apis: as given.
        generation: grows with every reload.
    """

    __slots__ = ("_root", "apis", "generation")

    def __init__(self, apis: Sequence[Api], generation: int = 1) -> None:
        """Build the trie.

        Raises:
            ValueError: `conflicts(apis)` is not empty.
        """
        if problems := conflicts(apis):
            raise ValueError("; ".join(problem.text for problem in problems))
        self.apis = tuple(apis)
        self.generation = generation
        self._root = _Node()
        for api in apis:
            for operation in api.operations:
                node = self._root
                for segment in (api.mount + operation.template)[1:].split("/"):
                    node = _step(node, segment)
                node.routes[operation.method] = (api, operation)

    def match(self, method: str, path: str) -> Match | NoMatch:
        """What the request means.

        The path decides first: of templates that fit, the one whose first difference is a literal. A method
        that this one lacks is not looked for in another, less specific one. A parameter never stands for what
        differs from a literal beside it in letter case only.

        Args:
            method: case-sensitive (RFC 9110 §9.1); GET does not imply HEAD, OPTIONS is nothing special.
            path: canonical.
        """
        if is_reserved(path):
            return _NOTHING
        routes = _find(self._root, path[1:].split("/"), 0)
        if routes is None:
            return _NOTHING
        found = routes.get(method)
        if found is None:
            return NoMatch(tuple(sorted(routes)))
        api, operation = found
        return Match(api, operation, path[len(api.mount) :])

    def api_at(self, path: str) -> Api | None:
        """The API below whose mount a path lies. Not for what is matched: the trie is faster."""
        return next((api for api in self.apis if f"{path}/".startswith(f"{api.mount}/")), None)


def is_reserved(path: str) -> bool:
    """Whether a path belongs to the gateway itself."""
    return path.startswith(_OWN) or path == RESOURCE_METADATA


def _step(node: _Node, segment: str) -> _Node:
    if is_parameter(segment):
        if node.parameter is None:
            node.parameter = _Node()
        return node.parameter
    node.lower.add(segment.lower())
    return node.literals.setdefault(segment, _Node())


def _find(node: _Node, segments: list[str], at: int) -> Mapping[str, tuple[Api, Operation]] | None:
    if at == len(segments):
        return node.routes or None
    segment = segments[at]
    literal = node.literals.get(segment)
    if literal is not None:
        found = _find(literal, segments, at + 1)
        if found is not None:
            return found
    elif node.lower and segment.lower() in node.lower:
        return None  # many a backend's router takes it for the literal (`/accounts/ME` beside `/accounts/me`)
    if node.parameter is not None and segment:
        return _find(node.parameter, segments, at + 1)
    return None


def is_parameter(segment: str) -> bool:
    """Whether a template's segment is one whole parameter, such as `{id}`."""
    return _PARAMETER.fullmatch(segment) is not None


def shape(template: str) -> str:
    """The template without its parameters' names: two of one shape cannot be told apart."""
    return "/".join("{}" if is_parameter(segment) else segment for segment in template.split("/"))


def conflicts(apis: Sequence[Api]) -> list[PolicyProblem]:
    """What keeps these APIs from standing in one policy, empty if nothing does.

    Locations are in the configuration and begin with the API's name.
    """
    return [*_bad_values(apis), *_shared_paths(apis)]


def _bad_values(apis: Sequence[Api]) -> Iterator[PolicyProblem]:
    for api in apis:
        if not _NAME.fullmatch(api.name):
            yield _problem(
                api,
                (),
                f"{api.name!r} cannot name an API",
                "Use letters, digits, dots, dashes and underscores.",
            )
        if not _is_mount(api.mount):
            yield _problem(
                api,
                ("mount",),
                f"mount {api.mount!r} is not a plain path",
                'Write it like "/bank": no slash at the end.',
            )
        if not api.pool.addresses or not all(_UPSTREAM.fullmatch(it) for it in api.pool.addresses):
            yield _problem(
                api,
                ("upstream",),
                "the upstream is not an http(s) origin with an optional base path",
                'Write it like "http://127.0.0.1:9001/v1": no slash at the end, no user, no query.',
            )
        if not api.audience:
            yield _problem(
                api, ("audience",), "the audience is empty", "Name the resource that tokens are issued for."
            )


def _is_mount(mount: str) -> bool:
    if mount == "":
        return True
    try:
        return canonical_path(mount.encode()) == mount and not mount.endswith("/")
    except (Refusal, UnicodeEncodeError):
        return False


def _shared_paths(apis: Sequence[Api]) -> Iterator[PolicyProblem]:
    names: set[str] = set()
    mounts: list[Api] = []
    for api in apis:
        if api.name in names:
            yield _problem(api, (), f"two APIs are named {api.name}", "Give each its own name.")
        names.add(api.name)
        for other in mounts:
            if f"{api.mount}/".startswith(f"{other.mount}/") or f"{other.mount}/".startswith(f"{api.mount}/"):
                yield _problem(
                    api,
                    ("mount",),
                    f"the mounts of {other.name} and {api.name} overlap",
                    "Let no mount be the beginning of another.",
                )
        mounts.append(api)
        seen: dict[str, str] = {}
        for operation in api.operations:
            first = seen.setdefault(shape(operation.template), operation.template)
            if first != operation.template:
                yield _problem(
                    api,
                    (),
                    f"{first} and {operation.template} match the same paths",
                    "Merge them into one path of the document.",
                )
            if is_reserved(api.mount + operation.template):
                yield _problem(
                    api,
                    (),
                    f"{operation.label} lies where the gateway answers itself",
                    f"{RESERVED} and {RESOURCE_METADATA} belong to the gateway: move it.",
                )


def _problem(api: Api, below: tuple[str, ...], text: str, remedy: str) -> PolicyProblem:
    return PolicyProblem((api.name, *below), "config", text, remedy)
