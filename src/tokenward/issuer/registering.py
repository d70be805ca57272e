"""Clients that register themselves (RFC 7591) and look after that registration (RFC 7592).

Two opaque tokens, hashed at rest: an initial access token lets somebody register so many clients; a
registration access token is for one client's registration, and is another one after each change, so that
whoever stole the old one has nothing.
"""

import json
import logging
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tokenward.base.entropy import identifier
from tokenward.base.problems import (
    CONFLICT,
    INVALID_CLIENT_METADATA,
    INVALID_TOKEN,
    REGISTRATION_FULL,
    Refusal,
)
from tokenward.base.secret import Secret
from tokenward.issuer.client_desk import ATTEMPTS, ClientDesk
from tokenward.issuer.client_metadata import Described, Metadata, described
from tokenward.issuer.client_secrets import new_secret
from tokenward.issuer.strangers import RegistrationPolicy
from tokenward.store.port import AlreadyExists
from tokenward.store.records import AuthMethod, Client, ClientSecret
from tokenward.store.registration_records import InitialToken, Registration
from tokenward.tokens import opaque

log = logging.getLogger("tokenward.issuer")

PATH = "/register"
MAX_USES = 10_000
_STRENGTH: tuple[AuthMethod, ...] = ("none", "client_secret", "private_key_jwt")
_OURS = ("registration_access_token", "registration_client_uri", "client_id_issued_at")


@dataclass(frozen=True, slots=True)
class Registered:
    """A client that registered itself, with what is told this once.

    Attributes:
        client: as it is kept.
        said: what it said and nobody uses, with its method by its own name.
        token: its registration access token, where that is new.
        secret: its secret, where that is new, and when it ends, seconds since 1970-01-01 UTC.
    """

    client: Client
    said: Mapping[str, Any]
    token: Secret | None = None
    secret: tuple[Secret, float] | None = None


async def new_initial_token(desk: ClientDesk, *, uses: int, lifetime: float) -> tuple[Secret, InitialToken]:
    """An initial access token, shown this once, and what is kept of it.

    Raises:
        Refusal: CONFLICT, fresh locators keep being taken.
    """
    for _ in range(ATTEMPTS):
        token = opaque.new("ia", prefix=desk.settings.token_prefix, clock=desk.clock)
        now = desk.clock.time()
        hashed = opaque.keyed_hash(desk.peppers[0], token.secret.reveal())
        kept = InitialToken(token.token_id, hashed, uses, now, now + lifetime)
        try:
            await desk.store.add_initial_token(kept)
        except AlreadyExists:
            continue
        return token.secret, kept
    raise Refusal(CONFLICT, "fresh locators keep being taken")


async def register_itself(
    desk: ClientDesk, policy: RegistrationPolicy, metadata: Metadata, shown: str | None
) -> Registered:
    """Register the client that describes itself so.

    Args:
        desk: the parts.
        policy: who may.
        metadata: what it says.
        shown: the token beside it, or None.

    Raises:
        Refusal: INVALID_TOKEN; REGISTRATION_FULL; as `client_metadata.described`; INVALID_CLIENT_METADATA,
            an operator's client has the name.
    """
    invited = None
    if shown is not None or not policy.open:
        invited = await _invited(desk, shown)
    for _ in range(ATTEMPTS):
        new = _described(desk, policy, metadata, identifier(), desk.clock.time())
        await _check_name_is_free(desk, new.client.name)
        secret, kept = _secret(desk, new.client)
        token, registration = _token(desk, new, new.client.created_at + policy.unused)
        try:
            done = await desk.store.register_client(
                new.client,
                kept,
                registration,
                at=desk.clock.time(),
                most=policy.most,
                initial_token=invited,
            )
        except AlreadyExists:
            continue
        if done == "full":
            raise Refusal(REGISTRATION_FULL, f"there are {policy.most} clients that registered themselves")
        if done == "spent":
            raise Refusal(INVALID_TOKEN, f"initial access token {invited} was used up meanwhile")
        log.info("client %s registered itself by %s", new.client.client_id, invited or "nobody's leave")
        return Registered(new.client, _with_method(new), token, secret)
    raise Refusal(CONFLICT, "fresh locators keep being taken")


async def own_registration(desk: ClientDesk, client_id: str, shown: str | None) -> Registered:
    """What is registered of the client, for who holds its registration access token.

    Raises:
        Refusal: INVALID_TOKEN, whatever is wrong; which it is, is for the log.
    """
    client, registration = await _own(desk, client_id, shown)
    return Registered(client, json.loads(registration.said))


