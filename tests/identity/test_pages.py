from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.values import api_key, passkey, session
from tokenward.base.origins import origin_of
from tokenward.base.problems import CATALOGUE, EXPIRED_FORM, INVALID_INPUT, Refusal
from tokenward.identity.account_view import AccountView, Allowed, Application, Key, LinkedAccount
from tokenward.identity.answers import told
from tokenward.identity.factors.totp import qr_svg
from tokenward.identity.offers import PasskeyOffer
from tokenward.identity.pages import Pages
from tokenward.identity.static_files import STYLE
from tokenward.identity.steps import Aim
from tokenward.issuer.client_names import odd_letters
from tokenward.issuer.ports import StrangerView
from tokenward.store.people_records import FactorSummary
from tokenward.tokens.authorization_details.wording import Piece, Told

PAGES = Pages("Example & Sons")
ALLOWED = Allowed("Bank", {"accounts:read": "See your accounts", "gone": "gone"})
ELSEWHERE = LinkedAccount("corp", "Corp & Co", "corp-1", 0.0, None)
HOSTILE = "\"><script>alert('1')</script><img src=x onerror=alert(1)>{{ 7*7 }}{% raw %}"


def view(**changed):
    facts = {
        "client_name": "App",
        "redirect_host": "app.example",
        "username": "alice",
        "resource": "Accounts",
        "scopes": {"accounts:read": "See your accounts"},
        "since": {},
        "action": "/authorize/decision",
        "sealed_request": "sealed",
        "details": (),
        "claims": (),
        "problem": None,
        "stranger": None,
        "agent": False,
    }
    return SimpleNamespace(**(facts | changed))


def sign_out_view(**changed):
    facts = {"username": "alice", "client_name": "App", "action": "/end-session/decision"}
    return SimpleNamespace(**(facts | {"sealed_request": "sealed", "problem": None} | changed))


AIM = Aim("/authorize?client_id=app", "two-factor", 7.5)
OFFER = PasskeyOffer("field", "{}")


def sign_in(pages=PAGES, **changed):
    return pages.sign_in(**({"aim": AIM, "field": "f", "passkey": None} | changed))


class Reader(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page.decode())

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def named(self, name):
        return [attributes for _, attributes in self.tags if attributes.get("name") == name]


def shape(page):
    return [tag for tag, _ in Reader(page).tags]


@pytest.mark.parametrize(
    "field", ["client_name", "redirect_host", "username", "resource", "action", "sealed_request"]
)
def test_nothing_on_the_consent_page_can_become_markup(field):
    page = PAGES.consent(view(**{field: HOSTILE}))
    assert shape(page) == shape(PAGES.consent(view()))
    assert b"<script" not in page
    assert b"49" not in page.replace(STYLE.address.encode(), b"")  # which has a hash in it


def device_view(**changes):
    facts = {
        "client_name": "TV",
        "username": "ada",
        "resource": "Bank",
        "scopes": {"accounts:read": "See accounts"},
        "user_code": "WDJB-MJHT",
        "asked_at": 1_800_000_000.0,
        "minutes": 3,
        "address": "203.0.113.7",
        "browser_address": "198.51.100.2",
        "same_place": False,
        "action": "/device/decision",
        "sealed_request": "sealed",
        "problem": CATALOGUE["unknown_device_request"],
    }
    return SimpleNamespace(**{**facts, **changes})


@pytest.mark.parametrize(
    "field",
    [
        "client_name",
        "username",
        "resource",
        "user_code",
        "address",
        "browser_address",
        "action",
        "sealed_request",
    ],
)
def test_nothing_on_the_pages_of_a_device_can_become_markup(field):
    for render in (PAGES.device, PAGES.device_consent):
        page = render(device_view(**{field: HOSTILE}))
        assert shape(page) == shape(render(device_view()))
        assert b"<script" not in page
        assert b"49" not in page.replace(STYLE.address.encode(), b"")
    done = PAGES.device_done(HOSTILE, allowed=True)
    assert shape(done) == shape(PAGES.device_done("TV", allowed=True))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"minutes": 0}, "Less than a minute ago"),
        ({"minutes": 1}, "A minute ago"),
        ({"minutes": 9}, "9 minutes ago"),
        ({}, "This browser is at 198.51.100.2. Deny if"),
        ({"same_place": True}, "203.0.113.7, the same as this browser"),
        ({"address": ""}, "An unknown address"),
        ({"browser_address": ""}, "203.0.113.7"),
        ({}, "Only go on if you started this yourself, on a device in front of you."),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else value[:20].strip(),
)
def test_the_page_of_a_device_says_when_and_from_where_it_asked(changes, said):
    assert said in Reader(PAGES.device_consent(device_view(**changes))).text


