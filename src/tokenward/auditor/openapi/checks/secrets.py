"""Credentials that stand in the document itself."""

import re
from bisect import bisect_right
from collections.abc import Iterator

from tokenward.auditor.findings import Check
from tokenward.auditor.openapi.nodes import File, Node
from tokenward.auditor.openapi.rule import Hit
from tokenward.auditor.recognition import Recogniser
from tokenward.base.severity import Confidence, Severity

CHECK = Check(
    "openapi.secret-in-document",
    "A credential stands in the document",
    Severity.HIGH,
    why="Documents are published, generated into clients and kept in repositories: what stands in "
    "one has leaked.",
    attack="Programs that look for nothing else read every published document, and try what they find.",
    fix="Replace it wherever it opens something, and write an example that is none, such as `<your token>`.",
    references=("OWASP API2:2023", "CWE-798"),
    recommendation="secrets-leak",
)

_SHORTEST = 8  # characters: nothing shorter is a credential that anybody can tell
_NO_TEXT = frozenset(
    {"$ref", "security", "operationId", "in", "type", "format", "scopes", "tags", "required"}
)
_PROSE = frozenset({"description", "summary", "title"})
_NO_NAME = frozenset({"example", "examples", "default", "value", "const", "enum", "schema", "properties"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,59}")


def secrets(file: File, recognise: Recogniser) -> Iterator[Hit]:
    """The credentials in all texts of a file.

    The texts are looked through at once, each on lines of its own after the name of what it is: rules look
    at the name that stands before a value, and looking costs less once than a hundred thousand times.
    What is recognised by such a name alone is told as less severe: it is an example of something.
    """
    lines: list[str] = []
    starts: list[int] = []
    nodes: list[Node] = []
    stack = [Node(file, file.source.data)]
    seen: set[int] = set()  # aliases share values
    while stack:
        node = stack.pop()
        value = node.value
        if isinstance(value, dict | list):
            if id(value) in seen:
                continue
            seen.add(id(value))
        if type(value) is dict:
            stack += [each for each in node.members() if each.key not in _NO_TEXT]
        elif type(value) is list:
            stack += node.items()
        elif isinstance(value, str) and len(value) >= _SHORTEST:
            starts.append(len(lines) + 1)
            nodes.append(node)
            lines += f"{_name(node)}: {value}".split("\n")
    for found in recognise("\n".join(lines)):
        number = bisect_right(starts, found.line) - 1
        if number >= 0:
            sure = found.confidence is Confidence.HIGH
            severity = found.severity if sure else min(found.severity, Severity.MEDIUM)
            yield Hit(nodes[number], f"{found.what}: {found.masked}", severity)


def _name(node: Node) -> str:
    """The key that tells what the text is: of an `example`, the property's; of prose, none."""
    if node.key in _PROSE:
        return "text"
    for each in node.ancestors():
        key = each.key
        if isinstance(key, str) and key not in _NO_NAME and _NAME.fullmatch(key):
            return key
    return "text"
