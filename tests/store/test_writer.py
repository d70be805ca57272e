"""The writer by itself, over a connection that obeys the test."""

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.store.port import AlreadyExists, StoreUnavailable
from tokenward.store.sql.database import Collision, ConnectionLost
from tokenward.store.sql.schema import join_words, split_words
from tokenward.store.sql.statements import ROWS
from tokenward.store.sql.writer import Writer, savepoint


class ScriptedConnection:
    """Notes what is done to it; `troubles` are raised at COMMIT, one each time."""

    def __init__(self, log, troubles=()):
        self.log = log
        self.troubles = list(troubles)
        self.cursor = self

    def begin(self):
        self.log.append("BEGIN")

    def savepoint(self):
        return savepoint(lambda sql: self.log.append("back") if sql.startswith("ROLLBACK") else None)

    def commit(self):
        if self.troubles:
            raise self.troubles.pop(0)
        self.log.append("COMMIT")

    def rollback(self):
        self.log.append("ROLLBACK")

    def close(self):
        self.log.append("close")

    def run(self, statement, row):
        self.log.append(("one", row))
        if row == "taken":
            raise AlreadyExists

    def insert_alone(self, statement, rows):
        self.log.append(("alone", list(rows)))
        if "taken" in rows:
            raise AlreadyExists
        if "too much" in rows:
            raise StoreUnavailable("disk full")

    def run_many(self, statement, rows):
        self.log.append(("many", list(rows)))
        if "taken" in rows:
            raise AlreadyExists


def writing(body):
    """What was done and answered for all that `body(writer)` queues while the writer is busy."""
    log = []

    async def run():
        writer = Writer(lambda: ScriptedConnection(log), name="test")
        held = threading.Event()
        holding = asyncio.create_task(writer.write(lambda _cursor: held.wait(5)))
        await asyncio.sleep(0.02)
        tasks = [asyncio.ensure_future(each) for each in body(writer)]
        await asyncio.sleep(0.02)
        held.set()
        results = await asyncio.gather(holding, *tasks, return_exceptions=True)
        await writer.close()
        return results[1:]

    return log, asyncio.run(run())


def unit(result):
    return lambda _cursor: result


def failing(_cursor):
    raise LookupError("the unit's own")


def test_units_that_wait_together_share_a_transaction():
    log, results = writing(lambda writer: [writer.write(unit(n)) for n in range(10)])
    assert results == list(range(10))
    assert log == ["BEGIN", "COMMIT"] * 2 + ["close"]


def test_what_one_turn_of_the_loop_brings_shares_a_transaction_though_the_writer_is_idle():
    log = []

    async def run():
        writer = Writer(lambda: ScriptedConnection(log), name="test")
        await asyncio.gather(*(writer.write(unit(n)) for n in range(50)))
        await writer.close()

    asyncio.run(run())
    assert log == ["BEGIN", "COMMIT", "close"]


def test_what_was_accepted_before_the_end_is_done():
    log = []

    async def run():
        writer = Writer(lambda: ScriptedConnection(log), name="test")
        writing = asyncio.ensure_future(writer.write(unit("done")))
        closing = asyncio.ensure_future(writer.close())
        assert await asyncio.wait_for(writing, 10) == "done"
        await closing
        with pytest.raises(StoreUnavailable, match="closed"):
            await writer.write(unit("too late"))

    asyncio.run(run())


def test_a_batch_is_bounded():
    log, results = writing(lambda writer: [writer.write(unit(n)) for n in range(600)])
    assert results == list(range(600))
    assert log.count("COMMIT") == 1 + 3


def test_a_failing_unit_rolls_back_alone():
    log, results = writing(lambda writer: [writer.write(each) for each in (unit(1), failing, unit(2))])
    assert [results[0], type(results[1]), results[2]] == [1, LookupError, 2]
    assert log == ["BEGIN", "COMMIT", "BEGIN", "ROLLBACK", "BEGIN", "back", "COMMIT", "close"]


def test_rows_for_one_table_are_inserted_by_one_statement_which_is_the_transaction():
    log, _ = writing(lambda writer: [writer.insert("table", row) for row in "abc"])
    assert log[2:] == [("alone", ["a", "b", "c"]), "close"]


def test_rows_that_are_not_alone_share_a_transaction_with_the_others():
    log, _ = writing(
        lambda writer: [*(writer.insert("table", row) for row in "ab"), writer.insert("other", "c")]
    )
    assert log[2:] == ["BEGIN", ("many", ["a", "b"]), ("many", ["c"]), "COMMIT", "close"]
    log, _ = writing(lambda writer: [writer.insert("table", "a"), writer.write(unit(1))])
    assert log[2:] == ["BEGIN", ("many", ["a"]), "COMMIT", "close"]


