"""Registered applications and their secrets."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import bindparam

from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.store.port import CLIENT_SECONDS
from tokenward.store.records import AuthMethod, Client, ClientKeySet, ClientSecret, RelyingParty
from tokenward.store.sql.database import Cursor, Database
from tokenward.store.sql.family import Family
from tokenward.store.sql.revoking import cut_off, revive
from tokenward.store.sql.schema import client_secrets, clients, consents, join_words, split_words
from tokenward.store.sql.statements import Parameters, Row, insert_into

_ADD = insert_into(clients)
_ONE = sa.select(clients).where(clients.c.client_id == bindparam("client"))
_HOLD = sa.select(clients.c.client_id).where(clients.c.client_id == bindparam("client")).with_for_update()
_ALL = sa.select(clients).order_by(clients.c.created_at, clients.c.client_id)
_JWKS = sa.select(clients.c.jwks).where(clients.c.auth_method == bindparam("method"), clients.c.jwks != "")
_REMOVE = sa.delete(clients).where(clients.c.client_id == bindparam("client")).returning(clients.c.client_id)
_FORGET_CONSENTS = sa.delete(consents).where(consents.c.client_id == bindparam("client"))

_ADD_SECRET = insert_into(client_secrets)
_SECRET = (
    sa.select(clients, client_secrets)
    .join_from(client_secrets, clients)
    .where(client_secrets.c.secret_id == bindparam("secret"))
)
_SECRETS = (
    sa.select(client_secrets)
    .where(client_secrets.c.client_id == bindparam("client"))
    .order_by(client_secrets.c.created_at, client_secrets.c.secret_id)
)
_END_SECRETS = (
    sa.update(client_secrets)
    .where(
        client_secrets.c.client_id == bindparam("client"),
        sa.or_(client_secrets.c.expires_at.is_(None), client_secrets.c.expires_at > bindparam("until")),
    )
    .values(expires_at=bindparam("until"))
)
_END_SECRET = (
    sa.update(client_secrets)
    .where(
        client_secrets.c.secret_id == bindparam("secret"),
        sa.or_(client_secrets.c.expires_at.is_(None), client_secrets.c.expires_at > bindparam("until")),
    )
    .values(expires_at=bindparam("until"))
    .returning(client_secrets.c.secret_id)
)
_FORGET_SECRETS = sa.delete(client_secrets).where(client_secrets.c.client_id == bindparam("client"))
_SET_KEYS = (
    sa.update(clients)
    .where(clients.c.client_id == bindparam("client"))
    .values(auth_method=bindparam("method"), jwks=bindparam("set"), jwks_uri=bindparam("uri"), tls_subject="")
    .returning(clients.c.client_id)
)

_COLUMNS = tuple(clients.c.keys())
_WIDTH = len(_COLUMNS)
_KEPT = 1000  # clients that call all the time

T = TypeVar("T")


class SqlClients(Family):
    """`tokenward.store.port.Clients`.

    Whose a secret is gets asked with every token and is answered from memory for `CLIENT_SECONDS`: the lookup
    was a quarter of the request while the writer was busy on its thread.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._known: dict[str, tuple[float, Client, ClientSecret]] = {}
        self._changes = 0

    async def _change(self, unit: Callable[[Cursor], T]) -> T:
        """Write, and forget what was known before."""
        try:
            return await self._database.write(unit)
        finally:
            self.forget_secrets()

    def forget_secrets(self) -> None:
        """Look secrets up anew: one has changed."""
        self._changes += 1
        self._known.clear()

    async def add_client(self, client: Client, secret: ClientSecret | None) -> None:
        row = client_row(client)

        def unit(cursor: Cursor) -> None:
            cursor.run(_ADD, row)
            until = math.nextafter(client.created_at, -math.inf)
            # A removed one of the same name had all cut off that it would ever hold.
            revive(cursor, "client", client.client_id, until=until)
            if secret is not None:
                cursor.run(_ADD_SECRET, secret_row(secret))

        await self._change(unit)

    async def client(self, client_id: str) -> Client | None:
        row = await self._database.read(lambda cursor: cursor.one(_ONE, {"client": client_id}))
        return _client(row) if row else None

    async def clients(self) -> list[Client]:
        rows = await self._database.read(lambda cursor: cursor.all(_ALL))
        return [_client(row) for row in rows]

    async def registered_jwks(self, auth_method: AuthMethod) -> list[str]:
        rows = await self._database.read(lambda cursor: cursor.all(_JWKS, {"method": auth_method}))
        return [jwks for (jwks,) in rows]

    async def remove_client(self, client_id: str, at: float) -> bool:
        def unit(cursor: Cursor) -> bool:
            if cursor.one(_REMOVE, {"client": client_id}) is None:
                return False
            cursor.run(_FORGET_CONSENTS, {"client": client_id})
            # Without end: a token request that read the client just before may insert just after.
            cut_off(cursor, "client", client_id, before=math.inf, at=at)
            return True

        return await self._change(unit)

    async def client_with_secret(self, secret_id: str) -> tuple[Client, ClientSecret] | None:
        now, changes = SYSTEM_CLOCK.monotonic(), self._changes
        known = self._known.get(secret_id)
        if known is not None and now < known[0]:
            return known[1:]
        row = await self._database.read(lambda cursor: cursor.one(_SECRET, {"secret": secret_id}))
        if row is None:
            return None
        client, secret = _client(row[:_WIDTH]), ClientSecret(*row[_WIDTH:])
        if changes == self._changes:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[secret_id] = (now + CLIENT_SECONDS, client, secret)
        return client, secret

    async def client_secrets(self, client_id: str) -> list[ClientSecret]:
        rows = await self._database.read(lambda cursor: cursor.all(_SECRETS, {"client": client_id}))
        return [ClientSecret(*row) for row in rows]

    async def rotate_client_secret(
        self, new: ClientSecret, *, old_expire_at: float, void_until: float | None = None
    ) -> bool:
        def unit(cursor: Cursor) -> bool:
            # Holding the client's row puts two rotations one after the other: each ends the other's secret.
            if cursor.one(_HOLD, {"client": new.client_id}) is None:
                return False
            cursor.run(_END_SECRETS, {"client": new.client_id, "until": old_expire_at})
            cursor.run(_ADD_SECRET, secret_row(new))
            if void_until is not None:
                cut_off(cursor, "client", new.client_id, before=void_until, at=new.created_at)
            return True

        return await self._change(unit)

    async def set_client_keys(
        self, client_id: str, keys: ClientKeySet, *, at: float, void_until: float | None = None
    ) -> bool:
        row = {"client": client_id, "method": keys.auth_method, "set": keys.jwks, "uri": keys.jwks_uri}

        def unit(cursor: Cursor) -> bool:
            if cursor.one(_SET_KEYS, row) is None:
                return False
            cursor.run(_FORGET_SECRETS, {"client": client_id})
            if void_until is not None:
                cut_off(cursor, "client", client_id, before=void_until, at=at)
            return True

        return await self._change(unit)


