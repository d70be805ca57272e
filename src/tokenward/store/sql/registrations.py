"""Clients that registered themselves, and the tokens that let them."""

import math
from typing import Literal

import sqlalchemy as sa
from sqlalchemy import bindparam

from tokenward.store.records import Client, ClientSecret
from tokenward.store.registration_records import InitialToken, Registration
from tokenward.store.sql.clients import SqlClients, client_row, secret_row
from tokenward.store.sql.database import Cursor
from tokenward.store.sql.revoking import revive
from tokenward.store.sql.schema import client_secrets, clients, initial_tokens, registrations
from tokenward.store.sql.statements import Parameters, insert_into

_INITIAL = [initial_tokens.c[name] for name in InitialToken.__dataclass_fields__]
_REGISTRATION = [registrations.c[name] for name in Registration.__dataclass_fields__]

_ADD_INITIAL = insert_into(initial_tokens)
_ONE_INITIAL = sa.select(*_INITIAL).where(initial_tokens.c.token_id == bindparam("token"))
_ALL_INITIAL = sa.select(*_INITIAL).order_by(initial_tokens.c.created_at, initial_tokens.c.token_id)
_REMOVE_INITIAL = (
    sa.delete(initial_tokens)
    .where(initial_tokens.c.token_id == bindparam("token"))
    .returning(initial_tokens.c.token_id)
)
_TAKE_USE = (
    sa.update(initial_tokens)
    .where(
        initial_tokens.c.token_id == bindparam("token"),
        initial_tokens.c.uses_left > 0,
        initial_tokens.c.expires_at > bindparam("at"),
    )
    .values(uses_left=initial_tokens.c.uses_left - 1)
    .returning(initial_tokens.c.token_id)
)
_COUNT = sa.select(sa.func.count()).select_from(registrations)
_ADD = insert_into(registrations)
_ADD_CLIENT = insert_into(clients)
_ADD_SECRET = insert_into(client_secrets)
_ONE = sa.select(*_REGISTRATION).where(registrations.c.client_id == bindparam("client"))
_BY_TOKEN = sa.select(*_REGISTRATION).where(registrations.c.token_id == bindparam("token"))
_NO_TOKEN = (
    sa.update(registrations)
    .where(registrations.c.client_id == bindparam("client"), registrations.c.token_id == bindparam("token"))
    .values(token_id=sa.literal_column("''"), keyed_hash=bindparam("nothing", type_=sa.LargeBinary))
    .returning(registrations.c.client_id)
)
_TAKE_TOKEN = (
    sa.update(registrations)
    .where(registrations.c.client_id == bindparam("client"), registrations.c.token_id == bindparam("old"))
    .values(token_id=bindparam("new"), keyed_hash=bindparam("hash"), said=bindparam("words"))
    .returning(registrations.c.client_id)
)
_CHANGED = [name for name in clients.c.keys() if name not in ("client_id", "created_at")]  # noqa: SIM118 - a collection of columns
_CHANGE = (
    sa.update(clients)
    .where(clients.c.client_id == bindparam("client"))
    .values({name: bindparam(f"new_{name}") for name in _CHANGED})
)
_FORGET_SECRETS = sa.delete(client_secrets).where(client_secrets.c.client_id == bindparam("client"))


class SqlRegistrations(SqlClients):
    """`tokenward.store.registration_port.Registrations`; what it changes of clients, `SqlClients` forgets."""

    async def add_initial_token(self, token: InitialToken) -> None:
        await self._database.insert(_ADD_INITIAL, _row(token))

    async def initial_token(self, token_id: str) -> InitialToken | None:
        row = await self._database.read(lambda cursor: cursor.one(_ONE_INITIAL, {"token": token_id}))
        return InitialToken(*row) if row else None

    async def initial_tokens(self) -> list[InitialToken]:
        rows = await self._database.read(lambda cursor: cursor.all(_ALL_INITIAL))
        return [InitialToken(*row) for row in rows]

    async def remove_initial_token(self, token_id: str) -> bool:
        def unit(cursor: Cursor) -> bool:
            return end_initial_token(cursor, token_id)

        return await self._database.write(unit)

    async def register_client(
        self,
        client: Client,
        secret: ClientSecret | None,
        registration: Registration,
        *,
        at: float,
        most: int,
        initial_token: str | None,
    ) -> Literal["added", "full", "spent"]:
        def unit(cursor: Cursor) -> Literal["added", "full", "spent"]:
            there = cursor.one(_COUNT)
            if there is not None and there[0] >= most:
                return "full"
            if initial_token is not None and not cursor.one(_TAKE_USE, {"token": initial_token, "at": at}):
                return "spent"
            cursor.run(_ADD_CLIENT, client_row(client))
            revive(cursor, "client", client.client_id, until=math.nextafter(client.created_at, -math.inf))
            if secret is not None:
                cursor.run(_ADD_SECRET, secret_row(secret))
            cursor.run(_ADD, _row(registration))
            return "added"

        return await self._change(unit)

    async def registration(self, client_id: str) -> Registration | None:
        row = await self._database.read(lambda cursor: cursor.one(_ONE, {"client": client_id}))
        return Registration(*row) if row else None

    async def registration_by_token(self, token_id: str) -> Registration | None:
        row = await self._database.read(lambda cursor: cursor.one(_BY_TOKEN, {"token": token_id}))
        return Registration(*row) if row else None

    async def change_registration(
        self, client: Client, secret: ClientSecret | None, registration: Registration, *, instead_of: str
    ) -> bool:
        new = {
            "client": client.client_id,
            "old": instead_of,
            "new": registration.token_id,
            "hash": registration.keyed_hash,
            "words": registration.said,
        }
        row = client_row(client)
        columns = {f"new_{name}": row[name] for name in _CHANGED}

        def unit(cursor: Cursor) -> bool:
            if cursor.one(_TAKE_TOKEN, new) is None:
                return False
            cursor.run(_CHANGE, {"client": client.client_id, **columns})
            if client.auth_method != "client_secret":
                cursor.run(_FORGET_SECRETS, {"client": client.client_id})
            if secret is not None:
                cursor.run(_ADD_SECRET, secret_row(secret))
            return True

        return await self._change(unit)


def end_initial_token(cursor: Cursor, token_id: str) -> bool:
    """Remove it; False if it is unknown."""
    return cursor.one(_REMOVE_INITIAL, {"token": token_id}) is not None


def end_registration_token(cursor: Cursor, client_id: str, token_id: str) -> bool:
    """Leave the client's registration without a token; False if that is another one by now."""
    order = {"client": client_id, "token": token_id, "nothing": b""}
    return cursor.one(_NO_TOKEN, order) is not None


def _row(record: InitialToken | Registration) -> Parameters:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}
