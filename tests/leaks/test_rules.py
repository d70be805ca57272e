"""The rules that come with Tokenward: each proves itself, and each of its conditions is needed."""

import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tokenward.leaks.detection.engine import Engine
from tokenward.leaks.detection.overlaps import best
from tokenward.leaks.detection.re2_database import Re2Database
from tokenward.leaks.rulebook.loading import load
from tokenward.leaks.rulebook.macros import expand, triggers
from tokenward.leaks.rulebook.matching import compiled, detectors_of, matches
from tokenward.leaks.rulebook.proof import counterexample_seed, example_seed, prove
from tokenward.leaks.rulebook.templates import sample
from tokenward.leaks.text import Text

RULES = load()
BY_ID = {rule.id: rule for rule in RULES}

# What stands before a text: Vectorscan works on blocks, and another code path runs for a text's first bytes.
BEFORE = b"\n" * 5000


@pytest.fixture(scope="module")
def engine():
    return Engine(detectors_of(RULES))


def candidates(engine, data, path="config.env"):
    return best(engine.look(Text(data, path)).candidates)


@pytest.mark.parametrize("seed", ["one", "two", "three"])
def test_every_rule_proves_itself_whatever_fills_its_templates(seed):
    prove(RULES, seed)


def found_in_counterexamples(rule):
    for number, template in enumerate(rule.counterexamples):
        text = sample(template, counterexample_seed(rule, number))
        if any(matches(rule, Text(text.data, text.path))):
            return True
    return False


CONDITIONS = {"keywords": (), "entropy": 0.0, "checksum": "", "paths": (), "not_paths": ()}


@pytest.mark.parametrize(
    ("rule", "condition"),
    [(rule, name) for rule in RULES for name in CONDITIONS if getattr(rule, name)]
    + [(rule, "pair") for rule in RULES if rule.pair is not None and rule.pair.needed],
    ids=lambda value: value if isinstance(value, str) else value.id,
)
def test_without_the_condition_a_counterexample_is_found(rule, condition):
    assert not found_in_counterexamples(rule)
    assert found_in_counterexamples(replace(rule, **{condition: CONDITIONS.get(condition)}))


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.pair is not None], ids=lambda rule: rule.id)
def test_a_second_part_is_shown_by_an_example(rule):
    texts = [sample(template, example_seed(rule, number)) for number, template in enumerate(rule.examples)]
    assert any(one.facts for text in texts for one in matches(rule, Text(text.data, text.path)))


def test_the_engine_finds_every_example_far_from_the_beginning(engine):
    """Which is to say: triggers find what patterns find, and reach far enough back."""
    for rule in RULES:
        before = b"" if rule.pattern.startswith("^") else BEFORE
        for number, template in enumerate(rule.examples):
            text = sample(template, example_seed(rule, number))
            expected = {one.secret for one in matches(rule, Text(text.data, text.path))}
            found = {one.secret for one in candidates(engine, before + text.data, text.path)}
            assert expected <= found, rule.id


# Texts that hold two secrets, or one that two rules know.
SEVERAL = {"aws-secret-key-beside-id", "google-chat-webhook"}


def test_no_example_is_claimed_by_the_rule_of_another_kind(engine):
    for rule in RULES:
        for number, template in enumerate(rule.examples):
            text = sample(template, example_seed(rule, number))
            rules = [one.rule for one in candidates(engine, text.data, text.path)]
            assert rules == [rule.id] or (rule.id in SEVERAL and rule.id in rules), rule.id


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_triggers_miss_nothing_that_a_pattern_matches(engine, data):
    rule = data.draw(st.sampled_from([rule for rule in RULES if not rule.pattern.startswith("^")]))
    text = BEFORE[:400] + data.draw(st.from_regex(re.compile(rule.pattern.encode()))) + b"\n"
    if compiled(rule.pattern).search(text) is not None:
        noticed = engine._database.search(text)
        assert rule.id in {RULES[engine._places[pattern][0]].id for pattern in noticed}


