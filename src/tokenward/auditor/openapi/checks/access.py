"""Who is let in."""

from collections.abc import Iterator

from tokenward.auditor.findings import Check
from tokenward.auditor.openapi.rule import ApiRule, Hit, OperationRule, Rule, Subject, plural
from tokenward.auditor.openapi.view import READS, Operation
from tokenward.auditor.openapi.words import words
from tokenward.base.severity import Severity

# What has to be open, because it is what one calls first. By the last words of the path.
_SIGN_IN = frozenset({
    "login", "signin", "logon", "signup", "register", "registration", "token", "tokens", "oauth",
    "authorize", "authenticate", "auth", "session", "sessions", "forgot", "reset", "callback",
    "refresh", "introspect", "revoke", "otp", "verify", "webhook", "webhooks",
})  # fmt: skip
_ALWAYS_OPEN = frozenset({
    "health", "healthz", "healthcheck", "ready", "readyz", "readiness", "live", "livez", "liveness",
    "ping", "status", "version", "openapi", "swagger", "docs", "jwks", "robots", "favicon", "known",
})  # fmt: skip


def _no_schemes(subject: Subject) -> Iterator[Hit]:
    api = subject.api
    calls = [each for each in api.calls if not each.open_on_purpose]
    if calls and not api.schemes:
        writing = sum(each.writes for each in calls)
        severity = Severity.HIGH if writing else Severity.MEDIUM
        detail = (
            f"{plural(len(calls), 'operation')}, of which {writing:,} write, and no way to tell who calls."
        )
        yield Hit(api.root, detail, severity)


def _open(operation: Operation, subject: Subject) -> bool:
    return (
        operation.kind == "path"
        and bool(subject.api.schemes)
        and not any(each.wanted for each in operation.security or ())
        and not operation.open_on_purpose
    )


def _why_open(operation: Operation) -> str:
    if operation.security is None:
        return "neither it nor the document says `security`"
    return "`security` is empty" if not operation.security else "`security` is only `{}`"


def _said(operation: Operation) -> set[str]:
    return {word for part in operation.path.split("/")[-2:] for word in words(part)}


def _write_unprotected(operation: Operation, subject: Subject) -> Iterator[Hit]:
    if operation.writes and _open(operation, subject):
        first = bool(_said(operation) & _SIGN_IN)
        told = f"{operation.label}: {_why_open(operation)}."
        if first:
            told = f"{operation.label}, which looks like a part of signing in: {_why_open(operation)}."
        yield Hit(operation.node, told, Severity.INFO if first else None)


def _read_unprotected(operation: Operation, subject: Subject) -> Iterator[Hit]:
    if operation.method in READS and _open(operation, subject):
        said = _said(operation)
        if not said & _ALWAYS_OPEN:
            severity = Severity.INFO if said & _SIGN_IN else None
            yield Hit(operation.node, f"{operation.label}: {_why_open(operation)}.", severity)


def _optional(operation: Operation, subject: Subject) -> Iterator[Hit]:  # noqa: ARG001 - the form of a rule
    alternatives = operation.security or ()
    if operation.kind != "path" or operation.open_on_purpose:
        return
    if any(each.wanted for each in alternatives) and not all(each.wanted for each in alternatives):
        severity = Severity.HIGH if operation.writes else None
        yield Hit(
            operation.security_node or operation.node,
            f"{operation.label} has `{{}}` among the ways.",
            severity,
        )


def _undeclared(subject: Subject) -> Iterator[Hit]:
    api = subject.api
    everywhere = [*api.requirements, *(it for each in api.operations for it in each.security or ())]
    for requirement in everywhere:
        for name in requirement.wanted:
            # OpenAPI 3.2 §4.30 lets a requirement name a scheme by its URI
            if name not in api.schemes and not name.startswith(("#/", "./", "http")):
                yield Hit(requirement.node, f"{name!r} is not among the schemes of the document.")


def _unused(subject: Subject) -> Iterator[Hit]:
    api = subject.api
    used = {name for it in api.requirements for name in it.wanted}
    used |= {name for each in api.operations for it in each.security or () for name in it.wanted}
    if used:  # else the other checks have said so
        for name, scheme in api.schemes.items():
            if name not in used:
                yield Hit(scheme.node, f"Nothing asks for {name!r}.")


RULES: tuple[Rule, ...] = (
    ApiRule(
        Check(
            "openapi.no-security-schemes",
            "Nobody is asked who calls",
            Severity.HIGH,
            why="The document declares no security scheme, so as far as it tells the whole API is "
            "open to everybody.",
            attack="Anybody on the network calls every operation, in a loop, without leaving a name.",
            fix="Declare a scheme and ask for it in `security` at the top. What is meant to be open says "
            "`x-tokenward-risk: public`.",
            references=("OWASP API2:2023", "OpenAPI 3.1 §4.8.27"),
            recommendation="trust-no-one",
        ),
        "authentication",
        _no_schemes,
    ),
    OperationRule(
        Check(
            "openapi.write-unprotected",
            "Anybody may write",
            Severity.HIGH,
            why="An operation that changes something asks nobody who calls.",
            attack="A script creates, changes or deletes as much as it likes, and nothing tells who did it.",
            fix="Ask for a scheme in `security`, of the operation or of the document. If it is meant "
            "to be open, "
            "write `x-tokenward-risk: public` beside it.",
            references=("OWASP API2:2023", "OWASP API5:2023"),
            recommendation="trust-no-one",
        ),
        "authentication",
        _write_unprotected,
    ),
    OperationRule(
        Check(
            "openapi.read-unprotected",
            "Anybody may read",
            Severity.MEDIUM,
            why="An operation that answers data asks nobody who calls.",
            attack="Everything behind it is copied at leisure, address by address.",
            fix="Ask for a scheme in `security`. If it is meant to be open, write `x-tokenward-risk: "
            "public` beside it.",
            references=("OWASP API2:2023", "OWASP API9:2023"),
            recommendation="everything-is-public",
        ),
        "authentication",
        _read_unprotected,
    ),
    OperationRule(
        Check(
            "openapi.security-optional",
            "Credentials are optional",
            Severity.MEDIUM,
            why="`{}` among the alternatives of `security` means that none of them has to be met.",
            attack="Whoever has no credential leaves it out, and is let in all the same.",
            fix="Remove `{}`, or split what anybody may see into an operation of its own.",
            references=("OWASP API2:2023", "OpenAPI 3.1 §4.8.30"),
            recommendation="trust-no-one",
        ),
        "authentication",
        _optional,
    ),
    ApiRule(
        Check(
            "openapi.security-undeclared",
            "An unknown scheme is asked for",
            Severity.HIGH,
            why="What `security` names does not exist, and tools treat that as no protection at all.",
            attack="A gateway that is made from the document skips what it does not know, and the "
            "operation is open.",
            fix="Declare the scheme, or mend its name.",
            references=("OpenAPI 3.1 §4.8.30", "OWASP API8:2023"),
            recommendation="as-code",
        ),
        "authentication",
        _undeclared,
    ),
    ApiRule(
        Check(
            "openapi.security-unused",
            "A declared scheme protects nothing",
            Severity.LOW,
            why="Readers take it for protection that is not there, or it is a way in that nobody documents.",
            attack="An old way in that is still open is found by trying.",
            fix="Ask for it where it is taken, or remove it.",
            references=("OWASP API9:2023",),
            recommendation="as-code",
        ),
        "authentication",
        _unused,
    ),
)
