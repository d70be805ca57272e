"""Documents that hold values and compute nothing: what reads them has to know what stands there instead."""

import json
import re
import tomllib

import yaml

from tokenward.base.references import Reference
from tokenward.leaks.fixing.rewriting import Rewritten
from tokenward.leaks.fixing.spot import ByHand, Spot

_OURS = re.compile(r"tokenward[\w.-]*\.ya?ml")
# Who reads it replaces variables, and how that is written.
_REPLACED = (
    (re.compile(r"(?:^|/)(?:docker-)?compose[\w.-]*\.ya?ml$"), "${%s:?}", ""),
    (
        re.compile(r"(?:^|/)\.(?:github|gitea|forgejo)/workflows/[^/]+\.ya?ml$"),
        "${{ secrets.%s }}",
        "Set %s as a secret of the repository; a workflow that deploys needs none: see workload identity.",
    ),
    (
        re.compile(r"(?:^|/)\.gitlab-ci\.ya?ml$"),
        "$%s",
        "Set %s as a masked variable of the project; a job that deploys needs none: see workload identity.",
    ),
    (re.compile(r"(?:^|/)(?:application|bootstrap)[\w-]*\.(?:ya?ml|properties)$"), "${%s}", ""),
    (re.compile(r"(?:^|/)(?:\.npmrc|\.yarnrc\.yml|pip\.conf|pip\.ini)$"), "${%s}", ""),
)
_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def rewrite(spot: Spot, kept: Reference, name: str) -> Rewritten:
    """See `Rewrite`. The document is the same but for the value, or it is not rewritten."""
    for whose, form, told in _REPLACED:
        if whose.search(spot.path.lower()):
            notes = (told % name,) if told else ()
            return Rewritten(_checked(spot, form % name), name, notes)
    new = f"{kept.scheme}:{kept.place}"
    variable = name if kept.scheme == "env" else ""
    if _OURS.fullmatch(spot.name):
        return Rewritten(_checked(spot, new), variable)
    note = f"What reads {spot.name} must look {new} up: it is a name now, and no value."
    return Rewritten(_checked(spot, new), variable, (note,))


def _checked(spot: Spot, new: str) -> str:
    """The text with the value replaced, if that changes nothing else.

    Raises:
        ByHand: it would.
    """
    written = json.dumps(new)[1:-1] if _quoted(spot) else new
    text = spot.replaced(spot.start, spot.end, written)
    before, after = _values(spot.name, spot.text), _values(spot.name, text)
    if before is None and spot.name.endswith((".yaml", ".yml", ".toml")):
        raise ByHand("The document cannot be read, as templates cannot.", new)
    secret = spot.text[spot.start : spot.end].encode("latin-1").decode("utf-8", "replace")
    if before is not None:
        changed = [(old, now) for old, now in zip(before, after or (), strict=False) if old != now]
        same = after is not None and len(before) == len(after)
        # One value, or none where it stands in a comment.
        if not same or len(changed) > 1 or any(now != old.replace(secret, new, 1) for old, now in changed):
            raise ByHand("Another value would change with it.", new)
    return text


def _quoted(spot: Spot) -> bool:
    """Whether it stands in double quotes, in which a backslash is none."""
    line = spot.before
    return line.count('"') % 2 == 1 and spot.name.endswith((".json", ".jsonc", ".yaml", ".yml", ".toml"))


def _values(name: str, text: str) -> list[str] | None:
    """Every scalar of the document, in order; None where it has no structure that could be read."""
    raw = text.encode("latin-1")
    try:
        if name.endswith((".yaml", ".yml")):
            return [_scalar(event) for event in yaml.parse(raw, Loader=_LOADER)]
        if name.endswith(".toml"):
            return list(_leaves(tomllib.loads(raw.decode("utf-8"))))
        if name.endswith(".json"):
            return list(_leaves(json.loads(raw)))
    except (yaml.YAMLError, ValueError, RecursionError):
        pass
    return None


def _scalar(event: object) -> str:
    return event.value if isinstance(event, yaml.ScalarEvent) else type(event).__name__


def _leaves(value: object) -> list[str]:
    if isinstance(value, dict):
        return [leaf for name, each in value.items() for leaf in (f"{name}:", *_leaves(each))]
    if isinstance(value, list):
        return ["[", *(leaf for each in value for leaf in _leaves(each)), "]"]
    return [str(value)]
