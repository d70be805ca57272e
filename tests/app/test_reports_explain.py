import io

import pytest
from rich.console import Console

from app.report_samples import EVIL
from app.test_reports import UNSEEN
from tokenward.app.reports import explain
from tokenward.app.reports.explain import Candidate, Step, explanation, target
from tokenward.leaks.recording import WHOLE_TEXT, Note
from tokenward.leaks.text import Text

TEXT = Text(b"first\nkey = abc\nlast = abc\n", "a.py")
NOTES = [
    Note("path", "other-rule", WHOLE_TEXT, "dropped", "the rule is for files of other names"),
    Note("path", "third-rule", WHOLE_TEXT, "dropped", "the rule is for files of other names"),
    Note("source", "", WHOLE_TEXT, "passed", "read"),
    Note("capture", "some-rule", 12, "passed", "the pattern matches"),
    Note("capture", "some-rule", 23, "passed", "the pattern matches"),
    Note("entropy", "some-rule", 12, "dropped", "1.6 bits a character, not 3"),
]


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("a.py:12", "a.py", 12),
        ("src/a b.py:12:9", "src/a b.py", 12),
        (r"C:\src\a.py:3", r"C:\src\a.py", 3),
        ("a:b:7", "a:b", 7),
        ("x.zip!in/y:1", "x.zip!in/y", 1),
    ],
)
def test_a_line_is_named_as_reports_name_it(text, path, line):
    assert target(text) == (path, line)


@pytest.mark.parametrize(
    "text", ["a.py", "a.py:", "a.py:0", "a.py:x", ":3", "", "a.py:-1", "a.py:1234567890"]
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="FILE:LINE"):
        target(text)


def test_each_possible_secret_of_the_line_has_its_steps_in_order():
    told = explanation("a.py", 2, [(TEXT, NOTES)])
    assert told.candidates == (
        Candidate(
            7,
            (),
            (
                Step("capture", "some-rule", "passed", "the pattern matches"),
                Step("entropy", "some-rule", "dropped", "1.6 bits a character, not 3"),
            ),
        ),
    )
    assert [step.rule for step in told.whole] == ["other-rule", "third-rule", ""]


def test_of_a_decoded_or_binary_text_all_is_told():
    notes = [Note("capture", "some-rule", 3, "passed", "x"), Note("capture", "some-rule", 0, "passed", "x")]
    decoded = Text(b"a\nbcd", "a.py", ("base64",))
    binary = Text(b"a\0bcd", "a.py")
    assert [one.column for one in explanation("a.py", 2, [(decoded, notes)]).candidates] == [1, 2]
    assert [one.column for one in explanation("a.py", 9, [(binary, notes)]).candidates] == [0, 0]


def shown(told):
    stream = io.StringIO()
    explain.write(told, Console(file=stream, width=80))
    return stream.getvalue()


def test_people_read_it():
    assert shown(explanation("a.py", 2, [(TEXT, NOTES)])) == (
        "a.py:2\n"
        "  ✓ source     read\n"
        "  column 7\n"
        "    ✓ capture    some-rule: the pattern matches\n"
        "    ✗ entropy    some-rule: 1.6 bits a character, not 3\n"
        "  2 rules did not look at this file (path: the rule is for files of other names):"
        " other-rule, third-rule\n"
    )


def test_a_line_without_anything_says_so():
    assert "Nothing here has the form of a secret" in shown(explanation("a.py", 1, [(TEXT, NOTES)]))


def test_hostile_texts_cannot_reach_the_terminal():
    text = Text(b"abc", EVIL, (EVIL,))
    notes = [Note("capture", EVIL, 0, "passed", EVIL), Note("path", EVIL, WHOLE_TEXT, "dropped", EVIL)]
    told = shown(explanation(EVIL, 1, [(text, notes)]))
    assert not UNSEEN.search(told)
    assert "[bold]markup[/bold]" in told
