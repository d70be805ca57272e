"""How Envoy's configuration is spelt: extensions by their type, addresses, durations."""

from typing import Any

from tokenward.app.engines.plan import Place

Json = dict[str, Any]


def typed(kind: str, **said: object) -> Json:
    """The configuration of an extension; `kind` is its message below `envoy.extensions`."""
    return {"@type": f"type.googleapis.com/envoy.extensions.{kind}", **said}


def seconds(value: float) -> str:
    """As Envoy writes them."""
    return f"{value:g}s"


def address(place: Place) -> Json:
    """Where something listens."""
    if place.socket is not None:
        return {"pipe": {"path": str(place.socket)}}
    return {"socket_address": {"address": place.host, "port_value": place.port}}


def header(name: str, value: str) -> Json:
    """A header that replaces whatever there was of that name; without a value none is there."""
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
