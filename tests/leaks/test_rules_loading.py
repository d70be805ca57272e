"""Rule files are read strictly, and a rule that fails its own examples does not load."""

import json
import os

import pytest

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.rule import RuleError
from tokenward.leaks.rulebook import loading, reading
from tokenward.leaks.rulebook.loading import load
from tokenward.leaks.rulebook.reading import parse

GOOD = """
provider = "Acme"
rotate = "https://acme.example/keys"

[[rule]]
id = "acme-key"
what = "Acme key"
pattern = '\\bacme_[0-9a-z]{20}\\b'
severity = "high"
confidence = "medium"
keywords = ["acme"]
examples = ["key: acme_{lowerdigits:20}"]
counterexamples = ["key: acme_{lowerdigits:19}"]
"""


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def rules_of(text):
    return parse([("acme.toml", text.encode())])


def test_a_rule_is_read_as_it_stands():
    (rule,) = rules_of(GOOD)
    assert (rule.id, rule.provider, rule.severity, rule.confidence) == (
        "acme-key",
        "Acme",
        Severity.HIGH,
        Confidence.MEDIUM,
    )
    assert rule.examples == ("key: acme_{lowerdigits:20}",)
    assert rule.rotate == "https://acme.example/keys"


def test_a_row_may_say_what_the_head_says_for_all():
    (rule,) = rules_of(GOOD.replace('what = "Acme key"', 'what = "Acme key"\nprovider = "Acme Labs"'))
    assert rule.provider == "Acme Labs"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('severity = "high"', 'severity = "high"\nfoo = 1', "acme-key: unknown field foo"),
        ('provider = "Acme"', 'provider = "Acme"\nfoo = 1', "acme.toml: unknown field foo"),
        ('severity = "high"', 'severity = "bad"', "acme-key: bad is not one of info, low"),
        ('confidence = "medium"', "confidence = 2", "acme-key: confidence is not a str"),
        ('what = "Acme key"', "", "acme-key: what is missing"),
        ('what = "Acme key"', 'what = ""', "acme-key: what is missing"),
        ('provider = "Acme"', "", "acme-key: provider is missing"),
        ('id = "acme-key"', 'id = "Acme key"', "Acme key: an id is lower-case words"),
        ("[0-9a-z]{20}", "[0-9a-z{20}", "acme-key: the pattern does not compile"),
        ("acme_[0", "äcme_[0", "acme-key: the pattern has characters outside of ASCII"),
        ("[0-9a-z]{20}", "([0-9a-z])([0-9a-z]{19})", "acme-key: the pattern has more than one group"),
        ("\\bacme_[0-9a-z]{20}\\b", "(?:acme)?", "acme-key: the pattern matches nothing"),
        ('"acme"]', '"dynamite"]', "acme-key: none of the keywords is in example 1"),
        ('"acme"]', "1]", "acme-key: keywords is not a list of texts"),
        ('examples = ["key: acme_{lowerdigits:20}"]', "examples = []", "acme-key: examples is missing"),
        ('counterexamples = ["key: acme_{lowerdigits:19}"]', "", "acme-key: counterexamples is missing"),
        ("{lowerdigits:20}", "{lowerdigits:21}", "acme-key: example 1 has 0 secrets"),
        ("{lowerdigits:20}", "{lowerdigits:20} acme_{lowerdigits:20}", "acme-key: example 1 has 2 secrets"),
        ("{lowerdigits:20}", "{<}{lowerdigits:20}{>}", "acme-key: in example 1 not what it marks"),
        ("{lowerdigits:19}", "{lowerdigits:20}", "acme-key: counterexample 1 has a secret"),
        ("{lowerdigits:19}", "{runes:19}", "acme-key: no such field"),
        ("{lowerdigits:20}", "{runes:19}", "acme-key: example 1: no such field"),
        (
            'severity = "high"',
            'severity = "high"\nchecksum = "crc33"',
            "acme-key: no checksum is named crc33",
        ),
        ('severity = "high"', 'severity = "high"\nentropy = 9', "acme-key: entropy is in bits"),
        ("https://acme.example/keys", "http://acme.example", "acme-key: rotate is the https address"),
        (
            'severity = "high"',
            'severity = "high"\npair = {what = "id"}',
            "acme-key: pattern of pair is missing",
        ),
        (
            'severity = "high"',
            'severity = "high"\npair = {what = "id", pattern = "("}',
            "acme-key: the pattern does not compile",
        ),
        (
            'severity = "high"',
            'severity = "high"\npair = {what = "id", pattern = "x", far = 1}',
            "acme-key: unknown field far",
        ),
        (GOOD, 'provider = "Acme"', "acme.toml: no [[rule]] in it"),
        (GOOD, "provider =", "acme.toml: "),
    ],
)
def test_what_is_wrong_is_said_with_file_and_rule(old, new, said):
    assert old in GOOD
    with pytest.raises(RuleError) as raised:
        rules_of(GOOD.replace(old, new))
    assert str(raised.value).startswith("acme.toml: ")
    assert said in str(raised.value)


