"""JavaScript and TypeScript under Node.js. In a page nothing is secret: there no rewriting helps."""

import json
import re

from tokenward.base.references import Reference, keyring_entry
from tokenward.leaks.fixing.literals import around, in_place, literal
from tokenward.leaks.fixing.rewriting import Rewritten
from tokenward.leaks.fixing.spot import ByHand, Spot, ascii_only

_MODULE = re.compile(r"^(?:import|export)\b", re.MULTILINE)
_STARTS = re.compile(r"(?:\xef\xbb\xbf)?(?:#![^\n]*\n)?(?:(?:\s*//[^\n]*\n)*\s*([\"'])use \w+\1;?[^\n]*\n)?")
_PAGE = re.compile(
    r"\b(?:document|window|localStorage|sessionStorage)\s*[.\[]|from\s+[\"'](?:react|vue|svelte)"
)


def rewrite(spot: Spot, kept: Reference, name: str) -> Rewritten:
    """See `Rewrite`."""
    context = around(spot, quotes="\"'`", comments=("//",))
    if context.kind == "comment" or spot.before.lstrip().startswith(("*", "/*")):
        return Rewritten(spot.replaced(spot.start, spot.end, f"{kept.scheme}:{kept.place}"))
    if _PAGE.search(spot.text):
        raise ByHand(
            "It is in code for a browser, where everybody reads it: let a server of yours call the API, or "
            "make the client a public one (authorization code with PKCE)."
        )
    typed = spot.name.endswith(("ts", "tsx"))
    module = typed or spot.name.endswith(".mjs") or _MODULE.search(spot.text) is not None
    expression, needs = _expression(kept, name, typed=typed, module=module)
    context = literal(spot, context, expression)
    if context.quote == "`" and re.search(r"[\w$)\]\"'`]$", spot.text[: context.begin][-1:]):
        raise ByHand("It stands in a template with a tag.", expression)
    beside = spot.text[: context.begin].rstrip(" \t")[-1:], spot.text[context.end :].lstrip(" \t")[:1]
    if beside[1] == ":" and beside[0] in {"{", ",", "\n", "\r"}:
        raise ByHand("It is the name of a property.", f"[{expression}]")
    if spot.text[: context.begin].endswith("=") and spot.name.endswith("sx"):
        raise ByHand("It may be an attribute of JSX.", f"{{{expression}}}")
    if context.quote == "`" and (context.open, context.close) != (spot.start, spot.end):
        text = spot.replaced(spot.start, spot.end, f"${{{expression}}}")
    else:
        text = in_place(spot, context, expression)
    if needs and needs not in text:
        start = _STARTS.match(text)
        at = start.end() if start else 0
        text = text[:at] + ascii_only(needs) + spot.ending + text[at:]
    notes = ("The program `keyring` (pip install keyring) must be there where it runs.",)
    return Rewritten(
        text,
        name if kept.scheme == "env" else "",
        notes if kept.scheme == "keyring" else (),
    )


def _expression(kept: Reference, name: str, *, typed: bool, module: bool) -> tuple[str, str]:
    """What to write, and the line that imports what it needs."""
    if kept.scheme == "env":
        return f"process.env.{name}{'!' if typed else ''}", ""
    called, package = "readFileSync", "node:fs"
    arguments = f'{json.dumps(kept.place)}, "utf8"'
    if kept.scheme != "file":
        called, package = "execFileSync", "node:child_process"
        words = ["keyring", "get", *keyring_entry(kept.place)] if kept.scheme == "keyring" else []
        words = words or ["sh", "-c", kept.place]
        arguments = f'{json.dumps(words[0])}, {json.dumps(words[1:])}, {{ encoding: "utf8" }}'
    if module:
        return f"{called}({arguments}).trim()", f'import {{ {called} }} from "{package}";'
    return f'require("{package}").{called}({arguments}).trim()', ""
