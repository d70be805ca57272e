"""Protected-resource metadata (RFC 9728): where a client that was refused learns where tokens are to be had.

An API whose audience is a URL of this gateway is told about here. Of one whose audience is a URL of another
host, only that host could tell (§3.3: the document must be found at the resource's own address).
"""

import json
from dataclasses import dataclass

from tokenward.gateway.policy import RESOURCE_METADATA, Api, Policy


@dataclass(frozen=True, slots=True)
class ResourceMetadata:
    """What this gateway says of its APIs.

    Attributes:
        origin: the gateway's public origin.
        issuer: our own, whose tokens each API takes that does not say otherwise.
        proof_algorithms: what DPoP proofs may be signed with.
        certificates: whether it sees the certificates that clients show.
    """

    origin: str
    issuer: str
    proof_algorithms: tuple[str, ...]
    certificates: bool

    def url(self, api: Api) -> str | None:
        """Where the API's document is (§3.1): the well-known part stands between host and path."""
        place = self._place(api)
        return None if place is None else f"{self.origin}{RESOURCE_METADATA}{place}"

    def document(self, policy: Policy, path: str) -> bytes | None:
        """The document at a path of this gateway (§3.2), or None where none is."""
        if not path.startswith(RESOURCE_METADATA):
            return None
        place = path.removeprefix(RESOURCE_METADATA)
        api = next((api for api in policy.apis if self._place(api) == place), None)
        return None if api is None else json.dumps(self._members(api)).encode()

    def _place(self, api: Api) -> str | None:
        """The path of the API's resource identifier, if that is one of this gateway."""
        rest = api.audience.removeprefix(self.origin)
        if rest == api.audience or "?" in rest or not (rest == "" or rest.startswith("/")):
            return None
        return "" if rest == "/" else rest

    def _members(self, api: Api) -> dict[str, object]:
        scopes = frozenset[str]().union(*(operation.scopes for operation in api.operations))
        details = {operation.details for operation in api.operations} - {None}
        return {
            "resource": api.audience,
            "authorization_servers": [self.issuer] if api.trust is None else api.trust.servers(self.issuer),
            "scopes_supported": sorted(scopes),
            "bearer_methods_supported": ["header"],
            "resource_name": api.name,
            "dpop_signing_alg_values_supported": list(self.proof_algorithms),
            "tls_client_certificate_bound_access_tokens": self.certificates,
            **({"authorization_details_types_supported": sorted(filter(None, details))} if details else {}),
        }
