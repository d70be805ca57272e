"""What `browser_apps` may say, and what is told of what it may not."""

import pytest

from app.test_config import GOOD, write  # noqa: F401 - the fixture
from tokenward.app.config import load

APP = """\
browser_apps:
  shop:
    client_id: shop
    client_secret: env:SHOP_SECRET
    scopes: [openid, "accounts:list"]
    apis: [bank]
"""
OTHER = """\
  other:
    client_id: other
    private_key: file:other.key
    apis: [bank]
"""


def found(path):
    return [(it.code, it.line, it.text) for it in load(path).findings if it.severity == "error"]


def line(text, part):
    return text[: text.index(part, text.index("browser_apps:"))].count("\n") + 1


def test_what_is_left_out_is_as_it_should_be(write):  # noqa: F811
    loaded = load(write(GOOD + APP))
    assert loaded.findings == ()
    app = loaded.configuration.settings.browser_apps["shop"]
    assert (app.path, app.idle, app.absolute, app.after_logout, app.url) == ("/bff", 1800, 43200, "/", None)


@pytest.mark.parametrize(
    ("old", "new", "at", "told"),
    [
        ("env:SHOP_SECRET", "s3cret", "s3cret", "a secret, or what looks like one"),
        ("    client_secret: env:SHOP_SECRET\n", "", "  shop:", "no way, or more than one"),
        ("env:SHOP_SECRET\n", "env:S\n    private_key: file:k\n", "  shop:", "no way, or more"),
        ("[openid, ", "[profile, ", "scopes: [pro", "without openid"),
        ("apis: [bank]", "apis: []", "apis: []", "good nowhere"),
        ("apis: [bank]", "apis: [cinema]", "apis: [cin", "there is no API cinema"),
        ("apis: [bank]", "apis: [bank, bank]", "apis: [bank, ", "is for one API"),
        (
            "shop\n    client",
            "shop\n    issuer: https://login.example\n    client",
            "apis: [bank]\n",
            "does not take",
        ),
        ("apis: [bank]", "apis: [bank]\n    path: /bank", "path: /bank", "overlaps"),
        ("apis: [bank]", "apis: [bank]\n    path: /bank/bff", "path: /bank", "overlaps"),
        ("apis: [bank]", "apis: [bank]\n    path: /", "path: /\n", "every path"),
        ("apis: [bank]", "apis: [bank]\n    idle: 1h\n    absolute: 30m", "idle: 1h", "outlive"),
        ("apis: [bank]", "apis: [bank]\n    after_logout: //evil.example", "after_logout", "no path"),
        (
            "apis: [bank]",
            "apis: [bank]\n    url: http://127.0.0.1:8080",
            "url: http://127.0.0.1:8080",
            "sign-in page",
        ),
        ("apis: [bank]", "apis: [bank]\n    url: http://shop.example", "url: http://shop", "plain http"),
    ],
    ids=lambda text: text.strip()[:30].replace("\n", " ") if isinstance(text, str) else None,
)
def test_what_does_not_fit_is_told_with_its_line(write, old, new, at, told):  # noqa: F811
    assert APP.count(old) == 1
    text = GOOD + APP.replace(old, new)
    errors = found(write(text))
    assert any(told in text for _, _, text in errors), errors
    assert line(text, at) in [number for _, number, said in errors if told in said]


def test_two_applications_of_one_origin_do_not_get_into_each_others_way(write):  # noqa: F811
    same = [text for _, _, text in found(write(GOOD + APP + OTHER))]
    assert any("paths that overlap" in text for text in same)
    assert any("a session could be one of shop or of other" in text for text in same)
    apart = OTHER + "    url: https://other.example\n"
    assert found(write(GOOD + APP + apart)) == []


def test_sessions_are_in_the_store_whatever_it_is(write):  # noqa: F811
    several = (GOOD + APP).replace("sqlite:data/tokenward.db", "postgresql://db.example/tokenward")
    assert found(write(several)) == []


SECOND = """\
  teller:
    openapi: bank.yaml
    upstream: http://127.0.0.1:9003
    risk: moderate
    operations: {{listAccounts: {{scopes: [accounts:list]}}}}
exchange:
  - client: {client}
    subject_api: {subject}
    target_api: {target}
    scopes: ["accounts:list"]
    actor: {actor}
"""
RULE = {"client": "shop", "subject": "bank", "target": "teller", "actor": "client"}


@pytest.mark.parametrize(
    ("changes", "good"),
    [
        ({}, True),
        ({"client": "other"}, False),
        ({"subject": "teller", "target": "bank"}, False),
        ({"target": "bank"}, False),
        ({"actor": "token"}, False),
    ],
    ids=["its rule", "of another client", "the other way", "for itself", "for an actor"],
)
def test_an_application_calls_a_second_api_where_it_may_exchange_its_tokens(write, changes, good):  # noqa: F811
    text = GOOD + SECOND.format(**RULE | changes) + APP.replace("[bank]", "[bank, teller]")
    errors = [text for _, _, text in found(write(text))]
    assert (errors == []) is good
    assert good or any("may not exchange those for bank for others for teller" in text for text in errors)
