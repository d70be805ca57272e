"""Clients that prove themselves by a certificate (RFC 8705 §2), and what passes for one and is not."""

import functools
from dataclasses import replace
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from certificates import SERVER_ONLY, certificate, certificate_authority, san, signed_anew
from issuer.house import URL, error, lived
from tokenward.base.clock import ManualClock
from tokenward.base.problems import INVALID_INPUT, Refusal
from tokenward.issuer.client_auth.registration import Proving
from tokenward.store.records import ClientSecret
from tokenward.tokens import opaque
from tokenward.tokens.certificates import Authorities, certificate_jwks

NOW = ManualClock().time()
AUTHORITY = certificate_authority(at=NOW)
issued = functools.partial(certificate, issuer=AUTHORITY, at=NOW)
own = functools.partial(certificate, at=NOW)
with_certificates = functools.partial(
    lived, takes_certificates=True, client_authorities=Authorities([AUTHORITY.certificate])
)
REFUSED = (401, "invalid_client")


async def _of_authority(house, subject="san_dns:app.example", **changes):
    return await house.client(
        "service", "accounts:read", proving=Proving("tls_client_auth", tls_subject=subject), **changes
    )


async def _self_signed(house, *held, **changes):
    return await house.client(
        "service",
        "accounts:read",
        proving=Proving("self_signed_tls_client_auth", certificates=tuple(each.der for each in held)),
        **changes,
    )


async def _ask(house, client, held):
    house.show(held.der if held is not None else None)
    return await client.token(grant_type="client_credentials")


async def _is_let_in(house, client, held):
    answer = await _ask(house, client, held)
    if answer.status_code == 200:
        return True
    assert error(answer) == REFUSED
    return False


@with_certificates
async def test_a_certificate_of_the_ca_with_the_registered_name_proves_the_client(house):
    client = await _of_authority(house)
    assert client.secret is None
    answer = await _ask(house, client, issued(extensions=(san("dns:app.example"),)))
    assert answer.status_code == 200
    token = answer.json()["access_token"]
    record = await house.issuer.store.access_token(token.split("_")[2][:11])
    assert record.token.credential == "mtls"


SUBJECTS = [
    ("subject_dn:CN=app,OU=Shop,O=Example", "CN=app,OU=Shop,O=Example", ()),
    ("subject_dn:CN=app\\, the,O=Example", "CN=app\\2c the,O=Example", ()),
    ("san_dns:App.Example", "CN=x", (san("dns:other.example", "dns:APP.example"),)),
    ("san_uri:spiffe://example/app", "CN=x", (san("uri:spiffe://example/app"),)),
    ("san_ip:192.0.2.7", "CN=x", (san("ip:192.0.2.7"),)),
    ("san_ip:2001:DB8::7", "CN=x", (san("ip:2001:db8:0::7"),)),
    ("san_email:app@example.com", "CN=x", (san("email:app@example.com"),)),
]


@pytest.mark.parametrize(("registered", "subject", "extensions"), SUBJECTS, ids=[row[0] for row in SUBJECTS])
def test_each_way_to_name_the_subject(tmp_path, registered, subject, extensions):
    @with_certificates
    async def test(house):
        client = await _of_authority(house, registered)
        assert await _is_let_in(house, client, issued(subject, extensions=extensions))

    test(tmp_path)


