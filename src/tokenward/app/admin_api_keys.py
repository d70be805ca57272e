"""API keys in the admin API."""

from typing import Annotated

from pydantic import Field, with_config
from typing_extensions import TypedDict

from tokenward.app.admin_input import Input
from tokenward.app.admin_operations import Operation
from tokenward.app.admin_pages import Page, page_of
from tokenward.app.admin_values import (
    LIST_LIMIT,
    WHOLE,
    Credential,
    Line,
    Locator,
    Moment,
    Name,
    Network,
    Owner,
    Rate,
    Scope,
    Uri,
)
from tokenward.app.foundation import Foundation
from tokenward.base.problems import CONFLICT, NOT_FOUND, Refusal
from tokenward.issuer.api_keys import LONGEST_OVERLAP, MAX_PLACES, MAX_RATE, Terms, add_key, rotate_key
from tokenward.issuer.key_imports import HashedKey, import_keys
from tokenward.store.records import ApiKeyState

_LONGEST = 3_650 * 86_400
"""What `api_keys.longest` can be at most, in seconds."""


class _WithTerms(Input):
    audience: Uri
    scopes: list[Scope] = Field(default_factory=list, max_length=200)
    addresses: list[Network] = Field(
        default_factory=list, max_length=MAX_PLACES, description="From which it may be used; none means any."
    )
    origins: list[Uri] = Field(
        default_factory=list, max_length=MAX_PLACES, description="Of pages that may use it; none means any."
    )
    rate: Rate | None = None

    @property
    def terms(self) -> Terms:
        """What the key is given for."""
        return Terms(self.audience, tuple(self.scopes), tuple(self.addresses), tuple(self.origins), self.rate)


class NewApiKey(_WithTerms):
    """A key to give out."""

    name: Name
    owner: Owner
    lifetime: Annotated[int, Field(ge=1, le=_LONGEST, description="Seconds."), WHOLE] | None = None


class KeyRow(Input):
    """One key that something else gave out."""

    name: Name
    owner: Owner
    sha256: str = Field(pattern=r"^(\\x)?[0-9A-Fa-f]{64}$", description="Of the key as it is sent.")
    expires: str = Field(
        default="", max_length=40, pattern=r"^[-0-9:.,+TWZ ]*$", description="A date of ISO 8601, or nothing."
    )
    last_four: str = Field(default="", max_length=4, pattern=r"^[^\x00-\x1f\x7f]*$")


class KeyImport(_WithTerms):
    """Keys that something else gave out, all on the same terms. A large table is for the command line."""

    keys: list[KeyRow] = Field(min_length=1, max_length=500)


class KeySuccession(Input):
    """How long the old key stays valid beside the new one."""

    overlap: Annotated[int, Field(ge=0, le=LONGEST_OVERLAP, description="Seconds."), WHOLE] = 0


@with_config(extra="forbid")
class ApiKeyShown(TypedDict):
    """A key without its secret."""

    key_id: Locator
    name: Line
    owner: Line
    last_four: Annotated[str, Field(max_length=4)]
    audience: Uri
    scopes: Annotated[list[Scope], Field(max_length=200)]
    created_at: Moment
    expires_at: Moment
    addresses: Annotated[list[Network], Field(max_length=MAX_PLACES)]
    origins: Annotated[list[Uri], Field(max_length=MAX_PLACES)]
    rate: Annotated[int, Field(ge=1, le=MAX_RATE)] | None
    rotated_from: Locator | None
    rotated_at: Moment | None
    imported: bool
    revoked: bool
    uses: Annotated[int, Field(ge=0, le=2**63 - 1)]
    last_used_at: Moment | None


class ApiKeyGiven(ApiKeyShown):
    """A key that was just made, with its secret."""

    api_key: Credential


@with_config(extra="forbid")
class ApiKeyPage(TypedDict):
    """Keys by age."""

    api_keys: Annotated[list[ApiKeyShown], Field(max_length=LIST_LIMIT)]
    next: Locator | None


@with_config(extra="forbid")
class ApiKeysTakenOver(TypedDict):
    """Keys that were just taken over."""

    api_keys: Annotated[list[ApiKeyShown], Field(max_length=500)]


async def list_api_keys(ground: Foundation, page: Page) -> ApiKeyPage:
    """Every API key, by age, with its last uses."""
    states, following = page_of(await ground.store.api_keys(), page, lambda it: it.key.key_id)
    return {"api_keys": [_shown(each) for each in states], "next": following}


async def add_api_key(ground: Foundation, wanted: NewApiKey) -> ApiKeyGiven:
    """Give out an API key; the answer shows it this once."""
    key, secret = await add_key(
        ground.api_key_desk, wanted.terms, name=wanted.name, owner=wanted.owner, lifetime=wanted.lifetime
    )
    return {**_shown(ApiKeyState(key)), "api_key": secret.reveal()}


async def import_api_keys(ground: Foundation, wanted: KeyImport) -> ApiKeysTakenOver:
    """Take over API keys of others by their SHA-256, all of them or none."""
    rows = [HashedKey(f"keys.{number}", **row.model_dump()) for number, row in enumerate(wanted.keys)]
    keys = await import_keys(ground.api_key_desk, wanted.terms, rows)
    return {"api_keys": [_shown(ApiKeyState(key)) for key in keys]}


async def show_api_key(ground: Foundation, key_id: Locator) -> ApiKeyShown:
    """One API key."""
    state = await ground.store.api_key(key_id)
    if state is None:
        raise Refusal(NOT_FOUND)
    return _shown(state)


async def revoke_api_key(ground: Foundation, key_id: Locator) -> None:
    """End an API key. It is still there, as one that is revoked."""
    if not await ground.store.revoke_api_key(key_id, ground.clock.time()):
        raise Refusal(NOT_FOUND)


async def rotate_api_key(ground: Foundation, key_id: Locator, order: KeySuccession) -> ApiKeyGiven:
    """Give out a successor of an API key; the answer shows it this once."""
    key, secret = await rotate_key(ground.api_key_desk, key_id, overlap=order.overlap)
    return {**_shown(ApiKeyState(key)), "api_key": secret.reveal()}


def _shown(state: ApiKeyState) -> ApiKeyShown:
    key = state.key
    return {
        "key_id": key.key_id,
        "name": key.name,
        "owner": key.owner,
        "last_four": key.last_four,
        "audience": key.audience,
        "scopes": list(key.scopes),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "addresses": list(key.addresses),
        "origins": list(key.origins),
        "rate": key.rate,
        "rotated_from": key.rotated_from,
        "rotated_at": state.rotated_at,
        "imported": key.imported,
        "revoked": state.revoked,
        "uses": state.uses,
        "last_used_at": state.last_used_at,
    }


OPERATIONS = (
    Operation("GET", "/api-keys", list_api_keys, refuses=(NOT_FOUND,)),
    Operation("POST", "/api-keys", add_api_key, 201, refuses=(CONFLICT,)),
    Operation("POST", "/api-keys/imports", import_api_keys, 201, refuses=(CONFLICT,)),
    Operation("GET", "/api-keys/{key_id}", show_api_key),
    Operation("POST", "/api-keys/{key_id}/revocation", revoke_api_key, 204),
    Operation("POST", "/api-keys/{key_id}/rotation", rotate_api_key, 201, refuses=(CONFLICT,)),
)
