"""Grants and the tokens that follow from them.

A single-use row is consumed by one conditional UPDATE: whatever the number of attempts, the database lets one
of them find `consumed_at IS NULL`. Revocation marks the grant, and every look at a token reads its grant, so
what the loser of a race inserted after a revocation is dead where it lies.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, bindparam

from tokenward.store.port import REVOKED_AT_ONCE
from tokenward.store.records import (
    API_KEY_CLIENT,
    AccessToken,
    AccessTokenState,
    AuthorizationCode,
    CodeState,
    Consumption,
    Grant,
    RefreshState,
    RefreshToken,
    RevokedTokens,
)
from tokenward.store.sql.api_keys import KEY_IS_DEAD
from tokenward.store.sql.database import Cursor
from tokenward.store.sql.family import Family
from tokenward.store.sql.logouts import hold_session, sid_in
from tokenward.store.sql.person_row import hold
from tokenward.store.sql.pushed_requests import take_pushed_request
from tokenward.store.sql.revoking import cut_off, is_cut_off, record, record_each
from tokenward.store.sql.schema import (
    access_tokens,
    api_keys,
    codes,
    consents,
    grants,
    refresh_tokens,
)
from tokenward.store.sql.statements import Parameters, Statement, insert_into
from tokenward.store.sql.token_rows import (
    access_row,
    code_row,
    grant_row,
    read_access,
    read_grant,
    refresh_row,
    with_confirmation,
)
from tokenward.tokens.presented import token_id_of

GRANT_IS_DEAD = sa.or_(
    grants.c.revoked_at.is_not(None), is_cut_off(grants.c.client_id, grants.c.user_id, grants.c.created_at)
)
GRANT_COLUMNS = [grants.c[name] for name in Grant.__dataclass_fields__]
_CODE_COLUMNS = [codes.c[name] for name in AuthorizationCode.__dataclass_fields__]
_REFRESH_COLUMNS = [refresh_tokens.c[name] for name in RefreshToken.__dataclass_fields__]
_ACCESS_COLUMNS = [access_tokens.c[name] for name in AccessToken.__dataclass_fields__]


def _is_usable(table: sa.Table) -> ColumnElement[bool]:
    """Whether a row is unused, in time, and its grant lives."""
    living_grant = sa.exists().where(
        grants.c.grant_id == table.c.grant_id, grants.c.expires_at > bindparam("at"), sa.not_(GRANT_IS_DEAD)
    )
    return sa.and_(
        table.c.token_id == bindparam("token"),
        table.c.consumed_at.is_(None),
        table.c.expires_at > bindparam("at"),
        living_grant,
    )


def consuming(
    table: sa.Table, returning: sa.Column[Any], *conditions: ColumnElement[bool], **also: ColumnElement[Any]
) -> sa.UpdateBase:
    """Consume a row that is unused, in time, and whose grant lives."""
    return (
        sa.update(table)
        .where(_is_usable(table), *conditions)
        .values(consumed_at=bindparam("at"), **also)
        .returning(returning)
    )


_GRANT = sa.select(*GRANT_COLUMNS).where(grants.c.grant_id == bindparam("grant"))
ADD_GRANT = insert_into(grants, *Grant.__dataclass_fields__)
_REMEMBERED = sa.select(consents.c.scope).where(
    consents.c.user_id == bindparam("user"),
    consents.c.client_id == bindparam("client"),
    consents.c.audience == bindparam("at_audience"),
)
_REVOKE_GRANT = (
    sa.update(grants)
    .where(grants.c.grant_id == bindparam("grant"), grants.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
    .returning(grants.c.grant_id)
)

_ADD_CODE = insert_into(codes, *AuthorizationCode.__dataclass_fields__)
_CODE = (
    sa.select(*_CODE_COLUMNS, *GRANT_COLUMNS, codes.c.consumed_at.is_not(None), GRANT_IS_DEAD)
    .join_from(codes, grants)
    .where(codes.c.token_id == bindparam("token"))
)
_CONSUME_CODE = consuming(codes, codes.c.grant_id)
_CONSUMED_CODE = sa.select(codes.c.grant_id).where(
    codes.c.token_id == bindparam("token"), codes.c.consumed_at.is_not(None)
)

_ADD_REFRESH = insert_into(refresh_tokens, *RefreshToken.__dataclass_fields__, "predecessor_id")
_REFRESH = (
    sa.select(*_REFRESH_COLUMNS, *GRANT_COLUMNS, refresh_tokens.c.consumed_at.is_not(None), GRANT_IS_DEAD)
    .join_from(refresh_tokens, grants)
    .where(refresh_tokens.c.token_id == bindparam("token"))
)
_CONSUME_REFRESH = consuming(
    refresh_tokens, refresh_tokens.c.predecessor_id, sealed_response=bindparam("sealed")
)
_USE_REFRESH = (
    sa.update(refresh_tokens)
    .where(_is_usable(refresh_tokens))
    .values(expires_at=bindparam("idle_until", type_=sa.Double))
    .returning(refresh_tokens.c.token_id)
)
_CONSUMED_REFRESH = sa.select(refresh_tokens.c.grant_id).where(
    refresh_tokens.c.token_id == bindparam("token"), refresh_tokens.c.consumed_at.is_not(None)
)
_ERASE_RESPONSE = (
    sa.update(refresh_tokens)
    .where(refresh_tokens.c.token_id == bindparam("token"))
    .values(sealed_response=sa.null())
)
_LOST_RESPONSE = (
    sa.select(refresh_tokens.c.sealed_response)
    .join_from(refresh_tokens, grants)
    .where(
        refresh_tokens.c.token_id == bindparam("token"),
        refresh_tokens.c.consumed_at > bindparam("after"),
        refresh_tokens.c.sealed_response.is_not(None),
        sa.not_(GRANT_IS_DEAD),
    )
)

_ADD_ACCESS = insert_into(access_tokens, *AccessToken.__dataclass_fields__)
# A token stands or falls with its grant: a grant that is gone was over, and what a cutoff says of the moment
# when the grant was made holds for all that followed from it, also for what was issued during the cutoff.
_ACCESS = (
    sa.select(
        *_ACCESS_COLUMNS,
        sa.or_(
            access_tokens.c.revoked_at.is_not(None),
            sa.and_(
                access_tokens.c.grant_id.is_not(None),
                sa.or_(grants.c.grant_id.is_(None), grants.c.revoked_at.is_not(None)),
            ),
            is_cut_off(
                access_tokens.c.client_id,
                access_tokens.c.user_id,
                sa.func.coalesce(grants.c.created_at, access_tokens.c.issued_at),
            ),
        ),
    )
    .select_from(access_tokens.outerjoin(grants, grants.c.grant_id == access_tokens.c.grant_id))
    .where(access_tokens.c.token_id == bindparam("token"))
)
_KEY = sa.select(api_keys.c.expires_at, KEY_IS_DEAD).where(api_keys.c.key_id == bindparam("token"))
_REVOKE_ACCESS = (
    sa.update(access_tokens)
    .where(access_tokens.c.token_id == bindparam("token"), access_tokens.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
    .returning(access_tokens.c.token_id)
)

# Always as many, so that there is one statement to prepare; names that are left over repeat the first.
_NAMES = [f"token{number}" for number in range(REVOKED_AT_ONCE)]
_IS_LISTED = access_tokens.c.token_id.in_([bindparam(name) for name in _NAMES])
_KNOWN_OF_LIST = sa.select(sa.func.count()).select_from(access_tokens).where(_IS_LISTED)
_HASHES_OF_LIST = sa.select(access_tokens.c.token_id, access_tokens.c.keyed_hash).where(_IS_LISTED)
_REVOKE_LIST = (
    sa.update(access_tokens)
    .where(_IS_LISTED, access_tokens.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
    .returning(access_tokens.c.token_id)
)

_CODE_WIDTH = len(_CODE_COLUMNS)
_REFRESH_WIDTH = len(_REFRESH_COLUMNS)


class SqlTokens(Family):
    """`tokenward.store.port.Tokens`."""

    async def add_access_token(self, token: AccessToken) -> None:
        await self._database.insert(_ADD_ACCESS, access_row(token))

    async def add_grant(
        self,
        grant: Grant,
        code: AuthorizationCode,
        *,
        as_remembered: bool = False,
        answers: str | None = None,
        session_id: str | None = None,
    ) -> bool:
        grant_values = grant_row(grant)
        code_values = code_row(code)

        allowed = {"user": grant.user_id, "client": grant.client_id, "at_audience": grant.audience}

        def unit(cursor: Cursor) -> bool:
            if as_remembered:
                hold(cursor, grant.user_id)  # as whoever withdraws does, who then sees the grant
                given = {scope for (scope,) in cursor.all(_REMEMBERED, allowed)}
                if not given or not given.issuperset(grant.scope):
                    return False
            if session_id is not None and not hold_session(cursor, session_id):
                return False
            if answers is not None and not take_pushed_request(cursor, answers):
                return False
            sid = grant.sid if session_id is None else sid_in(cursor, session_id, grant)
            cursor.run(ADD_GRANT, {**grant_values, "sid": sid})
            cursor.run(_ADD_CODE, code_values)
            return True

        return await self._database.write(unit)

    async def grant(self, grant_id: str) -> Grant | None:
        row = await self._database.read(lambda cursor: cursor.one(_GRANT, {"grant": grant_id}))
        return read_grant(row) if row else None

    async def code(self, token_id: str) -> CodeState | None:
        row = await self._database.read(lambda cursor: cursor.one(_CODE, {"token": token_id}))
        if row is None:
            return None
        code = AuthorizationCode(*with_confirmation(row[:_CODE_WIDTH]))
        return CodeState(code, read_grant(row[_CODE_WIDTH:-2]), bool(row[-2]), bool(row[-1]))

    async def redeem_code(
        self, token_id: str, access: AccessToken, refresh: RefreshToken | None, *, at: float
    ) -> Consumption:
        named = {"token": token_id, "at": at}
        return await self._database.write(redeeming(_CONSUME_CODE, _CONSUMED_CODE, named, access, refresh))

    async def refresh_token(self, token_id: str) -> RefreshState | None:
        row = await self._database.read(lambda cursor: cursor.one(_REFRESH, {"token": token_id}))
        if row is None:
            return None
        token = RefreshToken(*with_confirmation(row[:_REFRESH_WIDTH]))
        return RefreshState(token, read_grant(row[_REFRESH_WIDTH:-2]), bool(row[-2]), bool(row[-1]))

    async def rotate_refresh_token(
        self,
        token_id: str,
        access: AccessToken,
        successor: RefreshToken,
        *,
        sealed_response: bytes,
        at: float,
    ) -> Consumption:
        access_values = access_row(access)
        successor_values = refresh_row(successor, predecessor=token_id)

        def unit(cursor: Cursor) -> Consumption:
            consumed = cursor.one(_CONSUME_REFRESH, {"token": token_id, "at": at, "sealed": sealed_response})
            if consumed is None:
                used = cursor.one(_CONSUMED_REFRESH, {"token": token_id})
                return Consumption.ALREADY_CONSUMED if used else Consumption.REVOKED_OR_EXPIRED
            if consumed[0] is not None:
                cursor.run(_ERASE_RESPONSE, {"token": consumed[0]})
            cursor.run(_ADD_ACCESS, access_values)
            cursor.run(_ADD_REFRESH, successor_values)
            return Consumption.WON

        return await self._database.write(unit)

    async def use_refresh_token(
        self, token_id: str, access: AccessToken, *, expires_at: float, at: float
    ) -> Consumption:
        access_values = access_row(access)

        def unit(cursor: Cursor) -> Consumption:
            if cursor.one(_USE_REFRESH, {"token": token_id, "at": at, "idle_until": expires_at}) is None:
                used = cursor.one(_CONSUMED_REFRESH, {"token": token_id})
                return Consumption.ALREADY_CONSUMED if used else Consumption.REVOKED_OR_EXPIRED
            cursor.run(_ADD_ACCESS, access_values)
            return Consumption.WON

        return await self._database.write(unit)

    async def lost_response(self, token_id: str, *, consumed_after: float) -> bytes | None:
        key = {"token": token_id, "after": consumed_after}
        row = await self._database.read(lambda cursor: cursor.one(_LOST_RESPONSE, key))
        return row[0] if row else None

    async def access_token(self, token_id: str) -> AccessTokenState | None:
        def unit(cursor: Cursor) -> AccessTokenState | None:
            row = cursor.one(_ACCESS, {"token": token_id})
            if row is None:
                return None
            token = read_access(row[:-1])
            # Several looks, each later than the one before: what is dead stays dead, so that none can be
            # found alive which was dead when we began.
            ends = [_end(cursor, each) for each in token.ancestors]
            dead = bool(row[-1]) or None in ends
            end = min([token.expires_at, *(end for end in ends if end is not None)])
            return AccessTokenState(
                token if end == token.expires_at else replace(token, expires_at=end), dead
            )

        return await self._database.read(unit)

    async def revoke_token(self, token_id: str, at: float) -> bool:
        return await self._database.write(lambda cursor: end_token(cursor, token_id, at))

    async def access_token_hashes(self, token_ids: Sequence[str]) -> dict[str, bytes]:
        if not (names := _list_names(_distinct(token_ids))):
            return {}
        return dict(await self._database.read(lambda cursor: cursor.all(_HASHES_OF_LIST, names)))

    async def revoke_tokens(self, token_ids: Sequence[str], at: float) -> RevokedTokens:
        listed = _distinct(token_ids)
        if not (names := _list_names(listed)):
            return RevokedTokens(unknown=len(listed))

        def unit(cursor: Cursor) -> RevokedTokens:
            revoked = [row[0] for row in cursor.all(_REVOKE_LIST, {**names, "at": at})]
            if revoked:
                record_each(cursor, "token", sorted(revoked), at=at)
            found = cursor.one(_KNOWN_OF_LIST, names)
            there = found[0] if found else 0
            return RevokedTokens(len(revoked), there - len(revoked), len(listed) - there)

        return await self._database.write(unit)

    async def revoke_grant(self, grant_id: str, at: float) -> bool:
        return await self._database.write(lambda cursor: end_grant(cursor, grant_id, at))

    async def revoke_issued_to_client(self, client_id: str, *, before: float, at: float) -> None:
        await self._database.write(lambda cursor: cut_off(cursor, "client", client_id, before=before, at=at))

    async def revoke_issued_for_user(self, user_id: str, *, before: float, at: float) -> None:
        await self._database.write(lambda cursor: cut_off(cursor, "user", user_id, before=before, at=at))

    async def revoke_all_issued(self, *, before: float, at: float) -> None:
        await self._database.write(lambda cursor: cut_off(cursor, "all", "", before=before, at=at))


def _distinct(token_ids: Sequence[str]) -> list[str]:
    listed = list(dict.fromkeys(token_ids))
    if len(listed) > REVOKED_AT_ONCE:
        raise ValueError(f"at most {REVOKED_AT_ONCE} tokens are named at once")
    return listed


def _list_names(listed: Sequence[str]) -> dict[str, str]:
    """The parameters of `_IS_LISTED`; none where no database need be troubled with what is no token_id."""
    known = [each for each in listed if token_id_of(each) is not None]
    return dict.fromkeys(_NAMES, known[0]) | dict(zip(_NAMES, known, strict=False)) if known else {}


def _end(cursor: Cursor, ancestor: str) -> float | None:
    """The moment at which what was exchanged for it ends with it; None if it was revoked, or is gone.

    Only that of an API key can have come nearer since: by rotation.
    """
    is_key = ancestor.startswith(API_KEY_CLIENT)
    row = cursor.one(_KEY if is_key else _ACCESS, {"token": ancestor.removeprefix(API_KEY_CLIENT)})
    if row is None or row[-1]:
        return None
    return row[0] if is_key else inf


def redeeming(
    consume: Statement,
    consumed: Statement,
    named: Parameters,
    access: AccessToken,
    refresh: RefreshToken | None,
) -> Callable[[Cursor], Consumption]:
    """The unit that consumes a code and inserts what it gives, or revokes what it gave before.

    Args:
        consume: a statement of `consuming`.
        consumed: gives the grant_id of the same code if it was consumed.
        named: the parameters of both.
        access: what follows.
        refresh: likewise, or None.
    """
    access_values = access_row(access)
    refresh_values = refresh_row(refresh, predecessor=None) if refresh else None

    def unit(cursor: Cursor) -> Consumption:
        if cursor.one(consume, named) is None:
            used = cursor.one(consumed, named)
            if used is None:
                return Consumption.REVOKED_OR_EXPIRED
            end_grant(cursor, used[0], named["at"])
            return Consumption.ALREADY_CONSUMED
        cursor.run(_ADD_ACCESS, access_values)
        if refresh_values:
            cursor.run(_ADD_REFRESH, refresh_values)
        return Consumption.WON

    return unit


def end_token(cursor: Cursor, token_id: str, at: float) -> bool:
    """Revoke an access token, and tell it; False if it is unknown or was revoked before."""
    if cursor.one(_REVOKE_ACCESS, {"token": token_id, "at": at}) is None:
        return False
    record(cursor, "token", token_id, at=at)
    return True


def end_grant(cursor: Cursor, grant_id: str, at: float) -> bool:
    """Revoke a grant, and tell it; False if it is unknown or was revoked before."""
    if cursor.one(_REVOKE_GRANT, {"grant": grant_id, "at": at}) is None:
        return False
    record(cursor, "grant", grant_id, at=at)
    return True