STRANGERS = {
    "part of a host name": ("san_dns:app.example", "CN=x", (san("dns:shop.app.example"),)),
    "the host name of somebody below": ("san_dns:app.example", "CN=x", (san("dns:app.example.evil.test"),)),
    "a wildcard": ("san_dns:app.example", "CN=x", (san("dns:*.example"),)),
    "the host name as common name": ("san_dns:app.example", "CN=app.example", ()),
    "the host name as URI": ("san_dns:app.example", "CN=x", (san("uri:app.example"),)),
    "the host name as e-mail address": ("san_dns:app.example", "CN=x", (san("email:app.example"),)),
    "the address as host name": ("san_ip:192.0.2.7", "CN=x", (san("dns:192.0.2.7"),)),
    "a URI in other letters": ("san_uri:spiffe://example/app", "CN=x", (san("uri:spiffe://example/App"),)),
    "a longer URI": ("san_uri:spiffe://example/app", "CN=x", (san("uri:spiffe://example/app2"),)),
    "an e-mail address in other letters": ("san_email:app@a.test", "CN=x", (san("email:App@a.test"),)),
    "a name in other letters": ("subject_dn:CN=app,O=Example", "CN=App,O=Example", ()),
    "the names in another order": ("subject_dn:CN=app,O=Example", "O=Example,CN=app", ()),
    "more names": ("subject_dn:CN=app,O=Example", "CN=app,O=Example,C=DE", ()),
    "fewer names": ("subject_dn:CN=app,O=Example", "CN=app", ()),
    "two names in one": ("subject_dn:CN=app,O=Example", "CN=app+O=Example", ()),
    "one name that reads like two": ("subject_dn:CN=app,O=Example", "CN=app\\,O\\=Example", ()),
    "the name as host name": ("subject_dn:CN=app.example", "CN=x", (san("dns:app.example"),)),
    "another attribute": ("subject_dn:CN=app,O=Example", "CN=app,OU=Example", ()),
}


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_name_that_only_looks_like_the_registered_one_is_refused(tmp_path, stranger):
    registered, subject, extensions = STRANGERS[stranger]

    @with_certificates
    async def test(house):
        client = await _of_authority(house, registered)
        assert not await _is_let_in(house, client, issued(subject, extensions=extensions))

    test(tmp_path)


NAME = (san("dns:app.example"),)
BAD_CHAINS = {
    "expired": lambda: issued(extensions=NAME, days=(-3, -1)),
    "not yet valid": lambda: issued(extensions=NAME, days=(1, 3)),
    "of another CA": lambda: certificate(
        issuer=certificate_authority("CN=Other", at=NOW), at=NOW, extensions=NAME
    ),
    "of another CA of the same name": lambda: certificate(
        issuer=certificate_authority(at=NOW), at=NOW, extensions=NAME
    ),
    "self-signed": lambda: own(extensions=NAME),
    "of a certificate of the CA that is no CA": lambda: certificate(
        issuer=issued(extensions=NAME), at=NOW, extensions=NAME
    ),
    "for servers only": lambda: issued(extensions=(*NAME, SERVER_ONLY)),
    "itself a CA's": lambda: certificate_authority("CN=x", issuer=AUTHORITY, at=NOW, extensions=NAME),
}


@pytest.mark.parametrize("chain", BAD_CHAINS)
def test_the_right_name_without_a_good_chain_is_refused(tmp_path, chain):
    @with_certificates
    async def test(house):
        client = await _of_authority(house)
        assert await _is_let_in(house, client, issued(extensions=NAME))
        assert not await _is_let_in(house, client, BAD_CHAINS[chain]())

    test(tmp_path)


_VERSION_3 = bytes.fromhex("a003020102")
_NO_VERSION = bytes.fromhex("a003020109")
_KEY_IDENTIFIER, _AUTHORITY_IDENTIFIER = bytes.fromhex("0603551d0e"), bytes.fromhex("0603551d23")
# The type of a name's value that only one kind of name may have.
_COMMON_NAME, _BITS = bytes.fromhex("06035504030c03617070"), bytes.fromhex("06035504030303006170")
UNREADABLE = {
    "of a version that nobody defined": (_VERSION_3, _NO_VERSION),
    "with an extension twice": (_AUTHORITY_IDENTIFIER, _KEY_IDENTIFIER),
    "whose name is no text": (_COMMON_NAME, _BITS),
}


@pytest.mark.parametrize("subject", ["subject_dn:CN=app,O=Example", "san_dns:app.example"])
@pytest.mark.parametrize("unreadable", UNREADABLE)
def test_what_is_no_readable_certificate_is_a_refusal_and_no_fault(tmp_path, unreadable, subject):
    old, new = UNREADABLE[unreadable]

    @with_certificates
    async def test(house):
        client = await _of_authority(house, subject)
        good = issued(extensions=NAME)
        for signer in (AUTHORITY.key, good.key):
            held = SimpleNamespace(der=signed_anew(good, signer, old, new))
            answer = await _ask(house, client, held)
            # Whoever is named elsewhere than in what cannot be read may be let in.
            assert answer.status_code == 200 or error(answer) == REFUSED
        if subject.startswith("subject"):
            assert error(answer) == REFUSED

    test(tmp_path)


