"""How things end: cutoffs, and the feed entry that every revocation writes in its own transaction."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import ColumnElement, bindparam

from tokenward.store.records import RevokedBy
from tokenward.store.sql.database import Cursor
from tokenward.store.sql.schema import cutoffs, feed, feed_head
from tokenward.store.sql.statements import insert_into

_NEXT_SEQS = (
    sa.update(feed_head)
    .where(feed_head.c.id == sa.literal_column("1"))
    .values(seq=feed_head.c.seq + bindparam("count", type_=sa.Integer))
    .returning(feed_head.c.seq)
)
_ADD_EVENT = insert_into(feed)

_cutoff = insert_into(cutoffs)
_SET_CUTOFF = _cutoff.on_conflict_do_update(
    index_elements=[cutoffs.c.kind, cutoffs.c.subject],
    set_={"before": _cutoff.excluded.before},
    where=_cutoff.excluded.before > cutoffs.c.before,  # never back in time
)

_REVIVE = (
    sa.update(cutoffs)
    .where(
        cutoffs.c.kind == bindparam("kind"),
        cutoffs.c.subject == bindparam("subject"),
        cutoffs.c.before > bindparam("until"),
    )
    .values(before=bindparam("until"))
)


def record(cursor: Cursor, revoked: RevokedBy, subject: str, *, before: float = 0.0, at: float) -> None:
    """Add a feed entry."""
    record_each(cursor, revoked, [subject], before=before, at=at)


def record_each(
    cursor: Cursor, revoked: RevokedBy, subjects: Sequence[str], *, before: float = 0.0, at: float
) -> None:
    """Add a feed entry for each subject.

    The update locks the one row of `feed_head` until the transaction ends, so sequence numbers are committed
    in their order: whoever has seen one has missed none below it.
    """
    head = cursor.one(_NEXT_SEQS, {"count": len(subjects)})
    if head is None:
        raise RuntimeError("feed_head has lost its row")
    first = head[0] - len(subjects) + 1
    same = {"revoked": revoked, "before": before, "at": at}
    cursor.run_many(
        _ADD_EVENT, [{**same, "seq": seq, "subject": subject} for seq, subject in enumerate(subjects, first)]
    )
    cursor.announce()


def cut_off(cursor: Cursor, revoked: RevokedBy, subject: str, *, before: float, at: float) -> None:
    """End all that the subject was issued at or before that moment, and record it."""
    cursor.run(_SET_CUTOFF, {"kind": revoked, "subject": subject, "before": before})
    record(cursor, revoked, subject, before=before, at=at)


def is_cut_off(
    client_id: ColumnElement[str], user_id: ColumnElement[str], issued_at: ColumnElement[float]
) -> ColumnElement[bool]:
    """The condition that a cutoff covers what this client was issued, for this person, at that moment.

    Three lookups by key, whatever the number of tokens or cutoffs.
    """
    by: list[tuple[str, ColumnElement[str]]] = [
        ("'client'", client_id),
        ("'user'", user_id),
        ("'all'", sa.literal_column("''")),
    ]
    key = cutoffs.c
    subjects = [sa.and_(key.kind == sa.literal_column(kind), key.subject == subject) for kind, subject in by]
    return sa.exists().where(sa.or_(*subjects), key.before >= issued_at)


def revive(cursor: Cursor, revoked: RevokedBy, subject: str, *, until: float) -> None:
    """Let what the subject is issued after that moment live, where a cutoff without end was on it."""
    cursor.run(_REVIVE, {"kind": revoked, "subject": subject, "until": until})
