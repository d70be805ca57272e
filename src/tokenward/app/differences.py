"""What one configuration says otherwise than another: what a reload logs, line by line.

Everything is told by its place in `tokenward.yaml`, operations as the gateway means them after both their
document and the configuration have spoken. Secrets are references there, so there is none to tell.
"""

from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import Any

from tokenward.app.config import Configuration
from tokenward.gateway.policy import Operation

_AT_START = (
    "store",
    "master_key",
    "issuer.listen",
    "gateway.listen",
    "gateway.decisions.listen",
    "admin.listen",
)
"""What is bound or opened once; processes that differ in it cannot stand beside each other."""


def differences(before: Configuration, after: Configuration) -> list[str]:
    """A line for each difference, settings first; empty where nothing is otherwise."""
    told = [*_settings(before, after), *_operations(before, after)]
    changed = [
        path.name
        for path in sorted(before.files.paths & after.files.paths)
        if path != before.path and before.files.kept(path) != after.files.kept(path)
    ]
    return [*told, *(f"{name} has changed" for name in changed)]


def needs_restart(before: Configuration, after: Configuration) -> list[str]:
    """The settings among the differences with which a reload cannot deal."""
    return [
        name for name in _AT_START if attrgetter(name)(before.settings) != attrgetter(name)(after.settings)
    ]


def _settings(before: Configuration, after: Configuration) -> Iterator[str]:
    one, other = _flat(before.settings.model_dump(mode="json")), _flat(after.settings.model_dump(mode="json"))
    for key in sorted(one.keys() | other.keys()):
        if key not in other:
            yield f"- {key}: {_shown(one[key])}"
        elif key not in one:
            yield f"+ {key}: {_shown(other[key])}"
        elif one[key] != other[key]:
            yield f"{key}: {_shown(one[key])} → {_shown(other[key])}"


def _flat(value: object, key: str = "") -> dict[str, Any]:
    """Dotted key → what stands there; lists are values."""
    if not isinstance(value, Mapping):
        return {key: value}
    return {
        name: leaf
        for each, below in value.items()
        for name, leaf in _flat(below, f"{key}.{each}" if key else each).items()
    }


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value)) or "none"
    return "none" if value is None else str(value)


def _operations(before: Configuration, after: Configuration) -> Iterator[str]:
    one, other = _by_name(before), _by_name(after)
    for api, label in sorted(one.keys() | other.keys()):
        was, is_now = one.get((api, label)), other.get((api, label))
        if was is None or is_now is None:
            yield f"{'+' if was is None else '-'} {api}: {label}, {_terms(is_now or was)}"
        elif _terms(was) != _terms(is_now):
            yield f"{api}: {label}: {_terms(was)} → {_terms(is_now)}"


def _by_name(configuration: Configuration) -> dict[tuple[str, str], Operation]:
    return {
        (api.name, operation.label): operation
        for policy in (configuration.policy, *configuration.in_process.values())
        for api in policy.apis
        for operation in api.operations
    }


def _terms(operation: Operation | None) -> str:
    if operation is None:
        return ""
    scopes = " ".join(sorted(operation.scopes))
    return f"tier {operation.tier.name}, {f'scopes {scopes}' if scopes else 'no scope'}"