@with_certificates
async def test_a_certificate_ends_when_it_says(house):
    client, held = await _of_authority(house), issued(extensions=NAME, days=(-1, 1))
    assert await _is_let_in(house, client, held)
    house.clock.advance(86_401)
    assert not await _is_let_in(house, client, held)


@with_certificates
async def test_a_self_signed_certificate_ends_when_it_says(house):
    held = own(days=(-1, 1))
    client = await _self_signed(house, held)
    assert await _is_let_in(house, client, held)
    house.clock.advance(86_401)
    assert not await _is_let_in(house, client, held)


@with_certificates
async def test_a_self_signed_certificate_begins_when_it_says(house):
    held = own(days=(1, 3))
    client = await _self_signed(house, held)
    assert not await _is_let_in(house, client, held)
    house.clock.advance(86_401)
    assert await _is_let_in(house, client, held)


@with_certificates
async def test_a_self_signed_certificate_proves_the_client_that_registered_it(house):
    old, new = own(), own()
    client = await _self_signed(house, old, new)
    for held in (old, new):
        assert await _is_let_in(house, client, held)


@with_certificates
async def test_the_same_subject_with_another_key_is_another_certificate(house):
    held = own("CN=app")
    client = await _self_signed(house, held)
    assert not await _is_let_in(house, client, own("CN=app"))


@with_certificates
async def test_the_same_key_in_another_certificate_is_not_what_was_registered(house):
    key = ec.generate_private_key(ec.SECP256R1())
    client = await _self_signed(house, own(key=key))
    assert not await _is_let_in(house, client, own(key=key, days=(-1, 3000)))


@with_certificates
async def test_a_certificate_of_the_ca_is_no_registered_one(house):
    client = await _self_signed(house, own("CN=app"))
    assert not await _is_let_in(house, client, issued("CN=app"))


@with_certificates
async def test_what_a_registered_certificate_signed_is_not_the_client(house):
    held = certificate_authority("CN=app", at=NOW)
    client = await _self_signed(house, held)
    assert not await _is_let_in(house, client, certificate("CN=app", issuer=held, at=NOW))


@with_certificates
async def test_a_registered_certificate_is_no_ca_for_others(house):
    held = certificate_authority("CN=evil", at=NOW)
    await _self_signed(house, held)
    victim = await _of_authority(house)
    assert not await _is_let_in(house, victim, certificate(issuer=held, at=NOW, extensions=NAME))


@with_certificates
async def test_the_certificate_of_one_client_is_worth_nothing_for_another(house):
    a, b = own(), own()
    first, second = await _self_signed(house, a), await _self_signed(house, b)
    third = await _of_authority(house, "san_dns:c.example")
    assert not await _is_let_in(house, first, b)
    assert not await _is_let_in(house, second, a)
    assert not await _is_let_in(house, third, issued(extensions=NAME))


@with_certificates
async def test_without_a_certificate_there_is_no_client(house):
    for client in (await _of_authority(house), await _self_signed(house, own())):
        assert not await _is_let_in(house, client, None)


@with_certificates
async def test_a_secret_is_no_certificate(house):
    """Not even the secret that the client was given before it changed its method."""
    held = own()
    client = await house.client("service", "accounts:read")
    await house.issuer.store.remove_client(client.id, house.clock.time())
    token = opaque.new("cs")
    keyed = opaque.keyed_hash(house.issuer.peppers[0], token.secret.reveal())
    secret = ClientSecret(token.token_id, client.id, keyed, house.clock.time(), None)
    changed = replace(
        client.client, auth_method="self_signed_tls_client_auth", jwks=certificate_jwks([held.certificate])
    )
    await house.issuer.store.add_client(changed, secret)
    assert await _is_let_in(house, replace(client, secret=None), held)
    for certificate_shown in (None, held.der):
        house.show(certificate_shown)
        answer = await replace(client, secret=token.secret.reveal()).token(grant_type="client_credentials")
        assert error(answer) == REFUSED


