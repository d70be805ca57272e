"""What `make soak` calls flat."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")
sys.path.insert(0, BENCHMARKS)
from soak.watching import Sample, Verdict, verdicts  # noqa: E402 - found by the line before

sys.path.remove(BENCHMARKS)
MINUTES = 60


def run(*, resident=lambda at: 100.0, tokens=lambda at: 1000, feed=lambda at: at, files=lambda at: 1.0):
    """Samples of an hour; each argument gives its figure for a minute of it."""
    return [
        Sample(
            at * 60.0, {"issuer": resident(at)}, {"access_tokens": tokens(at), "feed": feed(at)}, files(at)
        )
        for at in range(MINUTES + 1)
    ]


def of(name: str, samples: list[Sample]) -> Verdict:
    return next(verdict for verdict in verdicts(samples) if verdict.name == name)


def test_a_run_that_warms_up_and_stays_is_flat():
    samples = run(resident=lambda at: min(at, 10) * 10.0, tokens=lambda at: min(at, 5) * 200 + at % 2)
    assert all(verdict.flat for verdict in verdicts(samples))


@pytest.mark.parametrize(
    ("name", "grown"),
    [
        pytest.param("issuer", {"resident": lambda at: 100.0 + at}, id="memory"),
        pytest.param("access_tokens", {"tokens": lambda at: 1000 + 10 * at}, id="rows-that-are-swept"),
        pytest.param("feed", {"feed": lambda at: at * at}, id="rows-that-are-kept-come-faster"),
        pytest.param("database files, MiB", {"files": lambda at: at * at / 10}, id="files"),
    ],
)
def test_what_grows_is_found(name, grown):
    assert not of(name, run(**grown)).flat


def test_memory_that_is_given_back_is_no_growth_however_often_it_is_taken():
    hashing = {0: 64.0, 1: 64.0, 2: 0.0}
    often = run(resident=lambda at: 100.0 + (hashing[at % 3] if at > 40 else 0.0))
    assert of("issuer", often).flat
    assert not of("issuer", run(resident=lambda at: 100.0 + at + hashing[at % 3])).flat


def test_rows_that_are_kept_longer_than_a_quarter_are_judged_by_growth():
    assert of("feed", run()).by == "growth"
    assert of("access_tokens", run(tokens=lambda at: 1000 + at % 2)).by == "level"
