"""`/token` before any grant is looked at: forms, client authentication, the shape of refusals."""

import base64
from dataclasses import replace

import httpx
import pytest

from issuer.house import CALLBACK, House, basic, error, lived
from tokenward.base.entropy import identifier
from tokenward.issuer.client_secrets import rotate_secret
from tokenward.store.records import ClientSecret
from tokenward.tokens import opaque

GRANT = {"grant_type": "client_credentials"}


@lived
async def test_basic_and_post_authenticate_the_same_client(h: House):
    app = await h.client("service", "forecast:read")
    assert (await h.http.post("/token", data=GRANT, headers=app.basic())).status_code == 200
    body = {**GRANT, "client_id": app.id, "client_secret": app.secret}
    assert (await h.http.post("/token", data=body)).status_code == 200
    with_id = {**GRANT, "client_id": app.id}
    assert (await h.http.post("/token", data=with_id, headers=app.basic())).status_code == 200


@lived
async def test_every_wrong_authentication_looks_the_same(h: House):
    app = await h.client("service", "forecast:read")
    other = await h.client("service", "forecast:read")
    unknown = opaque.new("cs").secret.reveal()
    forged = app.secret[:-7] + ("a" if app.secret[-7] != "a" else "b") + app.secret[-6:]
    answers = [
        await h.http.post("/token", data=GRANT, headers=headers)
        for headers in (
            basic(app.id, unknown),
            basic(app.id, forged),
            basic(app.id, "letmein"),
            basic(app.id, other.secret),
            basic("nobody", app.secret),
            basic("nobody", unknown),
            {},
            {"authorization": f"Bearer {app.secret}"},
            {"authorization": app.basic()["authorization"].replace("Basic", "Bearer")},
            {"authorization": "Basic"},
            {"authorization": "Basic !!!"},
            {"authorization": "Basic " + base64.b64encode(b"no colon").decode()},
            {"authorization": "Basic " + base64.b64encode(b":").decode()},
            {"authorization": "Basic " + base64.b64encode(b"%zz:x").decode()},
            {"authorization": "Basic " + base64.b64encode("ü:x".encode()).decode()},
        )
    ]
    answers += [
        await h.http.post("/token", data={**GRANT, **form})
        for form in ({"client_id": "nobody"}, {"client_secret": app.secret})
    ]
    assert {each.status_code for each in answers} == {401}
    assert len({each.content for each in answers}) == 1
    assert error(answers[0]) == (401, "invalid_client")
    assert all(each.headers["www-authenticate"].startswith("Basic realm=") for each in answers)


@lived
async def test_a_well_formed_secret_with_another_random_part_is_refused(h: House):
    """The locator finds the row; only the keyed hash lets one in."""
    app = await h.client("service", "forecast:read")
    made = opaque.new("cs")
    text = made.secret.reveal().replace(made.token_id, opaque.parse(app.secret).token_id)
    forged = text[:-6] + opaque._checksum(text[:-6])
    assert opaque.parse(forged, kind="cs") is not None
    assert error(await h.http.post("/token", data=GRANT, headers=basic(app.id, forged))) == (
        401,
        "invalid_client",
    )


@lived
async def test_two_methods_at_once_are_refused(h: House):
    app = await h.client("service", "forecast:read")
    body = {**GRANT, "client_id": app.id, "client_secret": app.secret}
    assert error(await h.http.post("/token", data=body, headers=app.basic())) == (400, "invalid_request")


@lived
async def test_another_client_id_beside_basic_is_refused(h: House):
    app = await h.client("service", "forecast:read")
    body = {**GRANT, "client_id": "another"}
    assert error(await h.http.post("/token", data=body, headers=app.basic())) == (400, "invalid_request")


@lived
async def test_two_authorization_headers_are_refused(h: House):
    app = await h.client("service", "forecast:read")
    headers = [*app.basic().items(), *app.basic().items()]
    assert error(await h.http.post("/token", data=GRANT, headers=headers)) == (400, "invalid_request")


@lived
async def test_a_confidential_client_cannot_leave_its_secret_out(h: House):
    for client_type in ("web", "service"):
        app = await h.client(client_type, "forecast:read")
        assert error(await h.http.post("/token", data={**GRANT, "client_id": app.id})) == (
            401,
            "invalid_client",
        )


@lived
async def test_a_public_client_is_refused_even_if_the_store_holds_a_secret_for_it(h: House):
    app = await h.client("spa", "forecast:read")
    made = opaque.new("cs", clock=h.clock)
    text = made.secret.reveal()
    record = ClientSecret(
        made.token_id, app.id, opaque.keyed_hash(h.issuer.peppers[0], text), h.clock.time(), None
    )
    assert await h.issuer.store.rotate_client_secret(record, old_expire_at=h.clock.time())
    assert error(await h.http.post("/token", data=GRANT, headers=basic(app.id, text))) == (
        401,
        "invalid_client",
    )