@with_certificates
async def test_a_certificate_is_no_secret(house):
    client = await house.client("service", "accounts:read")
    house.show(issued(extensions=NAME).der)
    answer = await house.http.post(
        "/token", data={"grant_type": "client_credentials", "client_id": client.id}
    )
    assert error(answer) == REFUSED


@lived
async def test_without_a_ca_no_certificate_counts(house):
    """As after the operator took the setting out: the registration is still there."""
    registered = await house.client("service", "accounts:read")
    client = replace(
        registered.client, client_id="left", auth_method="tls_client_auth", tls_subject="san_dns:app.example"
    )
    await house.issuer.store.add_client(client, None)
    house.show(issued(extensions=NAME).der)
    answer = await house.http.post("/token", data={"grant_type": "client_credentials", "client_id": "left"})
    assert error(answer) == REFUSED


@with_certificates
async def test_rubbish_in_place_of_a_certificate_is_refused(house):
    client = await _of_authority(house)
    for der in (b"\x30\x00", issued(extensions=NAME).der[:-1]):
        house.show(der)
        assert error(await client.token(grant_type="client_credentials")) == REFUSED


@with_certificates
async def test_metadata_names_the_methods(house):
    told = (await house.http.get("/.well-known/oauth-authorization-server")).json()
    for kind in ("token", "revocation", "introspection"):
        assert {"tls_client_auth", "self_signed_tls_client_auth"} <= set(
            told[f"{kind}_endpoint_auth_methods_supported"]
        )


@lived
async def test_metadata_names_no_method_that_is_off(house):
    told = (await house.http.get(f"{URL}/.well-known/openid-configuration")).json()
    assert not [each for each in told["token_endpoint_auth_methods_supported"] if "tls" in each]


TLS = {"method": "tls_client_auth"}
SELF_SIGNED = {"method": "self_signed_tls_client_auth"}
DER = own().der
MISFITS = {
    "no subject": TLS,
    "a subject of no kind": {**TLS, "tls_subject": "app.example"},
    "a wildcard": {**TLS, "tls_subject": "san_dns:*.example"},
    "an empty host name": {**TLS, "tls_subject": "san_dns:"},
    "an impossible address": {**TLS, "tls_subject": "san_ip:300.1.1.1"},
    "an empty name": {**TLS, "tls_subject": "subject_dn:"},
    "a name without attributes": {**TLS, "tls_subject": "subject_dn:app"},
    "a subject and a certificate": {**TLS, "tls_subject": "san_dns:a.example", "certificates": (DER,)},
    "no certificate": SELF_SIGNED,
    "rubbish for a certificate": {**SELF_SIGNED, "certificates": (b"rubbish",)},
    "too many certificates": {**SELF_SIGNED, "certificates": (DER,) * 9},
    "a certificate and a subject": {**SELF_SIGNED, "certificates": (DER,), "tls_subject": "san_dns:a"},
    "a service without proof": {"method": "none"},
    "a secret and a subject": {"tls_subject": "san_dns:app.example"},
    "a secret and a certificate": {"certificates": (DER,)},
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_a_registration_that_does_not_fit_together_is_refused(tmp_path, misfit):
    @with_certificates
    async def test(house):
        with pytest.raises(Refusal) as refused:
            await house.client("service", "accounts:read", proving=Proving(**MISFITS[misfit]))
        assert refused.value.problem is INVALID_INPUT

    test(tmp_path)


@with_certificates
async def test_a_public_client_has_no_method_to_prove_itself(house):
    for kind in ("spa", "native"):
        with pytest.raises(Refusal):
            await house.client(
                kind, proving=Proving("self_signed_tls_client_auth", certificates=(own().der,))
            )


@lived
async def test_certificates_cannot_be_registered_where_none_arrive(house):
    for method in ("tls_client_auth", "self_signed_tls_client_auth"):
        with pytest.raises(Refusal, match=r"issuer\.client_certificates"):
            await house.client("service", proving=Proving(method))


def test_only_the_certificate_of_a_ca_can_be_one_of_its_authorities():
    with pytest.raises(ValueError, match="not the certificate of a CA"):
        Authorities([AUTHORITY.certificate, own().certificate])
    with pytest.raises(ValueError, match="no certificate"):
        Authorities([])
