"""Whether an application's own OpenAPI document means what the policy means, which was read from a file.

The issuer, the gateway and `tokenward check` know the file. An application that writes its document itself,
as FastAPI does, may have moved on since that was written.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tokenward.app.api_documents import rules
from tokenward.app.config import Configuration
from tokenward.app.tier_settings import tuned
from tokenward.gateway.openapi import operations
from tokenward.gateway.policy import Operation, shape


def disagreements(configuration: Configuration, api: str, document: Mapping[str, Any]) -> list[str]:
    """A line for each, empty where both mean the same.

    Args:
        configuration: with that one API in its policy.
        api: its name.
        document: what the application says of itself; paths may begin with those of the API's `url`.
    """
    mount = configuration.settings.mount(api)
    told = {**document, "paths": {_below(path, mount): it for path, it in document.get("paths", {}).items()}}
    settings = configuration.settings
    found, problems = operations(told, rules(settings.apis[api], tuned(settings.tiers)))
    if problems:
        return [f"{' '.join(map(str, it.location))}: {it.text}" for it in problems]
    (policy,) = configuration.policy.apis
    return list(_differences(_by_shape(policy.operations), _by_shape(found)))


def _below(path: str, mount: str) -> str:
    return path.removeprefix(mount) if path.startswith(f"{mount}/") else path


def _by_shape(found: tuple[Operation, ...]) -> dict[tuple[str, str], Operation]:
    return {(operation.method, shape(operation.template)): operation for operation in found}


def _differences(
    policy: Mapping[tuple[str, str], Operation], itself: Mapping[tuple[str, str], Operation]
) -> Iterator[str]:
    for key in sorted(policy.keys() | itself.keys()):
        meant, said = policy.get(key), itself.get(key)
        if meant is None and said is not None:
            yield f"{said.label} is in the application and not in the policy, so that nobody reaches it"
        elif said is None and meant is not None:
            if meant.websocket:
                continue  # frameworks write none of these into their documents
            yield f"{meant.label} is in the policy and not in the application"
        elif meant is not None and said is not None and _asked(meant) != _asked(said):
            both = f"{_asked(meant)} in the policy, and for {_asked(said)} in the application"
            yield f"{meant.label} asks for {both}"


def _asked(operation: Operation) -> str:
    return " ".join([f"tier {operation.tier.name}", *sorted(operation.scopes)])
