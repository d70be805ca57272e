"""What a probe finds in targets that are weak in one known way each: exactly that."""

import pytest

from targets import libraries, raw
from targets.probed import found, probed
from tokenward.auditor.attacks import ON_ACCESS_TOKENS, Attack
from tokenward.auditor.probing import tokens
from tokenward.auditor.probing.token_checks import check_of, fired
from tokenward.auditor.probing.wire import CannotProbe

WEAK = {
    raw.strict: set(),
    raw.no_signature: {"signature"},
    raw.no_expiry: {"expired"},
    raw.no_audience: {"audience"},
    raw.no_issuer: {"issuer"},
    raw.no_typ: {"token-kind"},
    raw.no_binding: {"binding"},
    raw.two_minutes_of_leeway: {"leeway"},
    raw.alg_none: {"alg-none"},
    raw.key_confusion: {"key-confusion"},
    raw.guessable_secret: {"guessable-secret"},
    raw.kid_as_path: {"key-name"},
    raw.key_in_header: {"key-in-header"},
    raw.key_address: {"key-address", "address-fetched"},
    raw.fetches_what_the_issuer_says: {"address-fetched"},
    raw.fetches_for_each_key: {"key-set-storm"},
    raw.remembers_by_jti: {"cache"},
    raw.any_token: {"any-token"},
    raw.in_query: {"token-in-query"},
    raw.in_cookie: {"token-in-cookie"},
    raw.in_form: {"token-in-form"},
    raw.first_of_two: {"several-credentials"},
    raw.any_scheme: {"lenient-header"},
    raw.one_spelling: {"scheme-case"},
    raw.crashes: {"server-error"},
    raw.shows_a_trace: {"server-error", "stack-trace"},
    raw.answers_200: {"soft-error"},
    raw.answers_200_alike: {"soft-error"},
    raw.other_words: {"soft-error"},
    raw.answers_200_in_html: {"soft-error"},
    raw.redirects: {"redirect"},
    raw.answers_403: {"wrong-status"},
    raw.no_challenge: {"no-challenge"},
    raw.repeats_the_token: {"token-echoed"},
    raw.names_its_library: {"library-named"},
    raw.tells_what_it_expected: {"expected-value"},
    raw.any_origin: {"cors"},
    raw.public_answers: {"shared-cache"},
    raw.cached_by_address: {"mixed-callers"},
    raw.cached_by_scheme: {"mixed-callers"},
    raw.no_proof: {"binding", "dpop-proof", "dpop-downgrade", "dpop-replay", "lenient-header"},
    raw.proofs_replayed: {"dpop-replay"},
    raw.proofs: set(),
}
WHOLE = {raw.strict, raw.no_signature, raw.no_expiry, raw.no_audience, raw.no_issuer, raw.no_typ}
"""Against these the whole table is fired; others get the rows of their checks, and a sample of the rest."""


def sample(expected: set[str]) -> list[Attack]:
    rows = list(filter(fired, ON_ACCESS_TOKENS))
    ours = [row for row in rows if check_of(row).removeprefix("probe.") in expected]
    return [*ours, *(row for row in rows[::9] if row not in ours)]


@pytest.mark.parametrize("target", WEAK, ids=lambda it: it.__name__)
def test_a_probe_finds_what_is_weak_and_no_more(target, monkeypatch):
    if target not in WHOLE:
        monkeypatch.setattr(tokens, "ON_ACCESS_TOKENS", sample(WEAK[target]))
    result = probed(target)
    assert found(result) == WEAK[target], [(it.check.id, it.detail) for it in result.findings]
    assert result.complete
    assert not [it for it in result.unseen if not it.skipped]


ANY = {"binding", "not-json"}
"""No library is told by whom a token was presented, and all are lenient with JSON in one way or another."""

LIBRARIES = {
    libraries.pyjwt: ANY | {"base64", "expiry-type", "no-expiry", "time-type", "token-kind"},
    libraries.python_jose: ANY
    | {"audience", "base64", "critical-extension", "expiry-type", "no-expiry", "other-algorithm"}
    | {"time-type", "token-kind", "unencoded-payload"},
    libraries.joserfc: ANY | {"token-kind"},
    libraries.authlib: ANY | {"typ"},
    libraries.jwcrypto: ANY
    | {"base64", "ecdsa-form", "leeway", "not-yet-valid", "other-algorithm", "subject", "time-type"}
    | {"token-id", "token-kind"},
}


@pytest.mark.parametrize("target", LIBRARIES, ids=lambda it: it.__name__)
def test_a_probe_finds_what_an_api_on_a_library_leaves_out(target):
    result = probed(target)
    assert found(result) == LIBRARIES[target], [(it.check.id, it.detail) for it in result.findings]


def test_an_api_that_answers_alike_to_everybody_is_no_result():
    with pytest.raises(CannotProbe, match="open to everybody"):
        probed(raw.open_to_all, patience=0.0)
