"""How much would end with a leaked credential: what a person wants to know before they say yes."""

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy import ColumnElement, bindparam

from tokenward.store.leak_records import Leaked, LeakKind, Reach
from tokenward.store.records import API_KEY_CLIENT
from tokenward.store.sql.database import Cursor
from tokenward.store.sql.revoking import is_cut_off
from tokenward.store.sql.schema import access_tokens, grants, sessions
from tokenward.store.sql.statements import Statement

_AT: ColumnElement[float] = bindparam("at", type_=sa.Double)


def _tokens(*conditions: ColumnElement[bool]) -> Statement:
    """Live access tokens; what was exchanged for one of them is not followed."""
    cut = is_cut_off(
        access_tokens.c.client_id,
        access_tokens.c.user_id,
        sa.func.coalesce(grants.c.created_at, access_tokens.c.issued_at),
    )
    return (
        sa.select(sa.func.count())
        .select_from(access_tokens.outerjoin(grants, grants.c.grant_id == access_tokens.c.grant_id))
        .where(
            access_tokens.c.expires_at > _AT,
            access_tokens.c.revoked_at.is_(None),
            grants.c.revoked_at.is_(None),
            sa.not_(cut),
            *conditions,
        )
    )


def _grants(*conditions: ColumnElement[bool]) -> Statement:
    return (
        sa.select(sa.func.count())
        .select_from(grants)
        .where(
            grants.c.expires_at > _AT,
            grants.c.revoked_at.is_(None),
            sa.not_(is_cut_off(grants.c.client_id, grants.c.user_id, grants.c.created_at)),
            *conditions,
        )
    )


_subject = bindparam("subject", type_=sa.Text)
_TOKEN_OR_GRANT = _tokens(
    sa.or_(access_tokens.c.token_id == _subject, access_tokens.c.grant_id == bindparam("grant"))
)
_GRANT = _grants(grants.c.grant_id == bindparam("grant"))
_OF_CLIENT = _tokens(access_tokens.c.client_id == bindparam("client"))
_GRANTS_OF_CLIENT = _grants(grants.c.client_id == bindparam("client"))
_FOR_USER = _tokens(access_tokens.c.user_id == bindparam("user"))
_GRANTS_OF_USER = _grants(grants.c.user_id == bindparam("user"))
_SESSIONS = (
    sa.select(sa.func.count())
    .select_from(sessions)
    .where(sessions.c.user_id == bindparam("user"), sessions.c.expires_at > _AT)
)


def reach(cursor: Cursor, leaked: Leaked, at: float) -> Reach:
    """What lives and would end with it."""
    look = _REACHES.get(leaked.kind)
    return Reach() if look is None else look(cursor, leaked, at)


def _of_family(cursor: Cursor, leaked: Leaked, at: float) -> Reach:
    named = {"subject": leaked.subject, "grant": leaked.grant_id or "", "at": at}
    return Reach(
        _count(cursor, _TOKEN_OR_GRANT, named),
        _count(cursor, _GRANT, {"grant": leaked.grant_id or "", "at": at}),
    )


def _of_client(cursor: Cursor, leaked: Leaked, at: float) -> Reach:
    named = {"client": leaked.client_id or "", "at": at}
    return Reach(_count(cursor, _OF_CLIENT, named), _count(cursor, _GRANTS_OF_CLIENT, named))


def _of_key(cursor: Cursor, leaked: Leaked, at: float) -> Reach:
    return Reach(_count(cursor, _OF_CLIENT, {"client": API_KEY_CLIENT + leaked.subject, "at": at}))


def _of_person(cursor: Cursor, leaked: Leaked, at: float) -> Reach:
    named = {"user": leaked.user_id or "", "at": at}
    return Reach(
        _count(cursor, _FOR_USER, named),
        _count(cursor, _GRANTS_OF_USER, named),
        _count(cursor, _SESSIONS, named),
    )


def _count(cursor: Cursor, statement: Statement, named: dict[str, object]) -> int:
    row = cursor.one(statement, named)
    return row[0] if row else 0


_REACHES: dict[LeakKind, Callable[[Cursor, Leaked, float], Reach]] = {
    "access_token": _of_family,
    "refresh_token": _of_family,
    "authorization_code": _of_family,
    "device_code": _of_family,
    "api_key": _of_key,
    "client_secret": _of_client,
    "session": _of_person,
}
