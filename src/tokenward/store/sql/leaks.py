"""Incidents: a report is noted, the credential ended and the feed told in one unit.

The first statement of a unit holds the incident's row, so that of two reports of one credential the second
finds what the first has done.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, replace
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy import bindparam

from tokenward.store.leak_records import (
    EVIDENCE_KEPT,
    Ending,
    Evidence,
    Incident,
    IncidentState,
    Leaked,
    LeakKind,
    Reach,
    Recorded,
    Seen,
    Taken,
    Untold,
)
from tokenward.store.sql.api_keys import end_api_key
from tokenward.store.sql.clients import end_client_secret
from tokenward.store.sql.database import Cursor
from tokenward.store.sql.device_codes import deny_device
from tokenward.store.sql.factors import void_link
from tokenward.store.sql.family import Family
from tokenward.store.sql.leak_reach import reach
from tokenward.store.sql.registrations import end_initial_token, end_registration_token
from tokenward.store.sql.revoking import cut_off
from tokenward.store.sql.schema import join_words, leak_actions, leak_evidence, leak_incidents, split_words
from tokenward.store.sql.sessions import end_sessions
from tokenward.store.sql.statements import Parameters, Row, insert_into
from tokenward.store.sql.tokens import end_grant, end_token

_LEAKED = tuple(Leaked.__dataclass_fields__)
_REST = tuple(name for name in Incident.__dataclass_fields__ if name not in ("incident_id", "leaked"))
_COLUMNS = [leak_incidents.c[name] for name in ("incident_id", *_LEAKED, *_REST)]

_report = insert_into(leak_incidents, "incident_id", *_LEAKED, *_REST, "tell_at")
_REPORT = _report.on_conflict_do_update(
    index_elements=[leak_incidents.c.kind, leak_incidents.c.subject],
    set_={"reports": leak_incidents.c.reports + sa.literal_column("1")},
).returning(*_COLUMNS)
_ONE = sa.select(*_COLUMNS).where(leak_incidents.c.incident_id == bindparam("incident"))
_HOLD = _ONE.with_for_update()
_NEWEST = (leak_incidents.c.reported_at.desc(), leak_incidents.c.incident_id.desc())
_SOME = sa.select(*_COLUMNS).order_by(*_NEWEST).limit(bindparam("limit", type_=sa.Integer))
_IN_STATE = _SOME.where(leak_incidents.c.state == bindparam("state"))
_DUE = (
    sa.select(*_COLUMNS)
    .where(leak_incidents.c.due_at.is_not(None), leak_incidents.c.due_at <= bindparam("at"))
    .order_by(leak_incidents.c.due_at)
)
_MOVING = ("state", "action", "responded_at", "due_at", "closed_at", "note")
_MOVE = (
    sa.update(leak_incidents)
    .where(leak_incidents.c.incident_id == bindparam("incident"))
    .values({name: bindparam(name) for name in (*_MOVING, "tell_at")})
    .values(tells=sa.literal_column("0"), told=sa.literal_column("''"))
)
_CLOSE = (
    sa.update(leak_incidents)
    .where(
        leak_incidents.c.incident_id == bindparam("incident"),
        leak_incidents.c.state != sa.literal_column("'closed'"),
    )
    .values(state="closed", closed_at=bindparam("at"), note=bindparam("words"))
    .returning(leak_incidents.c.incident_id)
)

_UNTOLD = (
    sa.select(*_COLUMNS, leak_incidents.c.tells)
    .where(leak_incidents.c.tell_at.is_not(None), leak_incidents.c.tell_at <= bindparam("at"))
    .order_by(leak_incidents.c.tell_at)
    .limit(bindparam("limit", type_=sa.Integer))
)
_CLAIM = (
    sa.update(leak_incidents)
    .where(leak_incidents.c.incident_id == bindparam("incident"), leak_incidents.c.tell_at <= bindparam("at"))
    .values(
        tell_at=bindparam("again", type_=sa.Double), tells=leak_incidents.c.tells + sa.literal_column("1")
    )
    .returning(leak_incidents.c.told)
)
_TOLD = (
    sa.update(leak_incidents)
    .where(
        leak_incidents.c.incident_id == bindparam("incident"), leak_incidents.c.tell_at == bindparam("again")
    )
    .values(told=bindparam("by_now"), tell_at=bindparam("next", type_=sa.Double))
)

_ADD_EVIDENCE = insert_into(leak_evidence).on_conflict_do_nothing()
_PLACES = sa.select(sa.func.count()).where(leak_evidence.c.incident_id == bindparam("incident"))
_EVIDENCE = (
    sa.select(*(leak_evidence.c[name] for name in Evidence.__dataclass_fields__), leak_evidence.c.reported_at)
    .where(leak_evidence.c.incident_id == bindparam("incident"))
    .order_by(leak_evidence.c.reported_at, leak_evidence.c.place)
)
_ADD_ACTION = insert_into(leak_actions)
_DONE = sa.select(sa.func.count()).where(leak_actions.c.incident_id == bindparam("incident"))
_ACTIONS = (
    sa.select(leak_actions.c.at, leak_actions.c.what)
    .where(leak_actions.c.incident_id == bindparam("incident"))
    .order_by(leak_actions.c.number)
)


T = TypeVar("T")


class SqlLeaks(Family):
    """`tokenward.store.leak_port.Leaks`."""

    async def record_leak(
        self, incident_id: str, leaked: Leaked, evidence: Evidence, ending: Ending, *, at: float
    ) -> Recorded:
        fresh = Incident(incident_id, leaked, at, evidence.reporter, 1, "open", ending.action)
        if ending.action == "none":
            fresh = replace(fresh, state="closed", closed_at=at, note="it was over when it was reported")
        told = {"tell_at": None if ending.action == "none" else at}
        row = {"incident_id": incident_id, **_fields(leaked, _LEAKED), **_fields(fresh, _REST), **told}
        seen = _evidence_row(evidence, at)

        def unit(cursor: Cursor) -> Recorded:
            found = cursor.one(_REPORT, row)
            if found is None:
                raise RuntimeError("an upsert gave no row")
            incident = _incident(found)
            here = {"incident": incident.incident_id}
            places = cursor.one(_PLACES, here)
            if places is not None and places[0] < EVIDENCE_KEPT:
                cursor.run(_ADD_EVIDENCE, {**seen, "incident_id": incident.incident_id})
            now, ended = _responded(cursor, incident, ending, at)
            return Recorded(now, incident.incident_id == incident_id, ended)

        return await self._ending(unit)

    async def respond_to_incident(self, incident_id: str, ending: Ending, *, at: float) -> Incident | None:
        def unit(cursor: Cursor) -> Incident | None:
            row = cursor.one(_HOLD, {"incident": incident_id})
            return None if row is None else _responded(cursor, _incident(row), ending, at)[0]

        return await self._ending(unit)

    async def mark_responded(self, incident_id: str, done: Sequence[str], *, at: float) -> bool:
        def unit(cursor: Cursor) -> bool:
            row = cursor.one(_HOLD, {"incident": incident_id})
            if row is None or (incident := _incident(row)).responded_at is not None:
                return False
            _note(cursor, incident_id, done, at)
            _move(cursor, replace(incident, state="responded", action="revoke", responded_at=at), at)
            return True

        return await self._database.write(unit)

    async def leak_reach(self, leaked: Leaked, *, at: float) -> Reach:
        return await self._database.read(lambda cursor: reach(cursor, leaked, at), apart=True)

    def on_ended(self) -> None:
        """Told after a credential may have been ended, for who remembers any."""

    async def _ending(self, unit: Callable[[Cursor], T]) -> T:
        try:
            return await self._database.write(unit)
        finally:
            self.on_ended()

    async def finish_incident(self, incident_id: str, *, at: float) -> bool:
        def unit(cursor: Cursor) -> bool:
            row = cursor.one(_HOLD, {"incident": incident_id})
            if row is None:
                return False
            incident = _incident(row)
            if incident.due_at is None or incident.due_at > at:
                return False
            done = list(_end_of_client(cursor, incident.leaked, Ending("revoke"), at))
            _note(cursor, incident.incident_id, done, at)
            _move(cursor, replace(incident, due_at=None), at)
            return True

        return await self._database.write(unit)

    async def due_incidents(self, *, at: float) -> list[Incident]:
        rows = await self._database.read(lambda cursor: cursor.all(_DUE, {"at": at}))
        return [_incident(row) for row in rows]

    async def close_incident(self, incident_id: str, note: str, *, at: float) -> bool:
        order = {"incident": incident_id, "words": note, "at": at}
        return await self._database.write(lambda cursor: cursor.one(_CLOSE, order)) is not None

    async def incident(self, incident_id: str) -> Incident | None:
        row = await self._database.read(lambda cursor: cursor.one(_ONE, {"incident": incident_id}))
        return None if row is None else _incident(row)

    async def incidents(self, *, state: IncidentState | None = None, limit: int) -> list[Incident]:
        statement, wanted = (_SOME, {}) if state is None else (_IN_STATE, {"state": state})
        rows = await self._database.read(lambda cursor: cursor.all(statement, {**wanted, "limit": limit}))
        return [_incident(row) for row in rows]

    async def incident_evidence(self, incident_id: str) -> list[Seen]:
        rows = await self._database.read(lambda cursor: cursor.all(_EVIDENCE, {"incident": incident_id}))
        return [Seen(Evidence(*told), reported_at) for *told, reported_at in rows]

    async def incident_actions(self, incident_id: str) -> list[Taken]:
        rows = await self._database.read(lambda cursor: cursor.all(_ACTIONS, {"incident": incident_id}))
        return [Taken(*row) for row in rows]

    async def incidents_to_tell(self, *, at: float, limit: int) -> list[Untold]:
        when = {"at": at, "limit": limit}
        rows = await self._database.read(lambda cursor: cursor.all(_UNTOLD, when))
        return [Untold(_incident(row[:-1]), row[-1]) for row in rows]

    async def claim_incident_telling(
        self, incident_id: str, *, at: float, again_at: float | None
    ) -> tuple[str, ...] | None:
        claim = {"incident": incident_id, "at": at, "again": again_at}
        row = await self._database.write(lambda cursor: cursor.one(_CLAIM, claim))
        return None if row is None else split_words(row[0])

    async def incident_told(
        self, incident_id: str, by_now: Sequence[str], *, again_at: float | None, whole: bool
    ) -> None:
        if again_at is not None:
            told = {"incident": incident_id, "again": again_at, "by_now": join_words(tuple(by_now))}
            told["next"] = None if whole else again_at
            await self._database.write(lambda cursor: cursor.run(_TOLD, told))


def _responded(cursor: Cursor, incident: Incident, ending: Ending, at: float) -> tuple[Incident, bool]:
    """The incident after its credential was ended, and whether that was done now."""
    if ending.action != "revoke" or incident.responded_at is not None:
        return incident, False
    done = list(_ENDINGS[incident.leaked.kind](cursor, incident.leaked, ending, at))
    if not done:
        return incident, False
    graced = incident.leaked.kind == "client_secret" and ending.grace > 0
    now = replace(
        incident,
        state="responded",
        action="revoke",
        responded_at=at,
        due_at=at + ending.grace if graced else None,
        closed_at=None,
        note="",
    )
    _note(cursor, incident.incident_id, done, at)
    _move(cursor, now, at)
    return now, True


def _move(cursor: Cursor, incident: Incident, at: float) -> None:
    """Note how far it is; owners are to be told."""
    cursor.run(_MOVE, {"incident": incident.incident_id, **_fields(incident, _MOVING), "tell_at": at})


def _note(cursor: Cursor, incident_id: str, done: Sequence[str], at: float) -> None:
    before = cursor.one(_DONE, {"incident": incident_id})
    first = before[0] if before else 0
    rows = [
        {"incident_id": incident_id, "number": number, "at": at, "what": what}
        for number, what in enumerate(done, first)
    ]
    cursor.run_many(_ADD_ACTION, rows)


# What ends with each kind, told as it is done. Where nothing ended, nothing is told.
End = Callable[[Cursor, Leaked, Ending, float], Iterator[str]]


def _end_access_token(cursor: Cursor, leaked: Leaked, ending: Ending, at: float) -> Iterator[str]:
    if end_token(cursor, leaked.subject, at):
        yield f"revoked access token {leaked.subject}"
    yield from _end_family(cursor, leaked, ending, at)


def _end_family(cursor: Cursor, leaked: Leaked, _ending: Ending, at: float) -> Iterator[str]:
    if leaked.grant_id is not None and end_grant(cursor, leaked.grant_id, at):
        yield f"revoked grant {leaked.grant_id} and all that follows from it"


def _end_device_code(cursor: Cursor, leaked: Leaked, ending: Ending, at: float) -> Iterator[str]:
    if deny_device(cursor, leaked.subject, at):
        yield f"denied the device that waits by device code {leaked.subject}"
    yield from _end_family(cursor, leaked, ending, at)


def _end_key(cursor: Cursor, leaked: Leaked, _ending: Ending, at: float) -> Iterator[str]:
    if end_api_key(cursor, leaked.subject, at):
        yield f"revoked API key {leaked.subject} and all that was exchanged for it"


def _end_secret(cursor: Cursor, leaked: Leaked, ending: Ending, at: float) -> Iterator[str]:
    if end_client_secret(cursor, leaked.subject, at + ending.grace):
        yield f"ended client secret {leaked.subject}" + (
            f", in {ending.grace:.0f} s as its owner had asked for" if ending.grace else ""
        )
    yield from _end_of_client(cursor, leaked, ending, at)


def _end_of_client(cursor: Cursor, leaked: Leaked, ending: Ending, at: float) -> Iterator[str]:
    """All that the client was issued: nobody can tell what the owner got from what a thief did."""
    client_id = leaked.client_id or ""
    cut_off(cursor, "client", client_id, before=at + ending.settled, at=at)
    yield f"revoked all that client {client_id} was issued"


def _end_sign_ins(cursor: Cursor, leaked: Leaked, _ending: Ending, at: float) -> Iterator[str]:
    user_id = leaked.user_id or ""
    count = end_sessions(cursor, user_id)
    cut_off(cursor, "user", user_id, before=at, at=at)
    yield f"ended {count} sign-ins of person {user_id}, and revoked all that acts for them"


def _end_link(cursor: Cursor, leaked: Leaked, _ending: Ending, _at: float) -> Iterator[str]:
    if void_link(cursor, leaked.subject):
        yield f"voided sign-in link {leaked.subject}"


def _uninvite(cursor: Cursor, leaked: Leaked, _ending: Ending, _at: float) -> Iterator[str]:
    if end_initial_token(cursor, leaked.subject):
        yield f"ended initial access token {leaked.subject}, by which no client registers any more"


def _end_registration(cursor: Cursor, leaked: Leaked, _ending: Ending, _at: float) -> Iterator[str]:
    client_id = leaked.client_id or ""
    if end_registration_token(cursor, client_id, leaked.subject):
        yield f"ended registration access token {leaked.subject} of client {client_id}, which goes on"


def _end_nothing(_cursor: Cursor, _leaked: Leaked, _ending: Ending, _at: float) -> Iterator[str]:
    """What no row of a table can end."""
    return iter(())


_ENDINGS: dict[LeakKind, End] = {
    "access_token": _end_access_token,
    "refresh_token": _end_family,
    "authorization_code": _end_family,
    "device_code": _end_device_code,
    "api_key": _end_key,
    "client_secret": _end_secret,
    "session": _end_sign_ins,
    "sign_in_link": _end_link,
    "initial_access_token": _uninvite,
    "registration_access_token": _end_registration,
    "admin_token": _end_nothing,
    "signing_key": _end_nothing,
}


def _fields(record: object, names: tuple[str, ...]) -> dict[str, object]:
    return {name: getattr(record, name) for name in names}


def _incident(row: Row) -> Incident:
    width = len(_LEAKED)
    return Incident(row[0], Leaked(*row[1 : 1 + width]), *row[1 + width :])


def _evidence_row(evidence: Evidence, at: float) -> Parameters:
    place = hashlib.sha256(json.dumps(astuple(evidence)).encode()).digest()
    return {**_fields(evidence, tuple(Evidence.__dataclass_fields__)), "place": place, "reported_at": at}
