"""What a probe finds in targets that are weak in one known way each: exactly that."""

import pytest

from targets import raw
from targets.serving import running
from tokenward.auditor.probing.probe import Asked, Watcher, probe


class Telling(Watcher):
    """Tells a target whom it is to trust."""

    def __init__(self, trust):
        self.trust = trust

    def listens(self, issuer):
        self.trust.url = issuer


def probed(make, **asked):
    trust = raw.Trust()
    with running(make(trust)) as url:
        settings = {"audience": raw.AUDIENCE, "test_issuer": ("127.0.0.1", 0), "rate": 1e6} | asked
        return probe(Asked(url, **settings), sleep=lambda _: None, watcher=Telling(trust))


def found(result):
    return {finding.check.id.removeprefix("probe.") for finding in result.findings}


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
}


@pytest.mark.parametrize("target", WEAK, ids=lambda it: it.__name__)
def test_a_probe_finds_what_is_weak_and_no_more(target):
    result = probed(target)
    assert found(result) == WEAK[target], [(it.check.id, it.detail) for it in result.findings]
    assert result.complete
    assert not [it for it in result.unseen if not it.skipped]