async def change_itself(
    desk: ClientDesk, policy: RegistrationPolicy, client_id: str, metadata: Metadata, shown: str | None
) -> Registered:
    """Put what the client says now in the place of all that it said (RFC 7592 §2.2).

    Raises:
        Refusal: INVALID_TOKEN; INVALID_CLIENT_METADATA, it would prove itself less well than before, or says
            what is not its to say; as `client_metadata.described`.
    """
    client, registration = await _own(desk, client_id, shown)
    if metadata.get("client_id") != client_id:
        raise Refusal(INVALID_CLIENT_METADATA, "client_id: it is another one, or missing")
    for member in (*_OURS, "client_secret", "client_secret_expires_at"):
        if member in metadata:
            raise Refusal(INVALID_CLIENT_METADATA, f"{member}: this is not said by the client")
    new = _described(desk, policy, metadata, client_id, client.created_at)
    _check_no_weaker(client, new.client)
    if new.client.name != client.name:
        await _check_name_is_free(desk, new.client.name)
    first = new.client.auth_method == "client_secret" != client.auth_method
    secret, kept = _secret(desk, new.client) if first else (None, None)
    token, changed = _token(desk, new, registration.unused_at)
    if not await desk.store.change_registration(new.client, kept, changed, instead_of=registration.token_id):
        raise Refusal(INVALID_TOKEN, f"the registration token of {client_id} was used meanwhile")
    log.info("client %s changed its registration", client_id)
    return Registered(new.client, _with_method(new), token, secret)


async def remove_itself(desk: ClientDesk, client_id: str, shown: str | None) -> None:
    """Remove the client; all that it was issued is revoked (RFC 7592 §2.3).

    Raises:
        Refusal: INVALID_TOKEN.
    """
    await _own(desk, client_id, shown)
    await desk.store.remove_client(client_id, desk.clock.time())
    log.info("client %s removed itself", client_id)


async def _invited(desk: ClientDesk, shown: str | None) -> str:
    token = opaque.parse(shown or "", kind="ia", prefix=desk.settings.token_prefix)
    kept = None if token is None else await desk.store.initial_token(token.token_id)
    if token is None or kept is None or not opaque.matches(desk.peppers, shown or "", kept.keyed_hash):
        raise Refusal(INVALID_TOKEN, "no initial access token that is known")
    if kept.expires_at <= desk.clock.time() or kept.uses_left < 1:
        raise Refusal(INVALID_TOKEN, f"initial access token {kept.token_id} is over or used up")
    return kept.token_id


async def _own(desk: ClientDesk, client_id: str, shown: str | None) -> tuple[Client, Registration]:
    token = opaque.parse(shown or "", kind="ra", prefix=desk.settings.token_prefix)
    registration = None if token is None else await desk.store.registration(client_id)
    if registration is None or not opaque.matches(desk.peppers, shown or "", registration.keyed_hash):
        raise Refusal(INVALID_TOKEN, "no registration access token of this client")
    client = await desk.store.client(client_id)
    if client is None:
        raise Refusal(INVALID_TOKEN, f"client {client_id} is gone")
    return client, registration


def _described(
    desk: ClientDesk, policy: RegistrationPolicy, metadata: Metadata, client_id: str, at: float
) -> Described:
    unnamed = f"Client {client_id}"
    new = described(desk.settings, policy.terms, metadata, client_id=client_id, at=at, name_without=unnamed)
    return replace(new, client=replace(new.client, self_registered=True))


def _check_no_weaker(old: Client, new: Client) -> None:
    """A stolen registration token must not make a client that nobody has to prove to be."""
    if _STRENGTH.index(new.auth_method) < _STRENGTH.index(old.auth_method):
        raise Refusal(
            INVALID_CLIENT_METADATA,
            f"token_endpoint_auth_method: it proved itself by {old.auth_method} and cannot do with less",
        )
    if old.bound_tokens and not new.bound_tokens:
        raise Refusal(INVALID_CLIENT_METADATA, "dpop_bound_access_tokens: they were, and stay so")
    if old.require_pushed_authorization_requests and not new.require_pushed_authorization_requests:
        raise Refusal(INVALID_CLIENT_METADATA, "require_pushed_authorization_requests: it was, and stays so")


async def _check_name_is_free(desk: ClientDesk, name: str) -> None:
    """No stranger is called like a client that an operator registered."""
    if any(
        _folded(each.name) == _folded(name) for each in await desk.store.clients() if not each.self_registered
    ):
        raise Refusal(INVALID_CLIENT_METADATA, "client_name: another client has it")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _secret(desk: ClientDesk, client: Client) -> tuple[tuple[Secret, float] | None, ClientSecret | None]:
    """A secret for a client that proves itself by one; for no other (RFC 9700 §2.5)."""
    if client.auth_method != "client_secret":
        return None, None
    secret, kept = new_secret(desk, client.client_id)
    return (secret, kept.expires_at or 0.0), kept


def _token(desk: ClientDesk, new: Described, unused_at: float) -> tuple[Secret, Registration]:
    token = opaque.new("ra", prefix=desk.settings.token_prefix, clock=desk.clock)
    hashed = opaque.keyed_hash(desk.peppers[0], token.secret.reveal())
    said = json.dumps(_with_method(new))
    return token.secret, Registration(new.client.client_id, token.token_id, hashed, said, unused_at)


def _with_method(new: Described) -> dict[str, Any]:
    return {**new.said, "token_endpoint_auth_method": new.method}
