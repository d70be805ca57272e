"""What a probe finds of cookie APIs that let other sites act, by what they look at."""

import pytest

from targets.probed import found
from targets.serving import REFUSED, Response, running
from tokenward.auditor.probing.asked import Asked
from tokenward.auditor.probing.probe import probe
from tokenward.base.secret import Secret

SAFE = {"GET", "HEAD"}


class Asking:
    """A request as a defence sees it."""

    def __init__(self, request, media):
        fields = request.fields
        self.method = request.method
        self.origin = fields.get("HTTP_ORIGIN")
        self.site = fields.get("HTTP_SEC_FETCH_SITE")
        self.own = f"http://{fields['HTTP_HOST']}"
        self.referer = fields.get("HTTP_REFERER", "")
        self.media = media
        self.override = fields.get("HTTP_X_HTTP_METHOD_OVERRIDE")
        self.query = request.query


def strict(it):
    return it.origin == it.own and it.site in {None, "same-origin"}


def none(_):
    return True


def site_only(it):
    return it.site != "cross-site"


def null_is_fine(it):
    return strict(it) or it.origin == "null"


def by_beginning(it):
    return it.origin is not None and it.origin.startswith(it.own)


def where_it_is_said(it):
    """As Go's `http.CrossOriginProtection`: whoever says nothing is no browser."""
    return strict(it) or (it.origin is None and it.site is None)


def by_referer(it):
    """Refuses what comes from elsewhere, and takes a request that names no page."""
    return strict(it) or (it.origin is None and it.site is None and not it.referer)


def but_for_forms(it):
    return strict(it) or it.media == "application/x-www-form-urlencoded"


def without_origin(it):
    return it.origin is None or strict(it)


FOUND = {
    strict: set(),
    by_referer: set(),
    none: {"cross-site", "origin-unsaid"},
    site_only: {"cross-site", "origin-unsaid"},
    null_is_fine: {"cross-site"},
    by_beginning: {"cross-site"},
    but_for_forms: {"cross-site"},
    without_origin: {"cross-site", "origin-unsaid"},
    where_it_is_said: {"origin-unsaid"},
}
NAMED = {
    site_only: "POST with the cookie: from there, without Sec-Fetch-Site.",
    null_is_fine: "POST with the cookie: from the origin `null`.",
    by_beginning: "POST with the cookie: from an origin that begins like its own.",
    but_for_forms: "POST with the cookie: as a form, application/x-www-form-urlencoded.",
    without_origin: "POST with the cookie: without Origin, Sec-Fetch-Site: cross-site.",
}


def target(defence, *, overrides=lambda _: None, seen=None, media=None, lets=None):
    """An API with a defence; `lets` is what it tells browsers that ask first (CORS)."""

    def answer(request):
        if request.method == "OPTIONS":
            return Response(204, "", lets or {})
        if seen is not None:
            seen.append(request.method)
        if request.fields.get("HTTP_COOKIE") != "sid=1":
            return REFUSED
        it = Asking(request, request.media)
        if media is not None and it.method not in SAFE and it.media != media:
            return Response(415, {})
        if it.method not in SAFE and not defence(it):
            return Response(403, {"error": "another site"})
        method = overrides(it) or it.method
        return Response(200, {"accounts": []}) if method in SAFE else Response(200, {"done": method})

    return answer


def probed(answer, **asked):
    with running(answer) as url:
        settings = {"unsafe": True, "rate": 1e6} | asked
        return probe(Asked(url, cookie=Secret("sid=1"), **settings), sleep=lambda _: None)


@pytest.mark.parametrize("defence", FOUND, ids=lambda it: it.__name__)
def test_what_lets_other_sites_act_is_found(defence):
    result = probed(target(defence))
    assert found(result) == FOUND[defence]
    if defence in NAMED:
        assert NAMED[defence] in [each.detail for each in result.findings]


@pytest.mark.parametrize(
    ("overrides", "method", "named"),
    [
        (lambda it: it.override, "POST", "a GET with X-HTTP-Method-Override"),
        (lambda it: it.query.get("_method", [None])[0], "POST", "a GET with `_method` in the query"),
        (lambda it: it.query.get("_method", [None])[0], "DELETE", "a GET with `_method` in the query"),
    ],
    ids=["field", "query", "delete"],
)
def test_a_method_that_is_overridden_after_the_check_is_found(overrides, method, named):
    lets = {**LETS, "Access-Control-Allow-Headers": "X-HTTP-Method-Override"}
    result = probed(target(strict, overrides=overrides, lets=lets), method=method)
    assert found(result) == {"method-override"}
    (finding,) = result.findings
    assert finding.detail.startswith(f"Taken for a {method}: {named}")


def test_a_method_that_is_overridden_before_the_check_is_none():
    def answer(request):
        method = request.fields.get("HTTP_X_HTTP_METHOD_OVERRIDE") or request.method
        return target(strict)(type(request)(**{**vars_of(request), "method": method}))

    assert found(probed(answer, method="DELETE")) == set()


def vars_of(request):
    return {name: getattr(request, name) for name in type(request).__slots__}


def test_without_a_word_nothing_that_changes_things_is_sent():
    seen = []
    result = probed(target(none, seen=seen), unsafe=False)
    assert set(seen) == {"GET"}
    assert any("--unsafe-methods" in each.why for each in result.unseen)


LETS = {"Access-Control-Allow-Origin": "https://evil.example", "Access-Control-Allow-Credentials": "true"}


@pytest.mark.parametrize(
    ("lets", "expected"),
    [
        ({**LETS, "Access-Control-Allow-Headers": "Content-Type"}, {"cross-site"}),
        (LETS, set()),
        (
            {
                "Access-Control-Allow-Origin": "https://evil.example",
                "Access-Control-Allow-Headers": "Content-Type",
                "Access-Control-Allow-Methods": "DELETE",
            },
            set(),
        ),
        ({**LETS, "Access-Control-Allow-Headers": "*"}, set()),  # not with credentials
        ({"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "content-type"}, set()),
        ({}, set()),
    ],
    ids=["let", "headers", "credentials", "star", "everybody", "not"],
)
def test_what_browsers_ask_about_first_counts_only_where_they_may(lets, expected):
    """JSON is no media type of forms: an API that takes it alone is not open to other sites for that."""
    result = probed(target(none, media="application/json", lets=lets))
    assert found(result) - {"origin-unsaid"} == expected
    delete = {**lets, "Access-Control-Allow-Methods": "DELETE"} if expected else lets
    result = probed(target(none, lets=delete), method="DELETE")
    assert found(result) - {"origin-unsaid"} == expected


def test_a_field_that_browsers_may_not_send_overrides_nothing():
    assert found(probed(target(strict, overrides=lambda it: it.override))) == set()


def test_an_api_that_refuses_its_own_page_is_left_out():
    result = probed(target(lambda _: False))
    assert found(result) == set()
    assert any("refused even from the same site (403)" in each.why for each in result.unseen)
