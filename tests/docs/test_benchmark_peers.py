"""What `make bench` says of the issuer beside its two peers, and what it takes for an answer."""

import dataclasses
import sys
from pathlib import Path

import httpx
import pytest

BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")
sys.path.insert(0, BENCHMARKS)
import cases  # noqa: E402 - found by the line before
import load  # noqa: E402
import report  # noqa: E402
from decision import DecisionCost  # noqa: E402
from peer import IN_MEMORY, ON_REDIS  # noqa: E402
from redis_core import Placed  # noqa: E402

sys.path.remove(BENCHMARKS)
CASES = {case.title: case for case in cases.CASES}
TITLE = "client credentials"


def page(*comparisons, redis=None):
    given = {"machine": {}, "busy": False, "rounds": 1, "sync": 1.0, "decision": DecisionCost(1.0, 1.0)}
    return report.document(report.Results(**given, redis=redis, comparisons=list(comparisons)))


def beside(name, times):
    rounds = {"peer": (load.Round(100, 1, 1),), "ours": (load.Round(100 * times, 1, 1),)}
    return load.Comparison(TITLE, name, 16, **rounds)


def test_an_aim_is_that_beside_the_peer_in_memory():
    assert "the aim is 1.50×" in page(beside(IN_MEMORY, 1.2))
    assert "met its aim" in page(beside(ON_REDIS, 1.2))
    assert f"{TITLE} at 16 connections: 0.90× of {ON_REDIS}." in page(beside(ON_REDIS, 0.9))


@pytest.mark.parametrize(
    ("redis", "told"),
    [
        (Placed("0,1", {"0,1": 3.0, "0": 2.0}), "was left to cores 0,1"),
        (Placed("0", {"0,1": 2.0, "0": 3.0}), "had core 0"),
        (None, "There was no Redis"),
    ],
)
def test_where_redis_ran_is_told(redis, told):
    assert told in page(redis=redis)


def test_each_side_has_its_turn_in_each_round_and_ours_is_measured_once(monkeypatch):
    turns = []
    monkeypatch.setattr(load, "load", lambda target, **_: turns.append(target.url) or load.Round(1, 1, 1))
    memory, redis, ours = (load.Target(url, list) for url in ("memory", "redis", "ours"))
    both = {IN_MEMORY: memory, ON_REDIS: redis}
    first, second = load.compare_with(TITLE, both, ours, connections=16, rounds=2, seconds=1)
    assert turns == ["memory", "redis", "ours"] * 3
    assert (first.peer_name, second.peer_name, len(second.ours)) == (IN_MEMORY, ON_REDIS, 2)


@pytest.mark.parametrize(
    ("title", "answer", "right"),
    [
        ("introspection, known tokens", {"active": True}, True),
        ("introspection, known tokens", {"active": False}, False),
        ("refresh with rotation", {"access_token": "a"}, False),
        ("DPoP-bound", {"access_token": "a", "token_type": "Bearer"}, False),
        ("DPoP-bound", {"access_token": "a", "token_type": "DPoP"}, True),
    ],
)
def test_an_answer_counts_for_what_it_says(monkeypatch, title, answer, right):
    monkeypatch.setattr(cases, "_sent", lambda _url, _request: httpx.Response(200, json=answer))
    case = dataclasses.replace(CASES[title], requests=lambda _issuer, _count: [load.Request("asked")])
    target = load.Target("http://127.0.0.1:9/", lambda: [load.Request("asked")])
    if right:
        case.prove(None, target)
    else:
        with pytest.raises(RuntimeError, match="answered 200"):
            case.prove(None, target)
