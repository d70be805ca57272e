"""Signing keys in the admin API."""

from typing import Annotated, Literal

from pydantic import Field, with_config
from typing_extensions import TypedDict

from tokenward.app.admin_input import Input
from tokenward.app.admin_operations import Operation
from tokenward.app.admin_pages import Page, page_of
from tokenward.app.admin_values import LIST_LIMIT, Algorithm, Id, Moment
from tokenward.app.foundation import Foundation
from tokenward.base.problems import NOT_FOUND, WRONG_KEY_STATE
from tokenward.store.key_states import state
from tokenward.store.records import KeyPurpose, SigningKeyRecord


class KeyRotation(Input):
    """Which key gets a successor: the one that signs with this algorithm for this purpose."""

    purpose: KeyPurpose
    algorithm: Algorithm


class KeyRemoval(Input):
    """Whether the key is in strange hands, so that all that it signed is void."""

    compromised: bool = False


@with_config(extra="forbid")
class SigningKeyShown(TypedDict):
    """A signing key without its private half."""

    kid: Id
    purpose: KeyPurpose
    algorithm: Algorithm
    state: Literal["pending", "active", "retired", "removed"]
    created_at: Moment
    activates_at: Moment
    retires_at: Moment | None
    removes_at: Moment | None
    compromised_at: Moment | None


@with_config(extra="forbid")
class SigningKeyPage(TypedDict):
    """Signing keys by purpose and age."""

    signing_keys: Annotated[list[SigningKeyShown], Field(max_length=LIST_LIMIT)]
    next: Id | None


async def list_signing_keys(ground: Foundation, page: Page) -> SigningKeyPage:
    """Every signing key that there is or was, with its state."""
    now = ground.clock.time()
    keys, following = page_of(await ground.key_desk.all_keys(), page, lambda key: key.kid)
    return {"signing_keys": [_shown(key, now) for key in keys], "next": following}


async def rotate_signing_key(ground: Foundation, order: KeyRotation) -> SigningKeyShown:
    """Publish a successor of a signing key, which takes over when caches know it."""
    successor = await ground.key_desk.rotate(order.purpose, order.algorithm)
    return _shown(successor, ground.clock.time())


async def retire_signing_key(ground: Foundation, kid: Id) -> None:
    """Let a key sign no more; what it signed stays valid."""
    await ground.key_desk.retire(kid)


async def remove_signing_key(ground: Foundation, kid: Id, order: KeyRemoval) -> None:
    """Take a key out of the JWK Set; a compromised one with all that it signed."""
    await ground.key_desk.remove(kid, compromised=order.compromised)


def _shown(key: SigningKeyRecord, at: float) -> SigningKeyShown:
    return {
        "kid": key.kid,
        "purpose": key.purpose,
        "algorithm": key.algorithm,
        "state": state(key, at).value,
        "created_at": key.created_at,
        "activates_at": key.activates_at,
        "retires_at": key.retires_at,
        "removes_at": key.removes_at,
        "compromised_at": key.compromised_at,
    }


OPERATIONS = (
    Operation("GET", "/signing-keys", list_signing_keys, refuses=(NOT_FOUND,)),
    Operation("POST", "/signing-keys", rotate_signing_key, 201, refuses=(NOT_FOUND, WRONG_KEY_STATE)),
    Operation("POST", "/signing-keys/{kid}/retirement", retire_signing_key, 204, refuses=(WRONG_KEY_STATE,)),
    Operation("POST", "/signing-keys/{kid}/removal", remove_signing_key, 204, refuses=(WRONG_KEY_STATE,)),
)
