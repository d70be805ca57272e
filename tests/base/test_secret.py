import copy
import json
import logging
import pickle
import sys
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.base.entropy import identifier
from tokenward.base.secret import MASK, Secret

VALUE = identifier()


@pytest.fixture
def secret():
    return Secret(VALUE)


@given(st.text())
def test_reveal_gives_the_text_back(text):
    assert Secret(text).reveal() == text


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        format,
        ascii,
        "{}".format,
        "{!r}".format,
        "{:>80}".format,
        lambda s: f"{s}{s!r}{s!s}{s:x}",
        lambda s: "%s %r" % (s, s),  # noqa: UP031 - logging formats like this
        lambda s: str([s, {"a": s}, (s,)]),
        lambda s: logging.LogRecord("a", 1, "b", 1, "%s", (s,), None).getMessage(),
        lambda s: json.dumps({"a": s}, default=str),
    ],
)
def test_every_way_of_showing_it_shows_the_mask(secret, show):
    shown = show(secret)
    assert VALUE not in shown
    assert MASK in shown


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_cannot_be_pickled(secret, protocol):
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(secret, protocol)


def test_no_protocol_method_takes_it_apart(secret):
    for method in (secret.__reduce__, secret.__reduce_ex__):
        with pytest.raises(TypeError, match="pickled"):
            method(2)


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, json.dumps, vars, dict, list, bytes])
def test_it_cannot_be_copied_serialised_or_taken_apart(secret, way):
    with pytest.raises(TypeError) as caught:
        way(secret)
    assert VALUE not in str(caught.value)


def test_a_traceback_with_local_variables_shows_the_mask(secret):
    def fail(held):
        raise RuntimeError(f"failed with {held}")

    try:
        fail(secret)
    except RuntimeError:
        shown = "".join(traceback.TracebackException(*sys.exc_info(), capture_locals=True).format())
    assert VALUE not in shown
    assert f"held = {MASK}" in shown


def test_equality_is_identity_so_that_nobody_compares_texts_by_accident(secret):
    assert secret == secret
    assert secret != Secret(VALUE)
    assert secret != VALUE


def test_only_an_empty_one_is_false(secret):
    assert secret
    assert not Secret("")


def test_the_text_hides_behind_no_ordinary_attribute(secret):
    assert not hasattr(secret, "value")
    assert not hasattr(secret, "__dict__")
    with pytest.raises(AttributeError):
        secret.other = 1
