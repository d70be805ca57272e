"""What there is: versions, environments, what comes to an end, and what calls the other way."""

import re
from collections.abc import Iterator

from tokenward.auditor.findings import Check
from tokenward.auditor.openapi.rule import ApiRule, Hit, OperationRule, Rule, Subject
from tokenward.auditor.openapi.servers import host_of, is_internal, is_local, is_trial
from tokenward.auditor.openapi.view import Operation
from tokenward.base.severity import Severity

_ENDS = re.compile(
    r"sunset|end[- ]of[- ]life|removed? (?:in|on|by|after)|until|20\d\d-\d\d|v(?:ersion)? ?\d", re.IGNORECASE
)
_FROM_REQUEST = re.compile(r"^\{\$request\.(?:body|query|header|path)[#.]")


def _no_version(subject: Subject) -> Iterator[Hit]:
    info = subject.api.root.child("info")
    version = None if info is None else info.fields.get("version")
    if version in (None, ""):
        yield Hit(info or subject.api.root, "`info.version` is missing.")


def _trial_server(subject: Subject) -> Iterator[Hit]:
    for server in subject.api.servers:
        host = host_of(server.url)
        if host and not is_local(host) and is_trial(host, server.node.text("description")):
            yield Hit(server.node, server.url[:200])


def _internal_server(subject: Subject) -> Iterator[Hit]:
    if all(is_local(host_of(server.url)) or not host_of(server.url) for server in subject.api.servers):
        return  # a document for one machine
    for server in subject.api.servers:
        host = host_of(server.url)
        if is_internal(host) or is_local(host):
            yield Hit(server.node, server.url[:200])


def _undescribed(subject: Subject) -> Iterator[Hit]:
    servers = subject.api.servers
    if len(servers) > 1 and not subject.api.version.startswith("2"):
        for server in servers:
            if not server.node.text("description"):
                yield Hit(server.node, f"{server.url[:200]} is one of {len(servers)}.")


def _never_ends(operation: Operation, subject: Subject) -> Iterator[Hit]:  # noqa: ARG001 - the form of a rule
    node = operation.node
    if node.fields.get("deprecated") is not True or operation.kind != "path":
        return
    said = any(key in node.fields for key in ("x-sunset", "x-tokenward-sunset", "x-deprecation", "x-removal"))
    header = any("sunset" in response.headers for response in operation.responses)
    if not said and not header and not _ENDS.search(node.text("description")):
        yield Hit(node, f"{operation.label}.")


def _open_callback(operation: Operation, subject: Subject) -> Iterator[Hit]:
    if operation.kind == "path" or any(each.wanted for each in operation.security or ()):
        return
    signed = any(
        word in each.name.lower()
        for each in operation.parameters
        if each.where == "header"
        for word in ("signature", "hmac", "digest", "token", "secret", "authorization")
    )
    told = f"{operation.node.text('description')} {operation.item.text('description')}".lower()
    if not signed and "signature" not in told and "signed" not in told:
        kind = "webhook" if operation.kind == "webhook" else "callback"
        yield Hit(operation.node, f"The {kind} {operation.path[:200]!r}.")
    del subject


def _callback_anywhere(operation: Operation, subject: Subject) -> Iterator[Hit]:  # noqa: ARG001 - the form of a rule
    if operation.kind == "callback" and _FROM_REQUEST.match(operation.path):
        yield Hit(operation.node, f"It is called at {operation.path[:200]}.")


def _internal_operation(operation: Operation, subject: Subject) -> Iterator[Hit]:  # noqa: ARG001 - the form of a rule
    if any(each.fields.get("x-internal") is True for each in (operation.node, operation.item)):
        yield Hit(operation.node, f"{operation.label}.")


RULES: tuple[Rule, ...] = (
    ApiRule(
        Check(
            "openapi.version-missing",
            "No version",
            Severity.LOW,
            why="Nobody can tell which document describes what runs, nor which versions still run.",
            attack="An old version without the newest checks stays where it was, and is found.",
            fix="Write `info.version`, and change it with each release.",
            references=("OWASP API9:2023", "OpenAPI 3.1 §4.8.2"),
            recommendation="as-code",
        ),
        "inventory",
        _no_version,
    ),
    ApiRule(
        Check(
            "openapi.server-trial",
            "A server for trials is published",
            Severity.LOW,
            why="Servers for trials have weaker credentials, verbose errors, and often a copy of real data.",
            attack="Whoever reads the document begins there, and takes what works to the real one.",
            fix="Publish the document without them, or guard them like the real one.",
            references=("OWASP API9:2023",),
            recommendation="everything-is-public",
        ),
        "inventory",
        _trial_server,
    ),
    ApiRule(
        Check(
            "openapi.server-internal",
            "A server inside is named",
            Severity.LOW,
            why="The document tells names and addresses of machines that are not for its readers.",
            attack="It is a map for whoever got in, and a target for a server that can be made to "
            "fetch (SSRF).",
            fix="Publish the document without them.",
            references=("OWASP API9:2023", "OWASP API7:2023"),
            recommendation="everything-is-public",
        ),
        "inventory",
        _internal_server,
    ),
    ApiRule(
        Check(
            "openapi.server-undescribed",
            "Nobody can tell the servers apart",
            Severity.INFO,
            why="Among several servers nothing says which holds real data.",
            attack="Tests run against real data, and real tokens go to the server for trials.",
            fix="Write a `description` with the environment of each.",
            references=("OWASP API9:2023",),
            recommendation="as-code",
        ),
        "inventory",
        _undescribed,
    ),
    OperationRule(
        Check(
            "openapi.deprecated-for-ever",
            "Deprecated without an end",
            Severity.LOW,
            why="What has no date of its end stays, without the care that the new one gets.",
            attack="The old operation lacks a check that the new one has, and gives the same data.",
            fix="Write `x-sunset` with a date, and answer `Deprecation` and `Sunset`.",
            references=("RFC 8594", "RFC 9745", "OWASP API9:2023"),
            recommendation="as-code",
        ),
        "inventory",
        _never_ends,
    ),
    OperationRule(
        Check(
            "openapi.callback-unauthenticated",
            "Calls to others that cannot be told from forged ones",
            Severity.LOW,
            why="Nothing says how the receiver knows who calls: no scheme, no signature.",
            attack="Whoever knows the receiver's address reports payments that were never made.",
            fix="Sign calls (RFC 9421, or an HMAC with a time), and document the header or a scheme.",
            references=("OWASP API2:2023", "OWASP API10:2023", "RFC 9421"),
            recommendation="trust-no-one",
        ),
        "authentication",
        _open_callback,
    ),
    OperationRule(
        Check(
            "openapi.callback-anywhere",
            "Callers decide where we call",
            Severity.MEDIUM,
            why="The address comes out of the request, so that the server can be sent anywhere, also inside.",
            attack="An address such as `http://10.0.0.1/` makes our server knock at doors that only "
            "it can reach.",
            fix="Let callers register addresses, check them, and connect only to public ones that "
            "were checked.",
            references=("OWASP API7:2023", "CWE-918"),
            recommendation="as-code",
        ),
        "data",
        _callback_anywhere,
    ),
    OperationRule(
        Check(
            "openapi.internal-published",
            "An internal operation is published",
            Severity.MEDIUM,
            why="`x-internal: true` hides it in some pages, and not from whoever reads the document.",
            attack="What was not meant for outside is read here and tried.",
            fix="Publish a document without it, and refuse it at the gateway.",
            references=("OWASP API9:2023",),
            recommendation="everything-is-public",
        ),
        "inventory",
        _internal_operation,
    ),
)