def test_an_id_is_used_once_in_all_files():
    with pytest.raises(RuleError, match=r"other.toml: acme-key: the id is used twice"):
        parse([("acme.toml", GOOD.encode()), ("other.toml", GOOD.encode())])


def test_a_file_that_is_not_utf8_is_named():
    with pytest.raises(RuleError, match=r"^acme.toml: "):
        parse([("acme.toml", GOOD.encode("utf-16"))])


def test_rules_of_a_user_come_after_those_that_come_along(tmp_path):
    file = tmp_path / "acme.toml"
    file.write_text(GOOD)
    alone, more = load(), load([file])
    assert more[: len(alone)] == alone
    assert [rule.id for rule in more[len(alone) :]] == ["acme-key"]


def test_rules_of_a_user_are_proved(tmp_path):
    file = tmp_path / "acme.toml"
    file.write_text(GOOD.replace("{lowerdigits:19}", "{lowerdigits:20}"))
    with pytest.raises(RuleError, match=r"acme.toml: acme-key: counterexample 1"):
        load([file])


def test_the_second_load_gives_the_same_and_parses_nothing(tmp_path, monkeypatch):
    file = tmp_path / "acme.toml"
    file.write_text(GOOD)
    first = load([file])
    monkeypatch.setattr(reading, "parse", None)
    assert load([file]) == first


def test_another_file_is_not_taken_from_the_cache(tmp_path):
    file = tmp_path / "acme.toml"
    file.write_text(GOOD)
    load([file])
    file.write_text(GOOD.replace('"high"', '"low"'))
    assert load([file])[-1].severity is Severity.LOW


@pytest.fixture
def own_rules(tmp_path, monkeypatch):
    """A directory of rules in the place of those that come with Tokenward."""
    directory = tmp_path / "rules"
    directory.mkdir()
    monkeypatch.setattr(loading, "_RULES", directory)
    (directory / "acme.toml").write_text(GOOD)
    return directory


def test_what_comes_along_is_read_once(own_rules, monkeypatch):
    first = load()
    monkeypatch.setattr(reading, "parse", None)
    assert load() == first


def test_what_comes_along_is_read_anew_when_it_is_another(own_rules):
    load()
    file = own_rules / "acme.toml"
    before = file.stat()
    other = GOOD.replace('"high"', '"info"', 1)
    assert len(other) == len(GOOD)
    # The same size and the same time, as from two archives that are built reproducibly.
    file.write_text(other)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert [rule.severity for rule in load()] == [Severity.INFO]
    (own_rules / "second.toml").write_text(GOOD.replace("acme-key", "second-key"))
    assert [rule.id for rule in load()] == ["acme-key", "second-key"]
    file.unlink()
    assert [rule.id for rule in load()] == ["second-key"]


def test_a_cache_that_others_may_write_to_is_not_read(tmp_path):
    file = tmp_path / "acme.toml"
    file.write_text(GOOD)
    load([file])
    (kept,) = (tmp_path / "cache" / "tokenward").iterdir()
    rows = json.loads(kept.read_bytes())
    kept.write_text(json.dumps(rows[:1]))
    assert len(load([file])) == 1  # it is read while it is ours alone
    kept.chmod(0o666)
    assert load([file])[-1].id == "acme-key"
    kept.write_text(json.dumps(rows[:1]))
    kept.chmod(0o600)
    kept.parent.chmod(0o777)
    assert load([file])[-1].id == "acme-key"


def test_without_a_cache_directory_all_goes_on(tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file")
    assert load()
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/dev/null")
    assert load()
