"""How calls travel, and from where browsers may make them."""

import re
from collections.abc import Iterator

from tokenward.auditor.findings import Check
from tokenward.auditor.openapi.nodes import Node
from tokenward.auditor.openapi.rule import ApiRule, Hit, OperationRule, Rule, Subject, plural
from tokenward.auditor.openapi.servers import host_of, is_local
from tokenward.auditor.openapi.view import Operation, Server
from tokenward.base.severity import Severity

_VARIABLE = re.compile(r"\{([^{}]*)\}")
_PLAIN = ("http://", "ws://")
_ORIGIN, _CREDENTIALS = "access-control-allow-origin", "access-control-allow-credentials"


def _servers(subject: Subject) -> Iterator[Server]:
    yield from subject.api.servers
    seen: set[int] = set()
    for operation in subject.api.operations:
        for server in operation.servers:
            if id(server.node.value) not in seen:
                seen.add(id(server.node.value))
                yield server


def _plain(subject: Subject) -> Iterator[Hit]:
    for server in _servers(subject):
        if server.url.lower().startswith(_PLAIN) and not is_local(host_of(server.url)):
            yield Hit(server.node, f"{server.url[:200]}")
        for name, value in _values(server, "scheme", "protocol", "schema"):
            if value in {"http", "ws"}:
                yield Hit(server.node, f"The variable {name!r} of {server.url[:200]} may be {value!r}.")


def _values(server: Server, *names: str) -> Iterator[tuple[str, str]]:
    for variable in server.node.members("variables"):
        if str(variable.key).lower() in names and variable.fields:
            offered = variable.fields.get("enum")
            for value in offered if isinstance(offered, list) else [variable.fields.get("default")]:
                if isinstance(value, str):
                    yield str(variable.key), value.lower()


def _relative(subject: Subject) -> Iterator[Hit]:
    api = subject.api
    if api.version.startswith("2"):
        if api.calls and not any(each.value for each in api.root.items("schemes")):
            yield Hit(api.root, "`schemes` is missing: TLS is a matter of how one got the document.")
        return
    absolute = any("//" in server.url for server in _servers(subject))
    if api.calls and not absolute:
        node = api.root.child("servers") or api.root
        yield Hit(node, "No server is named with a scheme: TLS is a matter of how one got the document.")


def _foreign_hosts(subject: Subject) -> Iterator[Hit]:
    for server in _servers(subject):
        host = host_of(server.url, whole=True)
        for name in _VARIABLE.findall(host):
            variable = server.node.down("variables", name)
            offered = None if variable is None else variable.fields.get("enum")
            if not isinstance(offered, list) or not offered:
                whole = host.strip() == f"{{{name}}}"
                severity = Severity.MEDIUM if whole else None
                yield Hit(server.node, f"{name!r} in {server.url[:200]} may be anything.", severity)


def _no_hsts(subject: Subject) -> Iterator[Hit]:
    api = subject.api
    if api.calls and not any(
        "strict-transport-security" in response.headers for each in api.calls for response in each.responses
    ):
        yield Hit(
            api.root, f"No answer of {plural(len(api.calls), 'operation')} has `Strict-Transport-Security`."
        )


def _any_origin(operation: Operation, subject: Subject) -> Iterator[Hit]:
    for response in operation.responses:
        header = response.headers.get(_ORIGIN)
        if header is None or not _may_be(header, subject, {"*"}):
            continue
        credentials = response.headers.get(_CREDENTIALS)
        both = credentials is not None and _may_be(credentials, subject, {"true", True})
        told = f"{operation.label}, {response.status}"
        if both:
            yield Hit(header, f"{told}: any origin, with credentials.", Severity.HIGH)
        elif operation.protected:
            yield Hit(header, f"{told}: any origin, though it asks who calls.")


def _may_be(header: Node, subject: Subject, values: set[object]) -> bool:
    schema = header.child("schema")
    places = [header] if schema is None else [header, subject.library.resolve(schema)]
    for place in places:
        fields = place.fields
        said = [fields.get("example"), fields.get("default"), fields.get("const")]
        said += fields["enum"] if isinstance(fields.get("enum"), list) else []
        if any(isinstance(each, str | bool) and each in values for each in said):
            return True
    return False


RULES: tuple[Rule, ...] = (
    ApiRule(
        Check(
            "openapi.server-http",
            "A server without TLS",
            Severity.HIGH,
            why="Everything on the line can be read and changed: credentials, data and answers.",
            attack="Whoever shares a network with a caller takes the token and calls in its name.",
            fix="Name the server by `https://`, and have it refuse plain HTTP instead of redirecting it.",
            references=("OWASP API8:2023", "RFC 9325 §3.2", "RFC 6750 §5.3"),
            recommendation="trust-no-one",
        ),
        "transport",
        _plain,
    ),
    ApiRule(
        Check(
            "openapi.server-unnamed",
            "Nothing says that calls are encrypted",
            Severity.INFO,
            why="Clients made from the document call wherever it was fetched from, by whatever "
            "scheme that was.",
            attack="A document fetched by `http://` makes clients that send their tokens in the clear.",
            fix="Name each server with `https://`.",
            references=("OWASP API8:2023", "OpenAPI 3.1 §4.8.5"),
            recommendation="trust-no-one",
        ),
        "transport",
        _relative,
    ),
    ApiRule(
        Check(
            "openapi.server-any-host",
            "The server's name is a variable without bounds",
            Severity.LOW,
            why="Whoever fills in the variable decides where tokens are sent.",
            attack="A value such as `evil.example/` in a setting or a link makes the client deliver "
            "its token there.",
            fix="List the values in `enum`.",
            references=("OWASP API8:2023", "OWASP API10:2023", "OpenAPI 3.1 §4.8.6"),
            recommendation="trust-no-one",
        ),
        "transport",
        _foreign_hosts,
    ),
    ApiRule(
        Check(
            "openapi.hsts-missing",
            "No word of HSTS",
            Severity.INFO,
            why="Without the header a browser's first call may go by plain HTTP, and be answered by "
            "somebody else.",
            attack="Whoever stands between keeps the browser on plain HTTP and reads along.",
            fix="Answer `Strict-Transport-Security`, and document it in one shared response or header.",
            references=("RFC 6797 §7.1", "OWASP API8:2023"),
            recommendation="trust-no-one",
        ),
        "transport",
        _no_hsts,
    ),
    OperationRule(
        Check(
            "openapi.cors-any-origin",
            "Pages of everybody may read the answer",
            Severity.MEDIUM,
            why="`*` lets scripts of every site read what is answered, also inside a company's network.",
            attack="A page that an employee opens reads the API from inside and sends it outside.",
            fix="Answer the origin that asked, if it is in a list, with `Vary: Origin`.",
            references=("OWASP API8:2023", "Fetch Standard §3.2"),
            recommendation="as-code",
        ),
        "transport",
        _any_origin,
    ),
)