def test_scopes_and_their_meanings_cannot_either():
    page = PAGES.consent(view(scopes={HOSTILE: HOSTILE}))
    assert shape(page) == shape(PAGES.consent(view()))


def test_a_page_that_was_read_stays_whatever_becomes_of_its_file(monkeypatch):
    pages = Pages("Example & Sons")
    pages.read_all()
    monkeypatch.setattr(pages._environment.loader, "get_source", None)
    assert b"Example &amp; Sons" in sign_in(pages)


@given(st.text())
def test_what_was_typed_comes_back_as_text(typed):
    page = sign_in(field=typed, username=typed or "x", error=typed or "x")
    assert shape(page) == shape(sign_in(field="", username="x", error="x"))


def test_the_name_of_the_issuer_is_escaped_everywhere():
    pages = Pages(HOSTILE)
    for hostile, tame in (
        (pages.landing(), PAGES.landing()),
        (pages.error(CATALOGUE["malformed_request"]), PAGES.error(CATALOGUE["malformed_request"])),
        (sign_in(pages), sign_in()),
    ):
        assert shape(hostile) == shape(tame)


def test_the_consent_page_says_who_asks_for_what_and_where_the_answer_goes():
    read = Reader(PAGES.consent(view()))
    for fact in ("App", "app.example", "alice", "Accounts", "See your accounts", "accounts:read"):
        assert fact in read.text
    assert read.named("request") == [{"type": "hidden", "name": "request", "value": "sealed"}]
    assert [button["value"] for button in read.named("decision")] == ["allow", "deny"]


def stranger(name, host=""):
    return view(client_name=name, stranger=StrangerView(host, odd_letters(name)))


@pytest.mark.parametrize("host", ["", "app.example"])
def test_an_application_that_nobody_registered_is_told_as_such(host):
    known, read = Reader(PAGES.consent(view())).text, Reader(PAGES.consent(stranger("App", host))).text
    assert "calls itself App" in read
    assert "Nobody here knows it" in read
    assert (f"whoever runs {host}" in read) is bool(host)
    assert "calls itself" not in known
    assert "Nobody here knows it" not in known


def test_an_automated_agent_is_told_as_such():
    told = "This is an automated agent"
    assert told in Reader(PAGES.consent(view(agent=True))).text
    assert told not in Reader(PAGES.consent(view())).text


def test_letters_that_look_like_others_are_told_by_their_names():
    read = Reader(PAGES.consent(stranger("B\u0430nk"))).text
    assert "CYRILLIC SMALL LETTER A" in read
    assert "Latin, Cyrillic" in read
    assert "several scripts" not in Reader(PAGES.consent(stranger("\u0431\u0430\u043d\u043a"))).text
    assert "plain ones" not in Reader(PAGES.consent(stranger("Bank"))).text


def test_nothing_that_a_stranger_says_can_become_markup():
    hostile = view(client_name=HOSTILE, stranger=StrangerView(HOSTILE, None))
    assert shape(PAGES.consent(hostile)) == shape(PAGES.consent(stranger("App", "app.example")))


def exactly(payee, title="Reference"):
    pieces = (Piece("Send ", given=False), Piece(payee, given=True), Piece(".", given=False))
    return Told(pieces, ((title, (Piece(payee, given=True),)),))


def test_what_is_asked_for_exactly_stands_above_the_scopes_and_values_are_marked():
    page = PAGES.consent(view(details=(exactly("Müller & Söhne"),)))
    assert '<strong class="given"><bdi>Müller &amp; Söhne</bdi></strong>.' in page.decode()
    words = " ".join(Reader(page).text.split())
    assert "allow exactly this Send Müller & Söhne. Reference Müller & Söhne It could also See your" in words
    assert "exactly" not in Reader(PAGES.consent(view())).text