@lived
async def test_a_rotated_secret_works_until_the_overlap_ends(h: House):
    app = await h.client("service", "forecast:read")
    new = (await rotate_secret(h.desk, app.id, overlap=60)).reveal()
    assert (await h.http.post("/token", data=GRANT, headers=app.basic())).status_code == 200
    assert (await h.http.post("/token", data=GRANT, headers=app.basic(new))).status_code == 200
    h.clock.advance(60)
    assert error(await h.http.post("/token", data=GRANT, headers=app.basic())) == (401, "invalid_client")
    assert (await h.http.post("/token", data=GRANT, headers=app.basic(new))).status_code == 200


@lived
async def test_wrong_secrets_are_slowed_down_by_peer_and_right_ones_never(h: House):
    app = await h.client("service", "forecast:read")
    wrong = [basic(f"client-{number}", opaque.new("cs").secret.reveal()) for number in range(21)]
    answers = [await h.http.post("/token", data=GRANT, headers=each) for each in wrong]
    assert [each.status_code for each in answers] == [401] * 20 + [429], "other names make no difference"
    assert answers[-1].headers["retry-after"] == "2"
    assert (await h.http.post("/token", data=GRANT, headers=app.basic())).status_code == 200
    elsewhere = httpx.ASGITransport(h.http._transport.app, client=("192.0.2.7", 1))
    async with httpx.AsyncClient(transport=elsewhere, base_url="http://127.0.0.1:8080") as other:
        assert (await other.post("/token", data=GRANT, headers=wrong[0])).status_code == 401
    h.clock.advance(2)
    assert (await h.http.post("/token", data=GRANT, headers=wrong[0])).status_code == 401


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"grant_type=client_credentials&grant_type=client_credentials", None, (400, "invalid_request")),
        (b"grant_type=client_credentials", "text/plain", (415, "invalid_request")),
        (b"grant_type=client_credentials", "application/json", (415, "invalid_request")),
        (b"a=1", "application/x-www-form-urlencoded; charset=utf-16", (415, "invalid_request")),
        (b"grant_type=%", None, (400, "invalid_request")),
        (b"grant_type=%f", None, (400, "invalid_request")),
        (b"grant_type=%ff", None, (400, "invalid_request")),
        (b"grant_type=\xff", None, (400, "invalid_request")),
        (b"grant_type=a%00b", None, (400, "invalid_request")),
        (b"x=" + b"a" * 1_000_000, None, (413, "invalid_request")),
        (b"", None, (401, "invalid_client")),
    ],
)
def test_bodies_that_are_no_form_are_refused(tmp_path, body, content_type, expected):
    @lived
    async def story(h: House):
        headers = {"content-type": content_type or "application/x-www-form-urlencoded"}
        for path in ("/token", "/introspect", "/revoke"):
            assert error(await h.http.post(path, content=body, headers=headers)) == expected

    story(tmp_path)


@lived
async def test_a_query_is_refused(h: House):
    app = await h.client("service", "forecast:read")
    response = await h.http.post(f"/token?client_secret={app.secret}", data=GRANT)
    assert error(response) == (400, "invalid_request")


@lived
async def test_grant_type_missing_unknown_and_not_for_this_client(h: House):
    service = await h.client("service", "forecast:read")
    spa = await h.client("spa", "forecast:read")
    assert error(await service.token(x="y")) == (400, "invalid_request")
    assert error(await service.token(grant_type="password")) == (400, "unsupported_grant_type")
    assert error(await spa.token(**GRANT)) == (400, "unauthorized_client")
    code_grant = {
        "grant_type": "authorization_code",
        "code": "x",
        "redirect_uri": CALLBACK,
        "code_verifier": "x",
    }
    assert error(await service.token(**code_grant)) == (400, "unauthorized_client")


@lived
async def test_answers_are_never_stored_and_readable_by_scripts_of_any_origin(h: House):
    app = await h.client("service", "forecast:read")
    for response in (await app.token(**GRANT), await app.token(x="y")):
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in response.headers


@lived
async def test_unknown_paths_and_methods(h: House):
    assert (await h.http.get(f"/{identifier()}")).status_code == 404
    response = await h.http.get("/token")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    response = await h.http.delete("/jwks.json")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")


@lived
async def test_a_store_that_cannot_answer_is_a_503_that_says_when_to_retry(h: House):
    app = await h.client("service", "forecast:read")
    await h.issuer.store.close()
    response = await app.token(**GRANT)
    assert error(response) == (503, "temporarily_unavailable")
    assert response.headers["retry-after"] == "1"
    assert (await h.authorize(client_id=app.id)).status_code == 503


@lived
async def test_a_client_cannot_use_another_method_than_the_one_it_is_registered_for(h: House):
    secret = await h.client("service", "forecast:read")
    for client_id, client_type, method in (("keyed", "service", "private_key_jwt"), ("open", "web", "none")):
        client = replace(secret.client, client_id=client_id, type=client_type, auth_method=method)
        made = opaque.new("cs", clock=h.clock)
        text = made.secret.reveal()
        keyed_hash = opaque.keyed_hash(h.issuer.peppers[0], text)
        record = ClientSecret(made.token_id, client_id, keyed_hash, h.clock.time(), None)
        await h.issuer.store.add_client(client, record)
        for headers, body in ((basic(client_id, text), GRANT), ({}, {**GRANT, "client_id": client_id})):
            response = await h.http.post("/token", data=body, headers=headers)
            assert error(response) == (401, "invalid_client"), (client_id, bool(headers))