def end_client_secret(cursor: Cursor, secret_id: str, until: float) -> bool:
    """Let one secret end by that moment; False if it is unknown or ends sooner anyway.

    Who remembers it (`client_with_secret`) takes it for `CLIENT_SECONDS` more.
    """
    return cursor.one(_END_SECRET, {"secret": secret_id, "until": until}) is not None


# Of `Client`: what a column holds in another form than the record. SQLite's booleans are integers.
_LISTS = ("redirect_uris", "scopes", "id_token_claims", "authorization_details_types")
_FLAGS = ("require_pushed_authorization_requests", "require_signed_request_object", "self_registered")


def client_row(client: Client) -> Parameters:
    """The columns of a client."""
    row = {name: getattr(client, name) for name in Client.__dataclass_fields__}
    lists = {name: join_words(row[name]) for name in _LISTS}
    return {**row, **lists, "openid": json.dumps(asdict(client.openid))}


@lru_cache(maxsize=_KEPT)
def _client(row: Row) -> Client:
    """The client of a row. Of an equal row it is the same: to make one took longer than to look it up."""
    fields = dict(zip(_COLUMNS, row, strict=True))
    lists = {name: split_words(fields[name]) for name in _LISTS}
    flags = {name: bool(fields[name]) for name in _FLAGS}
    return Client(**{**fields, **lists, **flags, "openid": read_openid(fields["openid"])})


def read_openid(text: str) -> RelyingParty:
    """What a client is registered with as a relying party, from its column."""
    members: dict[str, Any] = {
        name: tuple(it) if isinstance(it, list) else it for name, it in json.loads(text).items()
    }
    return RelyingParty(**members)


def secret_row(secret: ClientSecret) -> Parameters:
    """The columns of a secret."""
    return {
        "secret_id": secret.secret_id,
        "client_id": secret.client_id,
        "keyed_hash": secret.keyed_hash,
        "created_at": secret.created_at,
        "expires_at": secret.expires_at,
        "last_used_at": secret.last_used_at,
    }