@pytest.mark.parametrize(
    "text", [HOSTILE, "</bdi></strong> and nothing else", "{{ 7*7 }}", "\u202eEUR 00.1", "${x} {payee}"]
)
def test_no_value_of_a_client_can_become_a_part_of_our_page(text):
    plain = view(details=(exactly("A"),))
    hostile = view(details=(exactly(text, title=text),))
    assert shape(PAGES.consent(hostile)) == shape(PAGES.consent(plain))
    assert shape(account(exactly(text, title=text))) == shape(account(exactly("A")))


def account(*details):
    allowed = Allowed("Bank", {}, details)
    application = Application("app", "App", (allowed,), 7.5, acts=True)
    shown = account_view(applications=[application])
    return PAGES.account(shown, sign_out="g", passkeys=True)


def test_consent_to_no_scope_at_all_renders():
    assert "accounts:read" not in Reader(PAGES.consent(view(scopes={}))).text


@pytest.mark.parametrize("problem", CATALOGUE.values(), ids=lambda problem: problem.code)
def test_every_problem_has_a_page(problem):
    text = Reader(PAGES.error(problem)).text
    assert problem.text in text
    assert problem.code in text


def test_password_managers_and_screen_readers_find_their_way():
    read = Reader(sign_in(username="alice", error="Wrong."))
    (username,), (password,) = read.named("username"), read.named("password")
    assert username["autocomplete"] == "username webauthn"
    assert password["autocomplete"] == "current-password"
    assert "value" not in password
    assert "maxlength" not in password
    labels = [attributes["for"] for tag, attributes in read.tags if tag == "label"]
    assert labels == [username["id"], password["id"]]
    (problem,) = [attributes for _, attributes in read.tags if attributes.get("role") == "alert"]
    assert username["aria-describedby"] == password["aria-describedby"] == problem["id"]


def test_the_consent_page_tells_what_is_new_from_what_was_allowed():
    scopes = {"accounts:read": "See your accounts", "accounts:pay": "Pay"}
    first, more = (
        Reader(PAGES.consent(view(scopes=scopes, since=since))).text.split()
        for since in ({}, {"accounts:read": 86_400.0, "accounts:close": 0.0})
    )
    assert "Allowed" not in first
    assert "New:" not in first
    told = " ".join(more)
    assert "See your accounts accounts:read Allowed since 1970-01-02 00:00 UTC." in told
    assert "Pay accounts:pay New: you have not allowed this before." in told
    assert (told.count("Allowed"), told.count("New:")) == (1, 1)


def account_view(**changed):
    facts = {
        "username": "alice",
        "field": "f",
        "factors": FactorSummary(password=True, passkeys=1, totp=True, recovery_codes=7),
        "sessions": [session(session_id="s-1"), session(session_id="s-2")],
        "this_session": "s-1",
        "accounts": [ELSEWHERE],
        "providers_work": True,
        "applications": [Application("app", "App", (ALLOWED,), 0.0, acts=True)],
        "api_keys": [Key(api_key(name="Weather"), ALLOWED)],
    }
    return AccountView(**(facts | changed))


def every_page():
    return [
        sign_in(),
        sign_in(error="Wrong.", confirming=True, forgotten=True, passkey=OFFER),
        PAGES.code(aim=AIM, field="f", passkey=OFFER, error="Wrong."),
        PAGES.passkey(aim=AIM, passkey=OFFER),
        PAGES.link(username="alice", token="t", field="f", error="Wrong."),
        PAGES.forgotten(field="f"),
        PAGES.forgotten(field="f", sent=True),
        PAGES.account(account_view(), sign_out="f", passkeys=True),
        PAGES.providers(field="f", linked=[ELSEWHERE], others=[ELSEWHERE], error="Wrong."),
        PAGES.password(username="alice", field="f", error="Wrong."),
        PAGES.passkeys(aim=AIM, field="f", passkey=OFFER, passkeys=[passkey(user_id="u")]),
        PAGES.authenticator(
            aim=AIM, field="f", offer="o", secret="S", qr=qr_svg("otpauth://totp/x"), replaces=True
        ),
        PAGES.recovery(aim=AIM, field="f", left=3, codes=[]),
        PAGES.recovery(aim=AIM, field="f", left=10, codes=["A", "B"]),
        PAGES.second_factor(aim=AIM, passkeys=True, app=True),
        PAGES.landing(),
        PAGES.consent(view(claims=["e-mail address"])),
        sign_in(signed_in_as="alice"),
        PAGES.sign_out(sign_out_view()),
        PAGES.sign_out(sign_out_view(client_name="", problem=CATALOGUE["expired_form"])),
        PAGES.signed_out(client_name="App", back="https://app.example/bye"),
        PAGES.error(CATALOGUE["unknown_client"]),
        PAGES.go_back(CATALOGUE["invalid_scope"], host="app.example", back="https://app.example/?error=x"),
    ]


