"""Every address that a stranger may name, at both doors, with what leads inside or means something else.

What is refused is told by its name, and whatever is said, nothing but the document itself is ever fetched.
"""

import json
import re
from dataclasses import replace

import pytest

from issuer.house import URL, Caller, House, lived, spoken_to
from issuer.test_client_documents import APP, Web, document, read, refused
from issuer.test_registration import NATIVE, OPEN, WEB
from tokenward.base.problems import TOLD
from tokenward.base.rates import MemoryCounters

HOSTILE = (
    "http://169.254.169.254/latest/meta-data",
    "http://10.0.0.1/",
    "http://app.example/",
    "https://user:pass@app.example/",
    "https://app.example@10.0.0.1/",
    "https://app.example/#fragment",
    "https://app.example:99999999/",
    "https://[::1/",
    "https:///path",
    "//app.example/",
    "https:\\\\app.example\\",
    "https://app.example/\r\nHost: inside",
    "https://app.example/\u202egnp.exe",
    "https://\u0430pp.example/",  # a Cyrillic a
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "gopher://app.example/",
    7,
)
LINKS = ("client_uri", "logo_uri", "policy_uri", "tos_uri")
ELSEWHERE = ("sector_identifier_uri", "initiate_login_uri", "backchannel_logout_uri")
FIELDS = (*LINKS, "jwks_uri", *ELSEWHERE, "redirect_uris", "request_uris")
KEYED = {"token_endpoint_auth_method": "private_key_jwt"}
GOOD = {name: f"https://app.example/{name}" for name in LINKS}


def _with(member, value):
    said = {member: [value] if member.endswith("uris") else value}
    return said | KEYED if member == "jwks_uri" else said


class Nowhere:
    def __init__(self):
        self.asked = []

    async def fetch(self, url):
        self.asked.append(url)
        raise OSError


def registering(tmp_path, *wanted, method="POST"):
    """The answer to each, and what was fetched meanwhile."""
    answers, nowhere = [], Nowhere()

    async def test(h: House):
        for metadata in wanted:
            counters = MemoryCounters(h.clock)  # so many are a flood
            issuer = replace(h.issuer, fetch=nowhere.fetch, fetch_keys=nowhere.fetch, counters=counters)
            async with spoken_to(issuer) as (http, _):
                address, headers, said = "/register", {}, metadata
                if method == "PUT":
                    mine = (await http.post(address, json=NATIVE)).json()
                    address = mine["registration_client_uri"].removeprefix(URL)
                    headers = {"authorization": f"Bearer {mine['registration_access_token']}"}
                    said = metadata | {"client_id": mine["client_id"]}
                answers.append(await http.request(method, address, json=said, headers=headers))

    lived(test, registration=OPEN)(tmp_path)
    return answers, nowhere.asked


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("field", FIELDS)
def test_no_address_of_a_registration_leads_inside_or_means_something_else(tmp_path, method, field):
    base = NATIVE if method == "PUT" and field != "jwks_uri" else WEB
    wanted = [base | _with(field, value) for value in HOSTILE]
    answers, asked = registering(tmp_path, *wanted, method=method)
    problem = "invalid_redirect_uri" if field == "redirect_uris" else "invalid_client_metadata"
    for value, answer in zip(HOSTILE, answers, strict=True):
        assert (answer.status_code, answer.json()["error"]) == (400, problem), value
        assert f"{field}: " in answer.json()["error_description"], value
        assert re.fullmatch(f"{TOLD}+", answer.json()["error_description"]), value
    assert asked == []


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_no_address_in_a_document_leads_inside_or_means_something_else(field, value):
    web = Web(document())
    web.pages[APP] = json.dumps(document(**_with(field, value))).encode()
    assert field in refused(web)
    assert web.asked == [APP]


@pytest.mark.parametrize("odd", [True, False])
def test_a_name_in_letters_that_look_like_others_comes_to_its_page_with_them(tmp_path, odd):
    async def test(h: House):
        name = "B\u0430nk" if odd else "Bank"  # a Cyrillic a
        told = (await h.http.post("/register", json=NATIVE | {"client_name": name})).json()
        app = Caller(h, await h.issuer.client(told["client_id"]), None)
        page = await h.authorize(**app.request(redirect_uri="http://127.0.0.1/callback"))
        assert page.text == "consent"
        letters = h.pages.view.stranger.odd and h.pages.view.stranger.odd.letters
        assert letters == ((("\u0430", "CYRILLIC SMALL LETTER A"),) if odd else None)

    lived(test, registration=OPEN)(tmp_path)


def test_what_is_kept_of_good_addresses_is_fetched_from_nowhere(tmp_path):
    said = WEB | KEYED | GOOD | {"jwks_uri": "https://app.example/jwks"}
    (answer,), asked = registering(tmp_path, said)
    assert answer.status_code == 201, answer.text
    assert GOOD.items() <= answer.json().items()
    assert asked == []
    web = Web(document(**GOOD))
    assert read(web).client_id == APP
    assert web.asked == [APP]