def test_more_rows_than_one_statement_takes_share_a_transaction():
    log, _ = writing(lambda writer: [writer.insert("table", row) for row in range(ROWS + 1)])
    assert log[2:] == ["BEGIN", ("many", list(range(ROWS + 1))), "COMMIT", "close"]


def test_nobody_is_told_that_a_row_alone_is_written_when_it_is_not():
    log, results = writing(lambda writer: [writer.insert("table", row) for row in ("a", "too much")])
    assert [str(result) for result in results] == ["disk full"] * 2
    assert log[2:] == [("alone", ["a", "too much"]), "close"]


def test_rows_are_inserted_one_by_one_where_one_is_taken():
    log, results = writing(lambda writer: [writer.insert("table", row) for row in ("a", "taken", "c")])
    assert [type(result) for result in results] == [type(None), AlreadyExists, type(None)]
    assert log[2:] == [
        ("alone", ["a", "taken", "c"]),
        "BEGIN",
        ("many", ["a", "taken", "c"]),
        "ROLLBACK",
        "BEGIN",
        ("one", "a"),
        ("one", "taken"),
        "back",
        ("one", "c"),
        "COMMIT",
        "close",
    ]


def test_an_unavailable_store_fails_the_whole_batch():
    def full(_cursor):
        raise StoreUnavailable("disk full")

    log, results = writing(lambda writer: [writer.write(each) for each in (unit(1), full, unit(2))])
    assert [str(result) for result in results] == ["disk full"] * 3
    assert log[2:] == ["BEGIN", "ROLLBACK", "close"]


def test_after_a_collision_each_unit_has_its_own_transaction():
    collided = []

    def colliding(_cursor):
        if not collided:
            collided.append(1)
            raise Collision
        return "done"

    log, results = writing(lambda writer: [writer.write(each) for each in (unit(1), colliding)])
    assert results == [1, "done"]
    assert log[2:] == ["BEGIN", "ROLLBACK", *["BEGIN", "COMMIT"] * 2, "close"]


def test_a_unit_that_always_collides_is_given_up():
    def colliding(_cursor):
        raise Collision

    log, results = writing(lambda writer: [writer.write(colliding)])
    assert [type(result) for result in results] == [StoreUnavailable]
    assert log.count("BEGIN") == 1 + 5


def test_a_lost_connection_is_replaced_and_the_batch_done_again():
    lost = []

    def losing(_cursor):
        if not lost:
            lost.append(1)
            raise ConnectionLost
        return "done"

    log, results = writing(lambda writer: [writer.write(each) for each in (unit(1), losing)])
    assert results == [1, "done"]
    assert log[2:] == ["BEGIN", "ROLLBACK", "close", "BEGIN", "COMMIT", "close"]


def test_a_failed_commit_is_never_repeated():
    done, log = [], []

    async def run():
        writer = Writer(lambda: ScriptedConnection(log, [StoreUnavailable("line cut")]), name="test")
        with pytest.raises(StoreUnavailable, match="line cut"):
            await writer.write(lambda _cursor: done.append(1))
        await writer.close()

    asyncio.run(run())
    assert done == [1]
    assert log == ["BEGIN", "ROLLBACK", "close"]


def test_an_unexpected_error_is_told_without_its_text():
    log = []

    async def run():
        writer = Writer(lambda: ScriptedConnection(log, [KeyError("a value")]), name="test")
        with pytest.raises(StoreUnavailable, match=r"^KeyError$"):
            await writer.write(unit(1))
        assert await writer.write(unit(2)) == 2  # the thread lives on
        await writer.close()

    asyncio.run(run())


def test_callers_of_several_event_loops_are_answered():
    log = []
    writer = Writer(lambda: ScriptedConnection(log), name="test")

    def caller():
        return asyncio.run(writer.write(unit(threading.get_ident())))

    async def run():
        answers = await asyncio.gather(*(asyncio.to_thread(caller) for _ in range(5)))
        assert all(answers)
        await writer.close()

    asyncio.run(run())


def test_a_loop_that_is_gone_harms_nobody():
    log = []
    gate = threading.Event()
    writer = Writer(lambda: ScriptedConnection(log), name="test")

    async def leave():
        task = asyncio.create_task(writer.write(lambda _cursor: gate.wait(5)))
        await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(leave())
    gate.set()

    async def run():
        assert await writer.write(unit("there")) == "there"
        await writer.close()

    asyncio.run(run())


@given(st.lists(st.text()).map(tuple))
def test_words_come_back_or_are_refused(words):
    try:
        text = join_words(words)
    except ValueError:
        assert any(" " in word for word in words) or "" in words
    else:
        assert split_words(text) == words
