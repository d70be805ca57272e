import pytest

from tokenward.leaks.detection.engine import Engine
from tokenward.leaks.detector import Detector
from tokenward.leaks.findings import Candidate, Confidence, Severity
from tokenward.leaks.rule import Rule
from tokenward.leaks.text import Text


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def _rule(name):
    return Rule(name, "Nobody", name, "", Severity.HIGH, Confidence.HIGH, "")


def _detector(name, trigger, spans, *, reach=0, seen=None):
    def find(text, start, recorder):
        if seen is not None:
            seen.append((text.path, start))
        for low, high, confidence in spans:
            yield Candidate(name, low, high, text.data[low:high], confidence)

    return Detector((_rule(name),), (trigger,), find, reach)


def test_only_a_detector_whose_trigger_is_there_is_called():
    seen = []
    engine = Engine([_detector("a", "aaa", [], seen=seen), _detector("b", "bbb", [], seen=seen, reach=2)])
    assert engine.candidates(Text(b"nothing", "one")) == []
    engine.candidates(Text(b"....bbb....", "two"))
    assert seen == [("two", 5)]


def test_a_detector_with_two_triggers_begins_at_the_earlier_one():
    seen = []
    detector = Detector(
        (_rule("a"),), ("late", "early"), lambda text, start, _: iter(seen.append(start) or ()), 4
    )
    Engine([detector]).candidates(Text(b"..early..late", "one"))
    assert seen == [3]


def test_of_overlapping_candidates_the_surest_stays_then_the_longest():
    low, high = Confidence.LOW, Confidence.HIGH
    spans = [(0, 30, low), (5, 12, high), (5, 15, high), (15, 20, low), (40, 45, low)]
    engine = Engine([_detector("a", "x", spans)])
    found = [(one.start, one.end) for one in engine.candidates(Text(b"x" * 50, "one"))]
    assert found == [(5, 15), (15, 20), (40, 45)]


def test_rules_of_all_detectors_are_known():
    assert set(Engine([_detector("a", "x", []), _detector("b", "y", [])]).rules) == {"a", "b"}