@pytest.mark.parametrize("name", ["datadog", "dd"])
@pytest.mark.parametrize("between", ["", "_", "Some"])
@pytest.mark.parametrize("before", [0, 40, 400])
def test_a_short_name_beside_a_long_one_is_seen_wherever_it_stands(name, between, before):
    """Vectorscan does not see it where both are in one pattern."""
    pattern = expand("%assign(datadog|dd)(apikey)%([0-9a-f]{32})")
    rule = replace(RULES[0], id="short", pattern=pattern, keywords=(), entropy=0, checksum="", pair=None)
    text = b"\n" * before + f'"{name}{between}ApiKey": "{bytes(range(7, 119, 7)).hex()}"'.encode()
    assert len(candidates(Engine(detectors_of([rule])), text)) == 1


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("(?i:ab|c(?:d|e))f", ("(?i:ab)f", "(?i:c(?:d|e))f")),
        (r"(?i:a\||[|)]|b)f", (r"(?i:a\|)f", "(?i:[|)])f", "(?i:b)f")),
        ("(?i:ab)f", ("(?i:ab)f",)),
        ("(?i:a|b)?f", ("(?i:a|b)?f",)),
        ("a|b", ("a|b",)),
        ("(?i:a", ("(?i:a",)),
    ],
)
def test_alternative_names_become_a_trigger_each(pattern, expected):
    assert triggers(pattern) == expected


def test_the_other_engine_takes_all_of_them_too():
    database = Re2Database([trigger for rule in RULES for trigger in triggers(rule.pattern)])
    rule = BY_ID["github-personal-access-token"]
    assert len(database.search(sample(rule.examples[0], "seed").data)) == 1


# What everybody may know, beside what nobody may.
PUBLIC = (
    "STRIPE_PUBLISHABLE_KEY=pk_live_51{base62:97}",
    "MAPBOX_TOKEN=pk.eyJ1Ijoi{base64url:70}.{base64url:22}",
    "SUPABASE_KEY=sb_publishable_{base64url:22}_{base64url:8}",
    "SENTRY_DSN=https://{hex:32}@o123456.ingest.sentry.io/1234567",
    "PUBNUB_SUBSCRIBE_KEY=sub-c-{uuid}",
    "POSTHOG_KEY=phc_{base62:43}",
    "LANGFUSE_PUBLIC_KEY=pk-lf-{uuid}",
    "SQUARE_APPLICATION_ID=sq0idp-{base64url:22}",
    "ALGOLIA_SEARCH_KEY={hex:32}",
    "LD_MOBILE_KEY=mob-{uuid}",
    "TWILIO_ACCOUNT_SID=AC{hex:32}",
    "GOOGLE_CLIENT_ID={digits:12}-{lowerdigits:32}.apps.googleusercontent.com",
    "GITHUB_CLIENT_ID=Iv1.{hex:16}",
    "GA_MEASUREMENT_ID=G-{UPPERDIGITS:10}",
    "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY=pk_live_{base62:42}",
    "RECAPTCHA_SITE_KEY=6L{base64url:38}",
    "commit {hex:40}\nAuthor: A <a@example.org>",
    "integrity=sha512-{base64:86}==",
    "sha256:{hex:64}",
    "arn:aws:kms:eu-west-1:{digits:12}:key/{uuid}",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{base64:43} me@example.org",
    "age1{lowerdigits:58}",
    "xpub661MyMwAqRbc{base58:96}",
)


@pytest.mark.parametrize("template", PUBLIC)
def test_what_is_meant_to_be_public_is_found_by_no_rule(engine, template):
    for seed in "abc":
        assert candidates(engine, sample(template, seed).data) == []


def test_ids_are_named_after_their_provider_and_speak_of_one_thing():
    assert len(RULES) >= 200
    assert max(Counter(rule.what for rule in RULES).values()) == 1
    assert all(
        rule.what[0] != " " and not rule.what.lower().startswith(("a ", "an ", "the ")) for rule in RULES
    )
