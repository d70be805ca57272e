"""Every condition of a rule counts: keywords, entropy, checksum, paths, the other part."""

from dataclasses import replace

import pytest

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.entropy import entropy
from tokenward.leaks.recording import SILENCE, Notes
from tokenward.leaks.rule import Pair, Rule
from tokenward.leaks.rulebook.matching import REACH, detectors_of, matches
from tokenward.leaks.text import Text

RULE = Rule(
    id="acme-key",
    provider="Acme",
    what="Acme key",
    pattern=r"\bacme_[0-9a-z]{8}\b",
    severity=Severity.HIGH,
    confidence=Confidence.MEDIUM,
    rotate="https://acme.example",
)


def found(rule, data, path="src/main.py", start=0):
    return [data[one.start : one.end].decode() for one in matches(rule, Text(data, path), start)]


def test_all_that_the_pattern_matches_is_found_in_order():
    data = b"acme_aaaa1111 acme_bbbb2222\nxacme_cccc3333 acme_dddd4444"
    assert found(RULE, data) == ["acme_aaaa1111", "acme_bbbb2222", "acme_dddd4444"]


def test_the_secret_is_the_group_where_there_is_one():
    assert found(replace(RULE, pattern="acme_([0-9a-z]{8})"), b"acme_ab12cd34") == ["ab12cd34"]


def test_a_search_from_the_middle_still_sees_what_stands_before_it():
    data = b"xacme_aaaa1111 acme_bbbb2222"
    assert found(RULE, data, start=1) == ["acme_bbbb2222"]
    assert found(RULE, data, start=-REACH) == found(RULE, data)
    assert found(RULE, data, start=16) == []


def test_patterns_see_bytes_and_do_not_stop_at_a_line():
    rule = replace(RULE, pattern=r"acme:\s([\x80-\xff]{4})")
    assert list(matches(rule, Text(b"acme:\n\xf0\x9f\x92\xa9", "a")))


@pytest.mark.parametrize(
    ("rule", "with_it", "without_it"),
    [
        (replace(RULE, keywords=("Ferry", "boat")), b"a fErry: acme_aaaa1111", b"a train: acme_aaaa1111"),
        (replace(RULE, entropy=2.5), b"acme_ab12cd34", b"acme_aaaaaaaa"),
        (
            replace(RULE, pattern=r"npm_\w{36}", checksum="crc-of-body"),
            b"npm_" + b"0" * 30 + b"2C8GjS",
            b"npm_" + b"0" * 36,
        ),
    ],
)
def test_a_condition_lets_pass_and_refuses(rule, with_it, without_it):
    assert found(rule, with_it)
    assert not found(rule, without_it)


@pytest.mark.parametrize(
    ("globs", "path", "fits"),
    [
        (("*.py",), "src/main.py", True),
        (("*.py",), "src/main.js", False),
        ((".NPMRC", "*.py"), "a.zip!home/.npmrc", True),
        (("src/*.py",), "src/main.py", True),
        (("src/*.py",), "x/src/main.py", True),
        (("src/*.py",), "xsrc/main.py", False),
    ],
)
def test_globs_are_of_the_name_or_of_the_end_of_the_path(globs, path, fits):
    assert bool(found(replace(RULE, paths=globs), b"acme_aaaa1111", path)) is fits
    assert bool(found(replace(RULE, not_paths=globs), b"acme_aaaa1111", path)) is not fits


PAIRED = replace(RULE, pair=Pair("account", r"\bAC([0-9]{4})\b", within=2))


