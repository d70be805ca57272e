"""What is printed for everybody, wherever it is found."""

import hashlib

import pytest

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.detectors import published_examples
from tokenward.leaks.detectors.published_examples import marked
from tokenward.leaks.findings import Candidate

SECRET = b"printed for everybody to read"


@pytest.fixture
def printed(monkeypatch):
    def where(page):
        known = {hashlib.sha256(SECRET).hexdigest()[:16]: page}
        monkeypatch.setattr(published_examples, "_PUBLISHED", known)

    return where


def test_an_example_that_nobody_uses_is_of_low_confidence(printed):
    printed("RFC 0000")
    one = marked(Candidate("a-rule", 0, 9, SECRET, Confidence.HIGH, {"user": "ada"}, Severity.CRITICAL))
    assert (one.confidence, one.severity) == (Confidence.LOW, Severity.LOW)
    assert one.facts == {"user": "ada", "published": "RFC 0000"}


def test_a_key_that_people_put_to_use_is_still_one(printed):
    printed("Flask's documentation")
    one = marked(Candidate("a-rule", 0, 9, SECRET, Confidence.HIGH))
    assert (one.confidence, one.severity) == (Confidence.HIGH, Severity.LOW)


def test_anything_else_is_left_as_it_is(printed):
    printed("RFC 0000")
    one = Candidate("a-rule", 0, 9, SECRET + b"!", Confidence.HIGH)
    assert marked(one) is one
