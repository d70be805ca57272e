"""Addresses that callers name."""

from collections.abc import Iterator

from tokenward.auditor.openapi.rule import Hit, Rule, SchemaRule, data_check
from tokenward.auditor.openapi.schemas import Schema
from tokenward.auditor.openapi.words import ADDRESSES
from tokenward.base.severity import Severity


def _address(schema: Schema) -> Iterator[Hit]:
    said = schema.said
    if schema.direction != "request" or schema.operation.kind != "path":
        return
    if "string" not in schema.types or "enum" in said or "const" in said or not schema.name:
        return
    # A property of the array's items carries its name too: tell it once, where the text is.
    if schema.name in ADDRESSES or said.get("format") in ("uri", "url", "iri"):
        pattern = said.get("pattern")
        if not (isinstance(pattern, str) and pattern.startswith(("^https://", "^https:\\/\\/"))):
            yield Hit(schema.node, f"{schema.label}.")


RULES: tuple[Rule, ...] = (
    SchemaRule(
        data_check(
            "ssrf-parameter",
            "Callers name an address",
            Severity.LOW,
            why="If the server fetches it, whoever calls decides where from: also from inside; if it "
            "redirects, where to.",
            attack="`http://169.254.169.254/` gives the cloud's credentials; a link to a sign-in "
            "page leads elsewhere.",
            fix="Take an id in place of an address; else a list of hosts, `pattern: ^https://`, and "
            "no private addresses.",
            references=("OWASP API7:2023", "CWE-918", "CWE-601"),
            recommendation="as-code",
        ),
        "data",
        _address,
    ),
)
