"""The admin API over its ASGI interface: who may, what it does, and what it refuses."""

import asyncio
from contextlib import asynccontextmanager
from ssl import DER_cert_to_PEM_cert

import httpx
import pytest

from app.admin_answers import Documented
from certificates import certificate, signed_anew
from store.values import access, token_id
from tokenward.app.admin import admin_app
from tokenward.app.config import load
from tokenward.app.foundation import foundation
from tokenward.app.initialise import initialise
from tokenward.base.secret import Secret
from tokenward.tokens.certificates import registered_certificates
from tokenward.tokens.keys import SigningKey


def with_certificates(directory):
    """A configuration whose issuer takes certificates from a proxy."""
    initialise(directory)
    path = directory / "tokenward.yaml"
    text = path.read_text()
    path.write_text(text.replace("127.0.0.1:8080}", f"127.0.0.1:8080, {CERTIFICATES}}}", 1))
    return load(path).configuration


@pytest.fixture
def configuration(tmp_path):
    initialise(tmp_path)
    loaded = load(tmp_path / "tokenward.yaml")
    assert loaded.configuration is not None
    return loaded.configuration


CERTIFICATES = "proxies: [127.0.0.1], client_certificates: {header: X-SSL-Cert}"


@asynccontextmanager
async def _admin(configuration, *, base_url="http://127.0.0.1:8081", token=True):
    secret = Secret((configuration.base_dir / "data" / "admin.token").read_text().strip())
    headers = {"authorization": f"Bearer {secret.reveal()}"} if token else {}
    async with foundation(configuration) as ground:
        transport = Documented(admin_app(ground))
        async with httpx.AsyncClient(transport=transport, base_url=base_url, headers=headers) as http:
            yield http, ground


def _run(configuration, work, **how):
    async def inner():
        async with _admin(configuration, **how) as (http, ground):
            return await work(http, ground)

    return asyncio.run(inner())


MANAGED = [
    ("GET", "/openapi.json"),
    ("GET", "/clients"),
    ("POST", "/clients"),
    ("GET", "/clients/x"),
    ("DELETE", "/clients/x"),
    ("POST", "/clients/x/secrets"),
    ("PUT", "/clients/x/keys"),
    ("GET", "/api-keys"),
    ("POST", "/api-keys"),
    ("POST", "/api-keys/imports"),
    ("GET", "/api-keys/x"),
    ("POST", "/api-keys/x/revocation"),
    ("POST", "/api-keys/x/rotation"),
    ("GET", "/signing-keys"),
    ("POST", "/signing-keys"),
    ("POST", "/signing-keys/x/retirement"),
    ("POST", "/signing-keys/x/removal"),
    ("POST", "/revocations"),
    ("POST", "/revocations/tokens"),
]


@pytest.mark.parametrize(("method", "path"), MANAGED)
@pytest.mark.parametrize("authorization", [None, "Bearer tkw_ad_x", "Basic eDp4", "Bearer ", "Bearer"])
def test_management_asks_for_the_admin_token(configuration, method, path, authorization):
    async def work(http, _ground):
        return await http.request(
            method, path, headers={"authorization": authorization} if authorization else {}, json={}
        )

    answer = _run(configuration, work, token=False)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"


def test_two_admin_tokens_are_none(configuration):
    async def work(http, _ground):
        token = http.headers.pop("authorization")
        once = await http.get("/clients", headers=[("authorization", token)])
        return once, await http.get("/clients", headers=[("authorization", token), ("authorization", token)])

    once, twice = _run(configuration, work)
    assert (once.status_code, twice.status_code) == (200, 401)


def test_the_admin_token_is_a_bearer_token_and_nothing_else(configuration):
    async def work(http, _ground):
        _, _, token = http.headers.pop("authorization").partition(" ")
        schemes = ("bearer", "Basic", "Token")
        return [
            (await http.get("/clients", headers={"authorization": f"{each} {token}"})).status_code
            for each in schemes
        ]

    assert _run(configuration, work) == [200, 401, 401]


def test_a_client_says_what_its_introspection_responses_are_signed_with(configuration):
    new = {"name": "Report", "type": "service"}

    async def work(http, _ground):
        told = []
        for more in ({}, {"introspection_signed_response_alg": "ES256"}):
            client_id = (await http.post("/clients", json={**new, **more})).json()["client_id"]
            told.append((await http.get(f"/clients/{client_id}")).json()["introspection_signed_response_alg"])
        wrong = await http.post("/clients", json={**new, "introspection_signed_response_alg": "none"})
        return told, wrong.status_code

    assert _run(configuration, work) == (["RS256", "ES256"], 422)


