"""Every operation that reads: without a token, with too little scope, with another user's token."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from tokenward.auditor.findings import Unseen
from tokenward.auditor.openapi.nodes import Node
from tokenward.auditor.openapi.view import Api, Operation, Parameter
from tokenward.auditor.probing.likeness import Likeness, Verdict
from tokenward.auditor.probing.scene import ABSENT, Scene
from tokenward.auditor.probing.wire import CannotProbe, NoAnswer
from tokenward.base.secret import Secret

SCOPE_CLAIMS = ("scope", "scp", "roles", "permissions")
"""Where issuers write what a token may do."""

_BRACES = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Reading:
    """An operation that can be called.

    Attributes:
        name: such as "GET /accounts/{id}".
        url: with examples in the place of its parameters.
        scoped: whether the document asks for a scope, whichever way it is called.
        particular: whether its path names one thing, which belongs to somebody.
    """

    name: str
    url: str
    scoped: bool
    particular: bool


def readings(api: Api, url: str) -> Iterator[Reading | Unseen]:
    """What to call, and what cannot be called.

    Args:
        api: the document.
        url: of one of its operations, which tells where the API is; else its first server says the path.
    """
    origin, prefix, own = _place(api, url)
    for operation in api.calls:
        if operation.method != "GET" or not operation.protected:
            continue
        path, query = operation.path, {}
        missing = ""
        for parameter in operation.parameters:
            wanted = parameter.where == "path" or parameter.node.fields.get("required") is True
            if not wanted or parameter.where not in {"path", "query"}:
                continue
            value = _example(parameter)
            if value is None:
                missing = missing or parameter.name
            elif parameter.where == "path":
                path = path.replace(f"{{{parameter.name}}}", quote(str(value), safe=""))
            else:
                query[parameter.name] = str(value)
        here = own if operation is _own(api, url) else ""
        if not here and (missing or "{" in path):
            yield Unseen(operation.label, f"the document has no example of `{missing or path}`", skipped=True)
            continue
        address = here or f"{origin}{prefix}{path}{f'?{urlencode(query)}' if query else ''}"
        yield Reading(operation.label, address, _scoped(operation), "{" in operation.path)


def _place(api: Api, url: str) -> tuple[str, str, str]:
    """Origin, what stands before the paths of the document, and the URL if it is of an operation."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    own = _own(api, url)
    if own is not None:
        matched = _pattern(own.path).search(parts.path)
        return origin, parts.path[: matched.start()] if matched else "", url
    server = urlsplit(api.servers[0].url).path if api.servers else ""
    return origin, server.rstrip("/"), ""


def _own(api: Api, url: str) -> Operation | None:
    """The operation that the URL is of: the one whose template has most in common with it."""
    path = urlsplit(url).path
    fitting = [each for each in api.calls if each.method == "GET" and _pattern(each.path).search(path)]
    return max(fitting, key=lambda each: len(_BRACES.sub("", each.path)), default=None)


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile("[^/]+".join(map(re.escape, _BRACES.split(template))) + r"\Z")


def _scoped(operation: Operation) -> bool:
    ways = operation.security or ()
    return bool(ways) and all(any(each.wanted.values()) for each in ways)


def _example(parameter: Parameter) -> Any:  # noqa: ANN401 - whatever the document says; None for nothing
    for node in (parameter.node, parameter.schema):
        if node is None:
            continue
        for value in _examples(node):
            if isinstance(value, str | int | float) and value != "":
                return value
    return None


def _examples(node: Node) -> Iterator[Any]:
    yield node.fields.get("example")
    yield from (each.fields.get("value") for each in node.members("examples"))
    yield from (each.value for each in node.items("examples"))
    yield node.fields.get("default")
    yield from (each.value for each in node.items("enum"))
    yield node.fields.get("const")


def look_through(scene: Scene, api: Api, other: Secret | None) -> None:
    """Call each of them.

    Args:
        scene: the probe.
        api: the document.
        other: another user's token; None where there is none.
    """
    for each in readings(api, scene.base.url):
        if isinstance(each, Unseen):
            scene.unseen.append(each)
            continue
        try:
            _look(scene, each, other)
        except NoAnswer as error:
            scene.unseen.append(Unseen(each.name, str(error)))


def _look(scene: Scene, reading: Reading, other: Secret | None) -> None:
    shot, send = replace(scene.base, method="GET", url=reading.url, body=b""), scene.gun.send
    nothing = send(shot)
    good = send(scene.bear(shot))
    if not 200 <= good.status < 300:
        scene.leave_out(reading.name, f"the good token is not accepted there ({good.status})")
        return
    place = f"GET {reading.url}"
    try:
        likeness = Likeness.learn([good, send(scene.bear(shot))], [nothing])
    except CannotProbe:
        scene.find("probe.open-operation", f"Answered {nothing.status} without a token.", place=place)
        return
    if scene.own and reading.scoped:
        answer = send(shot.bearing(scene.signed(**dict.fromkeys(SCOPE_CLAIMS, ABSENT))))
        if likeness.verdict(answer) is Verdict.ACCEPTED:
            scene.find("probe.scope", f"Answered {answer.status} to a token without any scope.", place=place)
    if other is not None and reading.particular:
        answer = send(shot.bearing(other.reveal()))
        if likeness.verdict(answer) is Verdict.ACCEPTED and answer.body == good.body:
            scene.find("probe.other-user", "The other token got the same answer, byte for byte.", place=place)