@pytest.mark.parametrize("field", ["username", "client_name", "action", "sealed_request"])
def test_nothing_that_others_wrote_breaks_the_page_that_asks_to_sign_out(field):
    page = PAGES.sign_out(sign_out_view(**{field: HOSTILE}))
    assert shape(page) == shape(PAGES.sign_out(sign_out_view()))
    done = PAGES.signed_out(client_name=HOSTILE, back=HOSTILE)
    assert shape(done) == shape(PAGES.signed_out(client_name="App", back="https://app.example/"))


def test_the_way_to_a_stranger_is_a_link_beside_what_it_leads_to():
    page = PAGES.go_back(CATALOGUE["invalid_scope"], host="app.example", back="https://app.example/?error=x")
    read = Reader(page)
    (link,) = [attributes for tag, attributes in read.tags if tag == "a"]
    assert link["href"] == "https://app.example/?error=x"
    assert "app.example, which nobody here has checked" in read.text
    assert not [attributes for tag, attributes in read.tags if "http-equiv" in attributes or tag == "form"]
    hostile = PAGES.go_back(CATALOGUE["invalid_scope"], host=HOSTILE, back=HOSTILE)
    assert shape(hostile) == shape(page)


def test_a_claim_that_is_asked_for_is_shown_and_nothing_else():
    assert "e-mail address" in Reader(PAGES.consent(view(claims=["e-mail address"]))).text
    assert "It would be told" not in Reader(PAGES.consent(view())).text


@pytest.mark.parametrize("page", every_page())
def test_pages_work_under_their_own_policy(page):
    read = Reader(page)
    assert page.startswith(b"<!doctype html>")
    assert ("html", {"lang": "en"}) in read.tags
    for tag, attributes in read.tags:
        assert tag not in {"style", "iframe", "img", "base"}
        assert tag != "script" or attributes.keys() == {"src", "defer"}  # nothing inline
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
    (sheet,) = [attributes["href"] for tag, attributes in read.tags if tag == "link"]
    assert sheet.startswith("/static/tokenward.css?v=")


def test_every_page_comes_with_the_headers(visit):
    async def story(house):
        browser = house.browser()
        for path in ("/", "/sign-in", "/sign-in?continue=%zz"):
            headers = (await browser.get(path)).headers
            policy = dict(
                part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";")
            )
            assert policy == {
                "default-src": "'none'",
                "script-src": "'self'",
                "style-src": "'self'",
                "img-src": "'self'",
                "base-uri": "'none'",
                "frame-ancestors": "'none'",
            }
            assert headers["content-type"] == "text/html; charset=utf-8"
            assert headers["x-frame-options"] == "DENY"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
            assert headers["cross-origin-opener-policy"] == "same-origin"
            assert headers["cache-control"] == "no-store"

    visit(story)


def test_the_style_is_cacheable_for_good(visit):
    async def story(house):
        answer = await house.browser().get("/static/tokenward.css?v=1")
        assert answer.content == STYLE.content
        assert answer.headers["content-type"].startswith("text/css")
        assert "immutable" in answer.headers["cache-control"]

    visit(story)


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (
            Refusal(INVALID_INPUT, "a password needs more; try four words"),
            "A password needs more; try four words.",
        ),
        (Refusal(EXPIRED_FORM, "session 7 is over"), EXPIRED_FORM.text),  # details are for the log
    ],
)
def test_a_page_says_what_was_wrong_in_a_sentence_and_no_detail_of_ours(refusal, said):
    assert told(refusal) == said


def test_the_caller_cannot_change_the_headers_of_later_pages():
    PAGES.headers.clear()
    assert PAGES.headers


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://id.example", "https://id.example"),
        ("https://ID.Example:443/path", "https://id.example"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_an_origin_is_written_as_browsers_do(url, origin):
    assert origin_of(url) == origin


@pytest.mark.parametrize("url", ["", "id.example", "https://", "file:///etc", "https://a:b"])
def test_what_has_no_origin_is_refused(url):
    with pytest.raises(ValueError, match=r"host|port|Port"):
        origin_of(url)
