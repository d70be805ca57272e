import pytest

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.blob import Blob
from tokenward.leaks.collecting import Collector
from tokenward.leaks.findings import Commit, Place, Trouble
from tokenward.leaks.naming import hidden, names_of, told_by_name
from tokenward.leaks.result import Finding, ScanResult
from tokenward.leaks.rule import Rule
from tokenward.leaks.sighting import Sighting

RULE = Rule("r", "", "secret", "", Severity.HIGH, Confidence.HIGH, "", guessable=True)


def seen(secret: bytes, **more: object) -> Sighting:
    ordinary: dict[str, object] = {
        "rule": "r", "secret": secret, "severity": Severity.HIGH, "confidence": Confidence.HIGH,
        "guessable": True, "facts": {}, "why": "", "path": "a", "line": 1, "column": 1, "decoded": (),
        "object_id": None, "origin": None, "allowed": None,
    }  # fmt: skip
    return Sighting(**{**ordinary, **more})


@pytest.mark.parametrize(
    ("secret", "hides"),
    [(b"hunter2", False), (b"integration-tests", False), (b"201202030405", False), (b"hunter2-hunter", True)],
)
def test_a_word_that_somebody_chose_is_left_in_paths_unless_a_name_is_where_it_was_found(secret, hides):
    collector = Collector({"r": RULE}, b"k" * 32)
    collector.add(seen(secret))
    assert (secret.decode() in collector.shown()) is hides
    collector.add(seen(secret, line=0, in_name=secret.decode()))
    assert collector.shown()[secret.decode()] == "\u2026"


def test_what_must_not_be_shown_is_hidden_wherever_a_result_tells_it():
    place = Place("in x1y/a", 1, 1, (), Commit("c", "Ann x1y-long <a>", "d", in_head=True))
    finding = Finding(RULE, Severity.HIGH, Confidence.HIGH, "m", "f", (place,), why="because of x1y")
    result = ScanResult(
        "tree x1y", (finding,), (finding,), (Trouble("x1y", "has another name: x1y"),), 1, 1, 1.0
    )
    told = hidden(result, {"x1y": "s\u2026", "x1y-long": "l\u2026", "elsewhere": "e\u2026"})
    assert "x1y" not in repr(told)
    assert told.findings[0].places[0].commit.author == "Ann l\u2026 <a>"
    assert hidden(result, {"elsewhere": "e\u2026"}) is result


def test_what_goes_over_two_names_is_nothing_and_a_line_break_in_a_name_ends_none():
    names = names_of(["one", "t\nwo", "three"])
    assert names == Blob("", b"one\nt wo\nthree", names=("one", "t\nwo", "three"))
    assert told_by_name(seen(b"x"), names, 2, 6) is None
    told = told_by_name(seen(b"wo", allowed="reason=x"), names, 6, 8)
    assert told is not None
    assert (told.path, told.line, told.in_name, told.allowed) == ("t\nwo", 0, "wo", None)
