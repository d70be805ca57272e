"""What the head of a rule file says about asking a provider is bounded before anything is sent."""

from collections import Counter

import pytest

from tokenward.leaks.rule import Check, Expected, RuleError
from tokenward.leaks.rulebook.loading import load
from tokenward.leaks.rulebook.matching import matches
from tokenward.leaks.rulebook.proof import example_seed
from tokenward.leaks.rulebook.reading import parse
from tokenward.leaks.rulebook.templates import sample
from tokenward.leaks.text import Text
from tokenward.leaks.validity.request import request

GOOD = """
provider = "Acme"
rotate = "https://acme.example/keys"

[check.me]
method = "GET"
url = "https://api.acme.example/me"
headers = { Authorization = "Bearer {secret}" }
valid = [200]
refused = [401, { status = 403, at = ["error", "code"], is = ["gone", true] }]
docs = "https://acme.example/docs"

[[rule]]
id = "acme-key"
what = "Acme key"
pattern = '\\bacme_[0-9a-z]{20}\\b'
severity = "high"
confidence = "medium"
check = "me"
production = true
examples = ["key: acme_{lowerdigits:20}"]
counterexamples = ["key: acme_{lowerdigits:19}"]
"""


def rules_of(text):
    return parse([("acme.toml", text.encode())])


def test_a_check_is_read_as_it_stands():
    (rule,) = rules_of(GOOD)
    assert rule.production
    assert rule.check == Check(
        method="GET",
        url="https://api.acme.example/me",
        headers={"Authorization": "Bearer {secret}"},
        valid=(Expected(200),),
        refused=(Expected(401), Expected(403, ("error", "code"), ("gone", True))),
        docs="https://acme.example/docs",
    )
    assert rule.check.host == "api.acme.example"


URL = "https://api.acme.example/me"
IN_ONE_PLACE = "check me: {secret} stands in one place"
WRITTEN_OUT = "check me: the url is https, of a host that is written out"
SAYS_NOTHING = "is no status that says something"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (URL, "http://api.acme.example/me", WRITTEN_OUT),
        (URL, "https://{secret}.acme.example/me", WRITTEN_OUT),
        (URL, "https://{pair}/me", WRITTEN_OUT),
        (URL, "https://user@api.acme.example/me", WRITTEN_OUT),
        (URL, "https://api.acme.example:8443/me", WRITTEN_OUT),
        (URL, "https://api.acme.example", WRITTEN_OUT),
        (URL, "https://127.0.0.1/me", WRITTEN_OUT),
        (URL, "https://[::1]/me", WRITTEN_OUT),
        (URL, "https://localhost/me", WRITTEN_OUT),
        (URL, "https://api.acme.example\\\\@evil.example/me", WRITTEN_OUT),
        (URL, "https://api.acme.example/me you", WRITTEN_OUT),
        (URL, "https://api.acme.example/{secret}", IN_ONE_PLACE),
        ("Bearer {secret}", "Bearer", IN_ONE_PLACE),
        (URL, "https://api.acme.example/{id}", "braces stand for {secret} and {pair} only"),
        (URL, "https://api.acme.example/{pair}", "its check sends {pair}, and the rule has none"),
        ('method = "GET"', 'method = "PUT"', "the method is GET or POST"),
        ('method = "GET"', 'method = "GET"\nbody = "x"', "a body is ASCII, and goes with POST"),
        ('method = "GET"', 'method = "GET"\nfoo = 1', "check me: unknown field foo"),
        ('method = "GET"', "", "check me: method is missing"),
        ('method = "GET"', "method = 1", "check me: method is not a str"),
        ('method = "GET"', 'method = "GET"\nbasic = "{pair}:x"', "exclude each other"),
        ("valid = [200]", "valid = []", "check me: valid is missing"),
        ("valid = [200]", "valid = [200, 401]", "401 is both valid and refused"),
        ("valid = [200]", "valid = [403]", "403 is both valid and refused"),
        ("valid = [200]", "valid = [302]", SAYS_NOTHING),
        ("valid = [200]", "valid = [429]", SAYS_NOTHING),
        ("valid = [200]", "valid = [500]", SAYS_NOTHING),
        ("valid = [200]", "valid = [true]", "an answer is a status, or a table"),
        ("valid = [200]", "valid = [{ status = true }]", SAYS_NOTHING),
        ("valid = [200]", "valid = [{ at = ['x'] }]", "an answer is a status, or a table"),
        ("valid = [200]", "valid = [{ status = 200, is = [true] }]", "is goes with at"),
        ("valid = [200]", "valid = [{ status = 200, at = 'ok' }]", "at is not a list of names"),
        ("valid = [200]", "valid = [{ status = 200, at = ['ok'], is = [1] }]", "is is not a list"),
        ("https://acme.example/docs", "http://acme.example/docs", "docs is the https address"),
        ("Authorization =", "Host =", "no check sends a header Host"),
        ("Authorization =", "Content-Length =", "no check sends a header Content-Length"),
        ("Authorization =", "'A:b' =", "no check sends a header A:b"),
        ('"Bearer {secret}"', '"Bearer {secret}\\r\\nx: y"', "is not printable ASCII"),
        ('"Bearer {secret}"', "1", "headers are texts"),
        ('check = "me"', 'check = "you"', "acme-key: the file has no check you"),
        ('check = "me"\nproduction = true', "", "no rule names check me"),
        ('check = "me"\nproduction = true', "production = true", "acme-key: production goes with check"),
        ("[check.me]", "[check]", "acme.toml: check method: is not a table"),
    ],
)
def test_what_is_wrong_is_said(old, new, said):
    assert old in GOOD
    with pytest.raises(RuleError) as raised:
        rules_of(GOOD.replace(old, new))
    assert str(raised.value).startswith("acme.toml: ")
    assert said in str(raised.value)


def test_a_check_comes_out_of_the_cache_as_it_went_in(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = tmp_path / "acme.toml"
    file.write_text(GOOD)
    assert load([file]) == load([file])
    assert load([file])[-1] == rules_of(GOOD)[0]


def with_checks():
    return [rule for rule in load() if rule.check is not None]


def found_in_examples(rule):
    for number, template in enumerate(rule.examples):
        text = sample(template, example_seed(rule, number))
        yield from matches(rule, Text(text.data, text.path))


def test_at_least_twenty_five_providers_can_be_asked():
    assert len({rule.provider for rule in with_checks()}) >= 25


@pytest.mark.parametrize("rule", with_checks(), ids=lambda rule: rule.id)
def test_each_question_goes_to_its_host_with_the_secret_once(rule):
    for found in found_in_examples(rule):
        asked = request(rule.check, found.secret, "AC" + "0" * 32)
        secret = found.secret.decode()
        sent = [asked.url, *asked.headers.values()]
        if rule.check.basic:
            assert asked.headers["Authorization"].startswith("Basic ")
        else:
            assert sum(text.count(secret) for text in sent) == 1
        assert asked.url.startswith(f"https://{rule.check.host}/")
        assert not any("{" in text for text in sent)


def test_one_provider_is_one_name_at_one_host():
    hosts = Counter((rule.provider, rule.check.host) for rule in with_checks())
    assert len(hosts) == len({provider for provider, _ in hosts})


def test_keys_that_move_money_are_marked():
    marked = {rule.id for rule in with_checks() if rule.production}
    assert {"stripe-secret-key", "stripe-restricted-key", "mollie-api-key", "twilio-auth-token"} <= marked
    assert "stripe-test-key" not in marked
