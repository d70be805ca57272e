"""Pydantic's account of a file that does not fit the models, in words for the person who wrote the file."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tokenward.app.findings import Remark
from tokenward.base.documents.source import Keys

# Pydantic's type of error → our code, text and remedy. Texts never show the value: it could be a secret.
_WORDS: Mapping[str, tuple[str, str, str]] = {
    "missing": ("missing-key", "the key {key!r} is missing", "add it"),
    "extra_forbidden": ("unknown-key", "the key {key!r} means nothing here", "remove it"),
    "string_type": ("wrong-type", "{key!r} must be text", "quote it"),
    "model_type": ("wrong-type", "{key!r} must hold keys and values", "write them below it, indented"),
    "dict_type": ("wrong-type", "{key!r} must hold keys and values", "write them below it, indented"),
    "tuple_type": ("wrong-type", "{key!r} must be a list", "write it as [one, two]"),
    "literal_error": ("wrong-value", "{key!r} must be {expected}", "choose one of them"),
    "too_short": ("wrong-value", "{key!r} is empty", "write something"),
    "string_too_short": ("wrong-value", "{key!r} is empty", "write something"),
    "string_too_long": ("wrong-value", "{key!r} is longer than {max_length} characters", "shorten it"),
}

# What stands in another place than it did → where it belongs.
_MOVED: Mapping[Keys, str] = {
    ("api_keys", "notices", "mail"): "write it at the top of the file, as `mail`: all mail goes by it"
}


def schema_errors(error: ValidationError, whole: Mapping[str, Any]) -> Iterator[Remark]:
    """Each misfit once; a key that is only misspelt is not missing as well.

    Args:
        error: of the file's model.
        whole: that model's JSON Schema.
    """
    details = error.errors(include_url=False, include_input=False)
    meant = {it["loc"]: _meant(whole, it["loc"]) for it in details if it["type"] == "extra_forbidden"}
    for detail in details:
        if detail["type"] == "missing" and detail["loc"] in meant.values():
            continue
        match = meant.get(detail["loc"])
        yield _in_words(detail, f"did you mean {match[-1]!r}?" if match else "")


def _meant(whole: Mapping[str, Any], keys: Keys) -> Keys | None:
    """The known key beside it that an unknown one resembles."""
    *above, key = keys
    matches = get_close_matches(str(key), _known_keys(whole, tuple(above)), n=1)
    return (*above, matches[0]) if matches else None


def _in_words(detail: ErrorDetails, remedy: str = "") -> Remark:
    keys = tuple(
        part for part in detail["loc"] if part != "[key]"
    )  # pydantic's mark for a bad key of a mapping
    context = detail.get("ctx", {})
    if detail["type"] not in _WORDS:  # one of ours: `values` gave it a code, a text and a remedy
        return Remark(keys, "error", detail["type"], detail["msg"], str(context.get("remedy", "mend it")))
    code, text, usual = _WORDS[detail["type"]]
    if detail["type"] == "extra_forbidden":
        remedy = _MOVED.get(keys, remedy)
    key = keys[-1] if keys else "the file"
    return Remark(keys, "error", code, text.format(**{**context, "key": key}), remedy or usual)


def _known_keys(whole: Mapping[str, Any], above: Keys) -> list[str]:
    """The keys that the schema knows at that place."""
    node = whole
    for key in above:
        node = (
            node.get("properties", {}).get(key) or node.get("additionalProperties") or node.get("items") or {}
        )
        if "$ref" in node:
            node = whole["$defs"][node["$ref"].rpartition("/")[2]]
    return list(node.get("properties", {}))
