"""Clients that register themselves (RFC 7591, RFC 7592), and whoever would like to have another's."""

import asyncio
import json

import pytest

from issuer.house import CALLBACK, URL, Caller, House, lived
from issuer.registration_answers import checked
from issuer.test_private_key_jwt import KEY, jwks
from tokens.minting import mint
from tokenward.issuer.client_keys import ClientKeys
from tokenward.issuer.registering import new_initial_token
from tokenward.issuer.strangers import RegistrationPolicy, StrangerTerms
from tokenward.store.records import Client
from tokenward.tokens import opaque
from tokenward.tokens.errors import InvalidToken

TERMS = StrangerTerms(
    frozenset({"native", "spa", "web"}), ("accounts:read", "offline_access"), ("app.example",)
)
OPEN = RegistrationPolicy(open=True, most=50, unused=3600, terms=TERMS)
CLOSED = RegistrationPolicy(most=50, unused=3600, terms=TERMS)
NATIVE = {
    "client_name": "Notes",
    "redirect_uris": ["http://127.0.0.1/callback"],
    "token_endpoint_auth_method": "none",
    "grant_types": ["authorization_code", "refresh_token"],
}
WEB = {"client_name": "Desk", "redirect_uris": [CALLBACK]}
INVALID_TOKEN = (401, "invalid_token")


def at(policy):
    return lambda test: lived(test, registration=policy)


async def post(h: House, metadata, token=None):
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return checked(await h.http.post("/register", json=metadata, headers=headers))


async def made(h: House, metadata, token=None):
    response = await post(h, metadata, token)
    assert response.status_code == 201, response.text
    return response.json()


async def ask(h: House, method, of, token=None, json=None):
    token = token or of["registration_access_token"]
    headers = {"authorization": f"Bearer {token}"}
    path = of["registration_client_uri"].removeprefix(URL)
    return checked(await h.http.request(method, path, headers=headers, json=json))


def refusal(response):
    return response.status_code, response.json()["error"]


async def invited(h: House, uses=1, lifetime=60):
    secret, _ = await new_initial_token(h.desk, uses=uses, lifetime=lifetime)
    return secret.reveal()


@at(OPEN)
async def test_a_native_client_registers_itself_and_signs_in_on_any_loopback_port(h: House):
    told = await made(h, NATIVE)
    assert "client_secret" not in told
    assert (told["scope"], told["application_type"]) == ("accounts:read offline_access", "native")
    app = Caller(h, await h.issuer.client(told["client_id"]), None)
    here = "http://127.0.0.1:49152/callback"
    for _ in range(2):
        code = await app.code(redirect_uri=here)
        assert h.pages.view.stranger.host == ""
    tokens = await app.redeem(code, redirect_uri=here)
    assert tokens.status_code == 200


@at(OPEN)
async def test_a_client_that_calls_itself_native_and_says_no_method_gets_no_secret(h: House):
    said = {"client_name": "Helper", "redirect_uris": ["http://127.0.0.1:8765/callback"]}
    told = await made(h, {**said, "application_type": "native"})
    assert (told["token_endpoint_auth_method"], "client_secret" in told) == ("none", False)
    assert (await h.issuer.client(told["client_id"])).type == "native"
    unsaid = await made(h, {"client_name": "Desk", "redirect_uris": [CALLBACK], "application_type": "web"})
    assert (unsaid["token_endpoint_auth_method"], "client_secret" in unsaid) == ("client_secret_basic", True)


@at(OPEN)
async def test_a_web_client_gets_a_secret_once_with_its_end_and_is_asked_for_each_time(h: House):
    told = await made(h, WEB)
    assert told["client_secret_expires_at"] == int(h.clock.time() + h.issuer.settings.secret_longest)
    assert told["token_endpoint_auth_method"] == "client_secret_basic"
    app = Caller(h, await h.issuer.client(told["client_id"]), told["client_secret"])
    for _ in range(2):
        code = await app.code()
    assert (await app.redeem(code)).status_code == 200
    again = (await ask(h, "GET", told)).json()
    assert "client_secret" not in again
    assert "registration_access_token" not in again
    assert again["client_name"] == "Desk"


@at(OPEN)
async def test_localhost_is_compared_exactly(h: House):
    told = await made(h, NATIVE | {"redirect_uris": ["http://localhost:3030/callback"]})
    app = Caller(h, await h.issuer.client(told["client_id"]), None)
    assert app.client.type == "spa"
    await app.code(redirect_uri="http://localhost:3030/callback")
    other = await h.authorize(**app.request(redirect_uri="http://localhost:3031/callback"))
    assert (other.status_code, other.text) == (400, "unregistered_redirect")