@pytest.mark.parametrize(
    ("data", "other"),
    [
        (b"AC1234\nacme_aaaa1111", "1234"),
        (b"acme_aaaa1111\nAC1234", "1234"),
        (b"acme_aaaa1111 AC1234", "1234"),
        (b"AC1234\n\nacme_aaaa1111\n", "1234"),
        (b"AC1234\n\n\nacme_aaaa1111\n", None),
        (b"acme_aaaa1111\n\n\nAC1234", None),
        (b"AC1234 and so\n\nacme_aaaa1111\nAC5678", "5678"),
    ],
)
def test_the_nearest_other_part_within_the_lines_raises_the_confidence(data, other):
    (one,) = matches(PAIRED, Text(data, "a"))
    assert (one.confidence, one.facts) == (
        (Confidence.HIGH, {"account": other}) if other else (Confidence.MEDIUM, {})
    )


def test_a_part_that_is_needed_makes_the_difference():
    needed = replace(PAIRED, pair=Pair("account", r"\bAC([0-9]{4})\b", needed=True))
    assert found(needed, b"AC1234\nacme_aaaa1111")
    assert not found(needed, b"acme_aaaa1111")


def test_the_other_part_is_not_looked_for_in_the_secret_itself():
    rule = replace(PAIRED, pair=Pair("account", r"[0-9]{4}"))
    (one,) = matches(rule, Text(b"acme_aaaa1111", "a"))
    assert one.facts == {}


def test_entropy_is_in_bits_a_character():
    assert entropy(b"aaaa") == 0
    assert entropy(b"abab") == 1
    assert entropy(bytes(range(256))) == 8
    assert entropy(b"") == 0


@pytest.mark.parametrize(
    ("rule", "data", "stage"),
    [
        (replace(RULE, paths=("*.js",)), b"acme_aaaa1111", "path"),
        (replace(RULE, keywords=("boat",)), b"acme_aaaa1111", "context"),
        (replace(RULE, entropy=4.0), b"acme_aaaa1111", "entropy"),
        (replace(RULE, checksum="crc-of-body"), b"acme_aaaa1111", "checksum"),
        (replace(RULE, pair=Pair("account", "AC[0-9]{4}", needed=True)), b"acme_aaaa1111", "pair"),
    ],
)
def test_who_asks_is_told_why_something_was_let_go(rule, data, stage):
    notes = Notes()
    assert not list(matches(rule, Text(data, "src/main.py"), 0, notes))
    assert (notes.kept[-1].stage, notes.kept[-1].verdict) == (stage, "dropped")
    assert not any("aaaa" in note.reason for note in notes.kept)


def test_a_detector_is_woken_by_the_pattern_of_its_rule():
    (detector,) = detectors_of([RULE, replace(RULE, id="other", pattern="")])
    assert detector.triggers == (RULE.pattern,)
    data = b" " * 5000 + b"acme_aaaa1111"
    (one,) = detector.find(Text(data, "a"), len(data) - detector.reach, SILENCE)
    assert (one.rule, one.start) == ("acme-key", 5000)


OPEN = replace(RULE, pattern=r"\bacme_[\w-]{24}")


@pytest.mark.parametrize(
    "body",
    [
        b"xxxxxxxxxxxxxxxxxxxxxxxx",
        b"XXXXXXabcdwq73hd72hd7s2h",
        b"your_api_key_goes_here__",
        b"THISISAN7EXAMPLE7ofawkey",
        b"PLACEHOLDER_for_your_key",
        b"aaaaaaaa73hd72hd7s2hq8dk",
        b"1234567890abcdef12345678",
        b"q8dk73hd72habcdefghijkl4",
        b"q8dk73h00110011001100110",
    ],
)
def test_what_only_stands_for_a_secret_is_let_go(body):
    notes = Notes()
    assert not list(matches(OPEN, Text(b"key: acme_" + body, "a"), 0, notes))
    assert (notes.kept[-1].stage, notes.kept[-1].verdict) == ("shape", "dropped")


def test_a_secret_that_documentation_prints_is_of_low_severity():
    printed = (
        b"Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2" + b"UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    )
    (one,) = matches(replace(RULE, pattern="[0-9A-Za-z+/]{86}=="), Text(b"AccountKey=" + printed, "a"))
    assert (one.severity, one.facts) == (Severity.LOW, {"published": "Azure's storage emulator"})
