import pytest

from tokenward.base.accept import asks_for

SIGNED = "application/token-introspection+jwt"


@pytest.mark.parametrize(
    "accept",
    [
        [SIGNED],
        ["Application/Token-Introspection+JWT"],
        [f"{SIGNED};q=0.001"],
        [f"{SIGNED}, */*"],
        [f"application/json, {SIGNED}"],
        [f"application/json ; q=0.5 , {SIGNED} ; q=0.9"],
        [f"application/json;q=0, {SIGNED};q=0.1"],
        [f"text/html, {SIGNED};q=1.000, application/*;q=0.9"],
        [f"*/*, application/*;q=0.1, {SIGNED};q=0.5"],
        ["text/html", SIGNED],
        [f"application/json;q=0.9, {SIGNED};q=0.1, {SIGNED};q=1"],
        [f"{SIGNED};charset=utf-8"],
    ],
)
def test_who_names_the_form_and_likes_it_no_less_gets_it(accept):
    assert _asked(accept)


@pytest.mark.parametrize(
    "accept",
    [
        [],
        [""],
        ["*/*"],
        ["application/*"],
        ["application/json"],
        ["text/html"],
        [f"{SIGNED};q=0"],
        [f"{SIGNED};q=0.000, text/html"],
        [f"application/json, {SIGNED};q=0.9"],
        [f"application/*, {SIGNED};q=0.9"],
        [f"*/*;q=0.8, {SIGNED};q=0.7"],
        [f"application/json;q=0.8, application/*;q=0.1, {SIGNED};q=0.7"],
        [f"{SIGNED}x"],
        [f"{SIGNED};q=2"],
        [f"{SIGNED};q=nan"],
        [f"{SIGNED};q="],
        [f"{SIGNED};q=1.001"],
        [f"{SIGNED};q=0.0001"],
        [f"{SIGNED};q=1;q=-1"],
        ["\xff;;;,,;q=,/"],
    ],
)
def test_everybody_else_gets_the_usual_form(accept):
    assert not _asked(accept)


def _asked(accept):
    headers = [(b"accept", value.encode("latin-1")) for value in accept]
    return asks_for({"headers": headers}, SIGNED, rather_than="application/json")