@at(OPEN)
async def test_no_client_names_itself_as_somebody_else_is_named(h: House):
    """RFC 9700 §4.15: the subject of a client's own token is its client_id, and must be nobody's."""
    for said in ("user-1", "a" * 22):
        told = await made(h, NATIVE | {"client_id": said, "sub": said, "subject": said})
        assert told["client_id"] != said
        assert await h.issuer.client(said) is None


@lived
async def test_it_is_off_without_the_setting(h: House):
    assert (await post(h, NATIVE)).status_code == 404
    assert (await h.http.get("/register?client_id=x")).status_code == 404
    metadata = (await h.http.get("/.well-known/oauth-authorization-server")).json()
    assert "registration_endpoint" not in metadata


@at(CLOSED)
async def test_metadata_names_the_endpoint_where_it_is_on(h: House):
    metadata = (await h.http.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["registration_endpoint"] == f"{URL}/register"


@at(CLOSED)
async def test_who_has_no_initial_token_registers_nothing(h: House):
    real = await invited(h)
    for token in (None, opaque.new("ia").secret.reveal(), real[:-1], opaque.new("ra").secret.reveal()):
        assert refusal(await post(h, NATIVE, token)) == INVALID_TOKEN
    told = await made(h, NATIVE, real)
    assert refusal(await post(h, NATIVE, real)) == INVALID_TOKEN
    assert refusal(await post(h, NATIVE, told["registration_access_token"])) == INVALID_TOKEN
    late = await invited(h, lifetime=60)
    h.clock.advance(60)
    assert refusal(await post(h, NATIVE, late)) == INVALID_TOKEN
    assert len(await h.issuer.store.clients()) == 1


@at(CLOSED)
async def test_the_locator_of_an_initial_token_is_no_token(h: House):
    real, forged = await invited(h), opaque.new("ia").secret.reveal()
    start = len("tkw_ia_")
    body = real[: start + 11] + forged[start + 11 : -6]
    token = body + opaque._checksum(body)
    assert opaque.parse(token, kind="ia").token_id == opaque.parse(real).token_id
    assert refusal(await post(h, NATIVE, token)) == INVALID_TOKEN
    await made(h, NATIVE, real)


@at(
    RegistrationPolicy(open=True, terms=StrangerTerms(frozenset({"native"}), redirect_hosts=("app.example",)))
)
async def test_no_client_comes_of_a_type_that_the_policy_has_not(h: House):
    assert refusal(await post(h, WEB)) == (400, "invalid_client_metadata")
    await made(h, NATIVE)


@at(CLOSED)
async def test_a_refused_registration_takes_no_use(h: House):
    token = await invited(h)
    assert refusal(await post(h, NATIVE | {"redirect_uris": []}, token)) == (400, "invalid_redirect_uri")
    await made(h, NATIVE, token)


@at(CLOSED)
async def test_of_ten_at_once_as_many_register_as_the_token_is_good_for(h: House):
    token = await invited(h, uses=3)
    answers = await asyncio.gather(*(post(h, NATIVE, token) for _ in range(10)))
    assert sorted(each.status_code for each in answers) == [201] * 3 + [401] * 7


@at(OPEN)
async def test_a_flood_of_registrations_is_slowed_by_address(h: House):
    codes = [(await post(h, NATIVE)).status_code for _ in range(25)]
    assert codes == [201] * 20 + [429] * 5


@at(RegistrationPolicy(open=True, most=2, unused=3600, terms=TERMS))
async def test_there_are_no_more_than_the_policy_says(h: House):
    for _ in range(2):
        await made(h, NATIVE)
    assert refusal(await post(h, NATIVE)) == (503, "temporarily_unavailable")


@pytest.mark.parametrize(
    ("changes", "error", "member"),
    [
        ({"redirect_uris": ["https://evil.example/cb"]}, "invalid_redirect_uri", "evil.example"),
        ({"redirect_uris": ["http://app.example/cb"]}, "invalid_redirect_uri", "redirect_uris"),
        ({"redirect_uris": ["https://app.example/cb#f"]}, "invalid_redirect_uri", "redirect_uris"),
        ({"redirect_uris": "https://app.example/cb"}, "invalid_redirect_uri", "redirect_uris"),
        ({"redirect_uris": ["https://app.example/cb"] * 21}, "invalid_redirect_uri", "redirect_uris"),
        ({"grant_types": ["client_credentials"]}, "invalid_client_metadata", "grant_types"),
        ({"grant_types": ["authorization_code", "implicit"]}, "invalid_client_metadata", "grant_types"),
        ({"response_types": ["code", "token"]}, "invalid_client_metadata", "response_types"),
        ({"token_endpoint_auth_method": "tls_client_auth"}, "invalid_client_metadata", "auth_method"),
        ({"client_name": "x" * 101}, "invalid_client_metadata", "client_name"),
        ({"contacts": ["a@app.example", ""]}, "invalid_client_metadata", "contacts"),
        ({"client_name": 7}, "invalid_client_metadata", "client_name"),
        ({"client_name": "My\u202eBank"}, "invalid_client_metadata", "client_name"),
        ({"logo_uri": "http://169.254.169.254/latest"}, "invalid_client_metadata", "logo_uri"),
        ({"client_uri": "https://me@app.example/"}, "invalid_client_metadata", "client_uri"),
        ({"tos_uri": "file:///etc/passwd"}, "invalid_client_metadata", "tos_uri"),
        ({"policy_uri": "javascript:alert(1)"}, "invalid_client_metadata", "policy_uri"),
        ({"sector_identifier_uri": "https://app.example/s"}, "invalid_client_metadata", "sector_identifier"),
        ({"request_uris": ["https://app.example/r"]}, "invalid_client_metadata", "request_uris"),
        ({"initiate_login_uri": "https://app.example/l"}, "invalid_client_metadata", "initiate_login_uri"),
        (
            {"backchannel_logout_uri": "https://app.example/l"},
            "invalid_client_metadata",
            "backchannel_logout_uri",
        ),
        ({"jwks": {"keys": []}}, "invalid_client_metadata", "jwks"),
        (
            {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://127.0.0.1/k"},
            "invalid_client_metadata",
            "jwks_uri",
        ),
        ({"scope": "a  b"}, "invalid_client_metadata", "scope"),
        ({"dpop_bound_access_tokens": "yes"}, "invalid_client_metadata", "dpop_bound"),
        ({"software_statement": "a.b.c"}, "unapproved_software_statement", "software_statement"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_metadata_that_is_not_acceptable_is_refused_by_name_and_nothing_is_fetched(
    tmp_path, changes, error, member
):
    async def test(h: House):
        response = await post(h, WEB | changes)
        assert refusal(response) == (400, error)
        assert member in response.json()["error_description"]
        assert await h.issuer.store.clients() == []

    lived(test, registration=OPEN)(tmp_path)


@at(OPEN)
async def test_links_are_kept_and_unknown_members_are_ignored(h: House):
    said = {"logo_uri": "https://app.example/l.png", "contacts": ["a@app.example"], "software_id": "notes"}
    told = await made(h, NATIVE | said | {"unheard_of": {"x": 1}})
    assert said.items() <= told.items()
    assert "unheard_of" not in told


@at(OPEN)
async def test_scopes_are_those_of_the_policy_at_most(h: House):
    told = await made(h, NATIVE | {"scope": "accounts:read transfers:write"})
    assert told["scope"] == "accounts:read"


@at(OPEN)
async def test_no_stranger_is_called_like_a_client_of_the_operator(h: House):
    await h.client("web", "accounts:read")  # it is called "An app"
    for name in ("An app", "AN APP", "\uff21n app"):
        assert refusal(await post(h, NATIVE | {"client_name": name})) == (400, "invalid_client_metadata")
    told = await made(h, NATIVE)
    changed = NATIVE | {"client_id": told["client_id"], "client_name": "an App"}
    assert refusal(await ask(h, "PUT", told, json=changed)) == (400, "invalid_client_metadata")


@at(OPEN)
async def test_a_change_gives_another_token_and_the_old_one_is_dead(h: House):
    told = await made(h, NATIVE)
    changed = await ask(h, "PUT", told, json=NATIVE | {"client_id": told["client_id"], "client_name": "New"})
    assert changed.status_code == 200
    assert changed.json()["client_name"] == "New"
    fresh = changed.json()["registration_access_token"]
    for method in ("GET", "DELETE"):
        assert refusal(await ask(h, method, told)) == INVALID_TOKEN
    again = NATIVE | {"client_id": told["client_id"]}
    assert refusal(await ask(h, "PUT", told, json=again)) == INVALID_TOKEN
    assert (await ask(h, "GET", told, fresh)).json()["client_name"] == "New"


@at(OPEN)
async def test_nobody_reads_changes_or_removes_the_registration_of_another(h: House):
    mine, other = await made(h, NATIVE), await made(h, NATIVE)
    operators = await h.client("spa", "accounts:read")
    addresses = [other, {"registration_client_uri": f"{URL}/register?client_id={operators.id}"}]
    for each in addresses:
        for method in ("GET", "PUT", "DELETE"):
            body = NATIVE | {"client_id": other["client_id"]} if method == "PUT" else None
            response = await ask(h, method, each, mine["registration_access_token"], body)
            assert refusal(response) == INVALID_TOKEN
    assert len(await h.issuer.store.clients()) == 3
    body = NATIVE | {"client_id": other["client_id"]}
    assert refusal(await ask(h, "PUT", mine, json=body)) == (400, "invalid_client_metadata")


@at(OPEN)
async def test_no_change_makes_a_client_prove_itself_less_well(h: House):
    keys = {"token_endpoint_auth_method": "private_key_jwt", "jwks": json.loads(jwks(KEY))}
    bound = {"dpop_bound_access_tokens": True, "require_pushed_authorization_requests": True}
    told = await made(h, WEB | keys | bound)
    mine = WEB | keys | bound | {"client_id": told["client_id"]}
    without = {name: value for name, value in mine.items() if name != "jwks"}
    for weaker in (
        without | {"token_endpoint_auth_method": "client_secret_basic"},
        without | {"token_endpoint_auth_method": "none", "redirect_uris": NATIVE["redirect_uris"]},
        mine | {"dpop_bound_access_tokens": False},
        mine | {"require_pushed_authorization_requests": False},
        mine | {"client_secret": "chosen"},
        mine | {"registration_access_token": "chosen"},
    ):
        assert refusal(await ask(h, "PUT", told, json=weaker)) == (400, "invalid_client_metadata")
    assert (await ask(h, "PUT", told, json=mine)).status_code == 200


@at(OPEN)
async def test_a_client_that_gets_keys_loses_its_secret(h: House):
    told = await made(h, WEB)
    keys = {"token_endpoint_auth_method": "private_key_jwt", "jwks": json.loads(jwks(KEY))}
    body = WEB | keys | {"client_id": told["client_id"]}
    assert (await ask(h, "PUT", told, json=body)).status_code == 200
    assert await h.issuer.store.client_secrets(told["client_id"]) == []


@at(OPEN)
async def test_a_client_that_removes_itself_is_gone_with_all_it_was_issued(h: House):
    told = await made(h, NATIVE)
    app = Caller(h, await h.issuer.client(told["client_id"]), None)
    code = await app.code(redirect_uri="http://127.0.0.1/callback")
    token = (await app.redeem(code, redirect_uri="http://127.0.0.1/callback")).json()["access_token"]
    assert await app.live(token)
    assert (await ask(h, "DELETE", told)).status_code == 204
    assert not await app.live(token)
    assert refusal(await ask(h, "GET", told)) == INVALID_TOKEN


@at(OPEN)
async def test_guessing_registration_tokens_is_slowed(h: House):
    told = await made(h, NATIVE)
    codes = [(await ask(h, "GET", told, opaque.new("ra").secret.reveal())).status_code for _ in range(25)]
    assert codes == [401] * 20 + [429] * 5
    assert (await ask(h, "GET", told)).status_code == 200


@at(OPEN)
async def test_bodies_that_are_no_json_object_are_refused(h: House):
    json_type = {"content-type": "application/json"}
    for content in (b"[]", b"{", b'{"client_name":"a","client_name":"b"}'):
        response = await h.http.post("/register", content=content, headers=json_type)
        assert refusal(response) == (400, "invalid_client_metadata")
    assert (await h.http.post("/register", data={"a": "b"})).status_code == 415
    large = await h.http.post("/register", content=b" " * 70_000, headers=json_type)
    assert large.status_code == 413


@pytest.mark.parametrize("itself", [True, False])
def test_keys_of_a_stranger_come_by_the_guard_for_strangers(itself):
    asked = []

    def fetching(by):
        async def fetch(_url):
            asked.append(by)
            raise OSError("nobody is there")

        return fetch

    client = Client(
        "app", "App", "web", (CALLBACK,), (), 0.0,
        auth_method="private_key_jwt", jwks_uri="https://app.example/k", self_registered=itself,
    )  # fmt: skip
    keys = ClientKeys(URL, fetching("operators"), fetching("strangers"))
    assertion = mint({"iss": "app", "sub": "app", "aud": URL, "iat": 0, "exp": 1, "jti": "1"}, KEY)
    with pytest.raises(InvalidToken):
        asyncio.run(keys.validator(client).validate_async(assertion))
    assert set(asked) == {"strangers" if itself else "operators"}
