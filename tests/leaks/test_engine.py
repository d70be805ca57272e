from dataclasses import replace
from functools import partial

import pytest

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.detection import engine as engine_module
from tokenward.leaks.detection.engine import Engine
from tokenward.leaks.detection.overlaps import best
from tokenward.leaks.detection.patterns import PatternError
from tokenward.leaks.detection.re2_database import Re2Database
from tokenward.leaks.detector import Detector
from tokenward.leaks.findings import Candidate
from tokenward.leaks.rule import Rule
from tokenward.leaks.text import Text
from tokenward.leaks.unpacking.decoders.decoder import Decoder


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


def _told(seen, name, _text, _start, _recorder):
    seen.append(name)
    return iter(())


def test_only_a_detector_whose_trigger_is_there_is_called():
    seen = []
    engine = Engine([_detector("a", "aaa", [], seen=seen), _detector("b", "bbb", [], seen=seen, reach=2)])
    assert engine.look(Text(b"nothing", "one")) == ([], [])
    engine.look(Text(b"....bbb....", "two"))
    assert seen == [("two", 5)]


def test_a_detector_with_two_triggers_begins_at_the_earlier_one():
    seen = []
    twice = replace(_detector("a", "", [], reach=4, seen=seen), triggers=("late", "early"))
    Engine([twice]).look(Text(b"..early..late", "one"))
    assert seen == [("one", 3)]


def _near(seen, _text, ends, _recorder):
    seen.append(ends)
    return iter(())


@pytest.mark.parametrize(("every", "ends"), [(True, {0: [4, 14], 2: [9]}), (False, {0: [4], 2: [9]})])
def test_a_detector_of_many_forms_is_told_where_which_trigger_was(every, ends):
    seen = []
    forms = replace(
        _detector("a", "", []), triggers=("aa", "never", "b{3}"), near=partial(_near, seen), every=every
    )
    # What stands before it in the database shifts no index.
    Engine([_detector("z", "zz", []), forms]).look(Text(b"..aa..bbb...aa", "one"))
    assert seen == [ends]


def test_a_file_is_looked_at_for_its_name():
    seen = []
    named = replace(_detector("a", "aaa", [], seen=seen, reach=2), names=frozenset({".pgpass"}))
    engine = Engine([named])
    engine.look(Text(b"nothing", "other"))
    engine.look(Text(b"nothing", "home/.pgpass"))
    engine.look(Text(b"....aaa", "home/.pgpass"))
    assert seen == [("home/.pgpass", 0), ("home/.pgpass", 0)]


def test_where_no_engine_tells_offsets_the_whole_text_is_looked_at(monkeypatch):
    monkeypatch.setattr(engine_module, "build", lambda patterns, every: Re2Database(patterns))
    seen, near = [], []
    Engine([replace(_detector("a", "aaa", [], seen=seen), near=partial(_near, near))]).look(
        Text(b"....aaa", "one")
    )
    assert (seen, near) == ([("one", 0)], [])


def test_owners_are_asked_in_their_order_whichever_was_found_first():
    seen = []
    detectors = [_detector(name, name, [], seen=seen) for name in ("first", "second", "third")]
    engine = Engine([replace(one, find=partial(_told, seen, one.rules[0].id)) for one in detectors])
    engine.look(Text(b"third second first", "one"))
    assert seen == ["first", "second", "third"]


def test_a_decoder_whose_trigger_is_there_is_woken_and_not_called():
    decoder = Decoder("never", ("zzz",), lambda text, start: 1 / 0)
    engine = Engine([_detector("a", "aaa", [])], [decoder])
    assert engine.look(Text(b"..zzz..zzz", "one")) == ([], [(decoder, 5)])


def test_of_overlapping_ones_the_surest_stays_then_the_longest():
    low, high = Confidence.LOW, Confidence.HIGH
    spans = [(0, 30, low), (5, 12, high), (5, 15, high), (15, 20, low), (40, 45, low)]
    found = Engine([_detector("a", "x", spans)]).look(Text(b"x" * 50, "one")).candidates
    assert [(one.start, one.end) for one in best(found)] == [(5, 15), (15, 20), (40, 45)]


def test_rules_of_all_detectors_are_known():
    assert set(Engine([_detector("a", "x", []), _detector("b", "y", [])]).rules) == {"a", "b"}


def test_a_pattern_that_is_no_good_is_said_with_whose_it_is():
    with pytest.raises(PatternError, match=r"^b: the pattern '\(\?<=x\)y': ") as refused:
        Engine([_detector("a", "aaa", []), _detector("b", "(?<=x)y", [])])
    assert (refused.value.pattern, refused.value.where) == ("(?<=x)y", "b")
    with pytest.raises(PatternError, match=r"^escapes: "):
        Engine([], [Decoder("escapes", ("(?<=x)y",), lambda text, start: 1 / 0)])