def test_a_client_that_is_weaker_than_its_type_says_why_and_shows_it(configuration):
    async def work(http, _ground):
        new = {"name": "Report", "type": "service", "access_token_format": "jwt"}
        refused = await http.post("/clients", json=new)
        added = (await http.post("/clients", json={**new, "reason": "its old gateway reads them"})).json()
        return refused, (await http.get(f"/clients/{added['client_id']}")).json()

    refused, shown = _run(configuration, work)
    assert refused.status_code == 422
    assert "give a reason" in refused.text
    assert shown["reason"] == "its old gateway reads them"
    assert len(shown["weaker"]) == 1


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:8081", "[", "", "10.0.0.1", "localhost@evil"]
)
@pytest.mark.parametrize("path", ["/health", "/metrics", "/clients"])
def test_a_host_that_is_not_ours_is_refused(configuration, host, path):
    async def work(http, _ground):
        return await http.get(path, headers={"host": host})

    assert _run(configuration, work).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:8081", "localhost:8081", "[::1]:8081", "localhost"])
def test_loopback_names_are_ours(configuration, host):
    async def work(http, _ground):
        return await http.get("/health", headers={"host": host})

    assert _run(configuration, work).json() == {"status": "ok"}


def test_a_client_is_registered_shown_rotated_and_removed(configuration):
    async def work(http, ground):
        made = await http.post(
            "/clients", json={"name": "Report", "type": "web", "redirect_uris": ["https://a.example/cb"]}
        )
        assert made.status_code == 201
        assert made.headers["cache-control"] == "no-store"
        client_id, first = made.json()["client_id"], made.json()["client_secret"]
        shown = (await http.get(f"/clients/{client_id}")).json()
        (kept,) = shown["secrets"]
        assert kept["expires_at"] == kept["created_at"] + 180 * 86_400
        assert kept["last_used_at"] is None
        assert first not in str(shown)
        rotated = await http.post(f"/clients/{client_id}/secrets", json={"overlap": 60})
        assert rotated.status_code == 201
        assert rotated.json()["client_secret"] != first
        shown = (await http.get(f"/clients/{client_id}")).json()
        assert sorted(secret["expires_at"] - secret["created_at"] > 100 for secret in shown["secrets"]) == [
            False,
            True,
        ]
        assert [each["client_id"] for each in (await http.get("/clients")).json()["clients"]] == [client_id]
        assert (await http.delete(f"/clients/{client_id}")).status_code == 204
        assert (await http.get(f"/clients/{client_id}")).status_code == 404
        assert (await http.delete(f"/clients/{client_id}")).status_code == 404
        assert await ground.store.client(client_id) is None

    _run(configuration, work)


def test_a_secret_is_rotated_until_a_moment(configuration):
    async def work(http, ground):
        made = (await http.post("/clients", json={"name": "Report", "type": "service"})).json()
        path, now = f"/clients/{made['client_id']}", ground.clock.time()
        for wrong in (
            {"until": now - 1},
            {"until": now + 31 * 86_400},
            {"until": now + 60, "overlap": 60},
            {"until": now + 60, "overlap": 0},
            {"until": now + 60, "compromised": True},
            {"until": "tomorrow"},
            {"until": -1},
        ):
            assert (await http.post(f"{path}/secrets", json=wrong)).status_code == 422, wrong
        (before,) = (await http.get(path)).json()["secrets"]
        until = now + 3600.5
        assert (await http.post(f"{path}/secrets", json={"until": until})).status_code == 201
        secrets = (await http.get(path)).json()["secrets"]
        (old,) = (each for each in secrets if each["secret_id"] == before["secret_id"])
        assert abs(old["expires_at"] - until) < 1
        assert len(secrets) == 2
        assert (await http.post(f"{path}/secrets", json={})).status_code == 201
        live = [each for each in (await http.get(path)).json()["secrets"] if each["expires_at"] > now + 60]
        assert len(live) == 1, "without either, the old ones end at once"

    _run(configuration, work)


def _of_no_version(held):
    return signed_anew(held, held.key, bytes.fromhex("a003020102"), bytes.fromhex("a003020109"))


