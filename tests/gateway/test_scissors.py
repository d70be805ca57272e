"""What is done within scissors ends when they cut, and when nobody else wants it to go on."""

import asyncio

import pytest

from tokenward.gateway.doors.scissors import Scissors


def test_they_cut_when_the_time_is_over():
    async def scenario():
        scissors = Scissors()
        scissors.cut_in(0.01)
        with pytest.raises(TimeoutError), scissors:
            await asyncio.sleep(5)
        return scissors.have_cut, asyncio.current_task().cancelling()

    assert asyncio.run(scenario()) == (True, 0)


def test_what_is_said_last_counts():
    async def scenario():
        scissors = Scissors()
        with scissors:
            scissors.cut_in(0)
            scissors.leave()
            await asyncio.sleep(0.01)
            scissors.cut_in(0)
            scissors.cut_in(5)
            await asyncio.sleep(0.01)
        await asyncio.sleep(0)
        return scissors.have_cut

    assert not asyncio.run(scenario())


def test_afterwards_nothing_is_cut():
    async def scenario():
        scissors = Scissors()
        with scissors:
            scissors.cut_in(0.01)
        await asyncio.sleep(0.02)
        scissors.cut_in(0)
        await asyncio.sleep(0.01)
        return scissors.have_cut

    assert not asyncio.run(scenario())


def test_who_cancels_the_task_meanwhile_is_obeyed():
    async def scenario():
        scissors = Scissors()

        async def work():
            with scissors:
                scissors.cut_in(0.01)
                await asyncio.sleep(5)

        task = asyncio.ensure_future(work())
        await asyncio.sleep(0)
        scissors.cut_in(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return scissors.have_cut

    assert asyncio.run(scenario())


def test_another_fault_is_told_though_they_cut():
    async def failing():
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            raise KeyError from None

    async def scenario():
        scissors = Scissors()
        scissors.cut_in(0)
        with pytest.raises(KeyError), scissors:
            await failing()
        return asyncio.current_task().cancelling()

    assert asyncio.run(scenario()) == 0


def test_a_timeout_of_somebody_else_is_not_theirs():
    async def scenario():
        scissors = Scissors()
        with pytest.raises(TimeoutError), scissors:
            raise TimeoutError
        return scissors.have_cut

    assert not asyncio.run(scenario())
