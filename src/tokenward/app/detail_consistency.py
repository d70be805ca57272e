"""What the types of authorization details (RFC 9396) and the operations that demand them mean together."""

from collections.abc import Iterator

from tokenward.app.api_settings import ApiSettings
from tokenward.app.detail_settings import TYPES
from tokenward.app.findings import Remark
from tokenward.app.settings import Settings


def details_are_clear(settings: Settings) -> Iterator[Remark]:
    """Every mistake in a type, and every type that is nobody's, somebody else's, or two APIs'."""
    owners: dict[str, str] = {}
    for name, api in settings.apis.items():
        for kind, said in api.authorization_details_types.items():
            keys = ("apis", name, TYPES, kind)
            yield from said.remarks(keys)
            owner = owners.setdefault(kind, name)
            if owner != name:
                yield Remark(
                    keys,
                    "error",
                    "authorization-details",
                    f"{owner} has a type of this name already: a request would mean one of the two",
                    "give each its own name, such as a URI below the API's",
                )
        yield from _demanded(name, api)


def _demanded(name: str, api: ApiSettings) -> Iterator[Remark]:
    demanded = {key: it.authorization_details for key, it in api.operations.items()}
    for key, kind in demanded.items():
        if kind is not None and kind not in api.authorization_details_types:
            there = ", ".join(api.authorization_details_types) or f"none: add it to {TYPES}"
            yield Remark(
                ("apis", name, "operations", key, "authorization_details"),
                "error",
                "authorization-details",
                f"{name} has no authorization details of type {kind}",
                f"name one of its types; there are {there}",
            )
    for kind in api.authorization_details_types:
        if kind not in demanded.values():
            yield Remark(
                ("apis", name, TYPES, kind),
                "warning",
                "authorization-details",
                f"no operation of {name} demands {kind}: at the gateway a token without it does as much",
                "name it under `authorization_details` of the operation that it is for",
            )