def test_a_client_gets_other_certificates(tmp_path):
    configuration = with_certificates(tmp_path)
    old, new = certificate("CN=old"), certificate("CN=new")

    async def work(http, ground):
        wanted = {"name": "Report", "type": "service", "auth_method": "self_signed_tls_client_auth"}
        made = (await http.post("/clients", json={**wanted, "certificates": [old.pem.decode()]})).json()
        path = f"/clients/{made['client_id']}"
        both = {"certificates": [old.pem.decode(), new.pem.decode()]}
        assert (await http.put(f"{path}/keys", json=both)).status_code == 204
        kept = await ground.store.client(made["client_id"])
        assert registered_certificates(kept.jwks) == (old.der, new.der)
        for wrong in (
            {"certificates": ["-----BEGIN"]},
            {"certificates": [old.pem.decode() + new.pem.decode()]},
            {"certificates": [DER_cert_to_PEM_cert(_of_no_version(old))]},
            {"certificates": [old.pem.decode()] * 9},
            {**both, "jwks_uri": "https://a.example/jwks.json"},
            {"certificates": [old.pem.decode()], "jwks": {"keys": []}},
        ):
            assert (await http.put(f"{path}/keys", json=wrong)).status_code == 422, wrong
        assert await ground.store.client(made["client_id"]) == kept

    _run(configuration, work)


def test_a_client_is_registered_with_keys_and_gets_others(configuration):
    async def work(http, ground):
        old, new = ({"keys": [SigningKey.generate("ES256").public_jwk()]} for _ in range(2))
        wanted = {"name": "Payer", "type": "service", "auth_method": "private_key_jwt", "jwks": old}
        made = (await http.post("/clients", json=wanted)).json()
        assert "client_secret" not in made
        assert (made["auth_method"], made["jwks"]) == ("private_key_jwt", old)
        path = f"/clients/{made['client_id']}"
        assert (await http.put(f"{path}/keys", json={"jwks": new})).status_code == 204
        shown = (await http.get(path)).json()
        assert (shown["jwks"], shown["jwks_uri"], shown["secrets"]) == (new, "", [])
        uri = "http://127.0.0.1:9/jwks.json"
        assert (await http.put(f"{path}/keys", json={"jwks_uri": uri})).status_code == 204
        assert (await http.get(path)).json()["jwks_uri"] == uri
        for wrong in (
            {},
            {"jwks": new, "jwks_uri": uri},
            {"jwks": {"keys": []}},
            {"jwks_uri": "http://a.example"},
        ):
            assert (await http.put(f"{path}/keys", json=wrong)).status_code == 422, wrong
        assert (await http.put("/clients/nobody/keys", json={"jwks": new})).status_code == 404
        assert (await http.post(f"{path}/secrets", json={})).status_code == 422

    _run(configuration, work)


def test_a_compromised_secret_ends_with_what_was_issued(configuration):
    async def work(http, ground):
        made = (await http.post("/clients", json={"name": "Report", "type": "service"})).json()
        issued_at = ground.clock.time()
        token = access(client_id=made["client_id"], issued_at=issued_at, expires_at=issued_at + 600)
        await ground.store.add_access_token(token)
        path = f"/clients/{made['client_id']}/secrets"
        assert (await http.post(path, json={"overlap": 5, "compromised": True})).status_code == 422
        assert not (await ground.store.access_token(token.token_id)).revoked
        assert (await http.post(path, json={"compromised": True})).status_code == 201
        assert (await ground.store.access_token(token.token_id)).revoked
        secrets = (await http.get(f"/clients/{made['client_id']}")).json()["secrets"]
        assert [each["expires_at"] > ground.clock.time() for each in secrets] == [False, True]

    _run(configuration, work)


def test_a_public_client_gets_no_secret_by_any_way(configuration):
    async def work(http, _ground):
        made = await http.post(
            "/clients", json={"name": "App", "type": "native", "redirect_uris": ["http://127.0.0.1/cb"]}
        )
        assert made.status_code == 201
        assert "client_secret" not in made.json()
        return await http.post(f"/clients/{made.json()['client_id']}/secrets", json={})

    assert _run(configuration, work).status_code == 422


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"name":"a","name":"b","type":"web"}', "application/json", 400),
        (b"[]", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "application/json", 422),
        (b'{"name":"a","type":"robot"}', "application/json", 422),
        (b'{"name":1,"type":"web"}', "application/json", 422),
        (b'{"name":"a","type":"web","surprise":1}', "application/json", 422),
        (b'{"name":"a","type":"service","scopes":["nosuch"]}', "application/json", 422),
        (b" " * 70_000, "application/json", 413),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(configuration, content, content_type, status):
    async def work(http, ground):
        answer = await http.post("/clients", content=content, headers={"content-type": content_type})
        return answer, await ground.store.clients()

    answer, clients = _run(configuration, work)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert clients == []


def test_a_list_of_tokens_is_revoked_whole_and_counted(configuration):
    async def work(http, ground):
        tokens = [access() for _ in range(600)]
        for token in tokens:
            await ground.store.add_access_token(token)
        order = {"token_ids": [*(token.token_id for token in tokens), token_id("at")]}
        first, again = [await http.post("/revocations/tokens", json=order) for _ in range(2)]
        assert (first.status_code, again.status_code) == (200, 200)
        assert first.json() == {"revoked": 600, "revoked_before": 0, "unknown": 1}
        assert again.json() == {"revoked": 0, "revoked_before": 600, "unknown": 1}

    _run(configuration, work)


@pytest.mark.parametrize("listed", [["x"], ["0" * 11] * 1000, [7], [None], ["0" * 11 + " "]])
def test_a_list_that_is_not_one_revokes_nothing(configuration, listed):
    async def work(http, ground):
        token = access()
        await ground.store.add_access_token(token)
        for wrong in ([token.token_id, *listed], token.token_id, []):
            assert (await http.post("/revocations/tokens", json={"token_ids": wrong})).status_code == 422
        assert not (await ground.store.access_token(token.token_id)).revoked

    _run(configuration, work)


def test_revocation_orders(configuration):
    async def work(http, ground):
        head = await ground.store.feed_head()
        assert (await http.post("/revocations", json={"what": "all"})).status_code == 204
        assert await ground.store.feed_head() == head + 1
        for what in ("token", "grant", "client", "user"):
            answer = await http.post("/revocations", json={"what": what, "subject": "nobody"})
            assert answer.status_code == 404
        assert (await http.post("/revocations", json={"what": "everything"})).status_code == 422
        later = {"what": "all", "before": ground.clock.time() + 60}  # would end what is issued until then
        assert (await http.post("/revocations", json=later)).status_code == 422
        assert await ground.store.feed_head() == head + 1

    _run(configuration, work)


async def _signing_keys(http):
    return (await http.get("/signing-keys")).json()["signing_keys"]


def test_signing_keys_are_listed_without_private_parts(configuration):
    async def work(http, ground):
        for purpose in ("outside", "inside"):
            await ground.key_desk.ensure(purpose)
        return await _signing_keys(http)

    keys = _run(configuration, work)
    assert {(key["purpose"], key["algorithm"], key["state"]) for key in keys} == {
        ("outside", "ES256", "active"), ("outside", "RS256", "active"), ("inside", "ES256", "active"),
    }  # fmt: skip
    assert all(
        set(key)
        == {"kid", "purpose", "algorithm", "state"}
        | {f"{moment}_at" for moment in ("created", "activates", "retires", "removes", "compromised")}
        for key in keys
    )


def test_a_signing_key_is_rotated_retired_and_removed(configuration):
    async def work(http, ground):
        await ground.key_desk.ensure("inside")
        (first,) = await _signing_keys(http)
        rotation = {"purpose": "inside", "algorithm": "ES256"}
        made = await http.post("/signing-keys", json=rotation)
        assert (made.status_code, made.json()["state"]) == (201, "pending")
        assert (await http.post("/signing-keys", json=rotation)).status_code == 409
        kid, successor = first["kid"], made.json()["kid"]
        assert (await http.post(f"/signing-keys/{kid}/retirement")).status_code == 204
        assert [key["state"] for key in await _signing_keys(http)] == ["retired", "active"]
        assert (await http.post(f"/signing-keys/{successor}/removal", json={})).status_code == 409
        assert (await http.post(f"/signing-keys/{kid}/removal", json={})).status_code == 204
        assert (
            await http.post(f"/signing-keys/{successor}/removal", json={"compromised": True})
        ).status_code == 204
        keys = await _signing_keys(http)
        assert [key["state"] for key in keys] == ["removed", "removed", "active"]
        assert [key["compromised_at"] is not None for key in keys] == [False, True, False]
        assert (await http.post("/signing-keys/nobody/retirement")).status_code == 404
        assert (await http.post("/signing-keys", json={"purpose": "x", "algorithm": "y"})).status_code == 422

    _run(configuration, work)


def test_metrics_are_prometheus_text(configuration):
    async def work(http, _ground):
        return await http.get("/metrics")

    answer = _run(configuration, work)
    assert answer.headers["content-type"].startswith("text/plain")
    assert "# TYPE tokenward_decisions_total counter" in answer.text


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("PUT", "/clients", 405)])
def test_what_is_not_there_is_a_problem_document(configuration, method, path, status):
    async def work(http, _ground):
        return await http.request(method, path)

    answer = _run(configuration, work)
    assert answer.status_code == status
    assert answer.json()["status"] == status


def test_two_host_names_are_none(configuration):
    async def work(http, _ground):
        own = ("host", "127.0.0.1:8081")
        return [(await http.get("/health", headers=hosts)).status_code for hosts in ([own], [own, own])]

    assert _run(configuration, work) == [200, 421]
