"""A certificate in a header is believed from the proxies that the operator named, and from nobody else."""

import asyncio
import base64
from urllib.parse import quote

import pytest

from certificates import certificate
from tokenward.app.certificate_header import MAX_BYTES, CertificateHeader
from tokenward.base.asgi import client_certificate, tls_extension

PROXY, STRANGER = "192.0.2.1", "198.51.100.7"
HELD, OTHER = certificate(), certificate()
NGINX = quote(HELD.pem).encode()
RFC_9440 = b":" + base64.b64encode(HELD.der) + b":"


def ask(*headers, peer=PROXY, name="X-SSL-Cert", extensions=None):
    """What the application behind is given, the certificate and the headers; or the status of the refusal."""
    given = []
    sent = []

    async def app(scope, _receive, _send):
        given.append((client_certificate(scope), [key.decode() for key, _ in scope["headers"]]))

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "client": (peer, 1) if peer else None,
        "headers": [(b"host", b"here"), *headers],
        **({"extensions": extensions} if extensions is not None else {}),
    }
    asyncio.run(CertificateHeader(app, name, (f"{PROXY}/32", "2001:db8::/64"))(scope, None, send))
    return given[0] if given else sent[0]["status"]


@pytest.mark.parametrize(
    ("name", "value"), [("X-SSL-Cert", NGINX), ("Client-Cert", RFC_9440)], ids=["nginx", "RFC 9440"]
)
def test_a_named_proxy_tells_the_certificate_and_the_header_goes_no_further(name, value):
    header = (name.lower().encode(), value)
    assert ask(header, name=name) == (HELD.der, ["host"])
    assert ask(header, name=name, peer="2001:db8::7") == (HELD.der, ["host"])


@pytest.mark.parametrize("peer", [STRANGER, "2001:db8:1::7", "::ffff:198.51.100.7", "", "unix:"])
@pytest.mark.parametrize(
    "name", [b"x-ssl-cert", b"x_ssl_cert", b"x-ssl_cert", b"x.ssl.cert", b"_x-ssl-cert_"]
)
@pytest.mark.parametrize("value", [NGINX, b""], ids=["certificate", "empty"])
def test_from_anybody_else_the_header_and_its_look_alikes_are_refused(peer, name, value):
    assert ask((name, value), peer=peer) == 400


def test_whoever_is_no_proxy_needs_no_certificate():
    assert ask(peer=STRANGER) == (None, ["host"])
    assert ask(peer="") == (None, ["host"])


def test_a_proxy_without_the_header_speaks_for_somebody_without_a_certificate():
    assert ask() == (None, ["host"])
    assert ask((b"x-ssl-cert", b"")) == (None, ["host"])


def test_the_certificate_of_the_proxy_is_not_the_clients():
    shown = tls_extension(OTHER.der)
    assert ask(extensions=shown) == (None, ["host"])
    assert ask(peer=STRANGER, extensions=shown) == (None, ["host"])
    assert ask((b"x-ssl-cert", NGINX), extensions=shown) == (HELD.der, ["host"])


@pytest.mark.parametrize(
    "names",
    [
        (b"x-ssl-cert", b"x-ssl-cert"),
        (b"x-ssl-cert", b"x_ssl_cert"),
        (b"x_ssl_cert", b"x-ssl-cert"),
        (b"x_ssl_cert",),
    ],
    ids=["twice", "and a look-alike", "a look-alike before it", "only a look-alike"],
)
def test_a_second_header_that_the_proxy_let_through_is_refused(names):
    assert ask(*((name, NGINX) for name in names)) == 400


NO_CERTIFICATE = (
    ("X-SSL-Cert", b"rubbish"),
    ("X-SSL-Cert", RFC_9440),
    ("X-SSL-Cert", HELD.pem.replace(b"\n", b"\n\t")[:-20]),
    ("X-SSL-Cert", quote(HELD.pem + OTHER.pem).encode()),
    ("X-SSL-Cert", quote(HELD.pem).encode() + b"x"),
    ("X-SSL-Cert", b"(null)"),
    ("X-SSL-Cert", NGINX + b"%0A" * MAX_BYTES),
    ("X-SSL-Cert", b"-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n"),
    ("Client-Cert", NGINX),
    ("Client-Cert", RFC_9440[1:]),
    ("Client-Cert", RFC_9440[:-1]),
    ("Client-Cert", b"::"),
    ("Client-Cert", RFC_9440.replace(b":", b":!", 1)),
    ("Client-Cert", RFC_9440 + b", " + RFC_9440),
)


@pytest.mark.parametrize("row", range(len(NO_CERTIFICATE)))
def test_what_is_no_certificate_in_the_agreed_form_is_refused(row):
    name, value = NO_CERTIFICATE[row]
    assert ask((name.lower().encode(), value), name=name) == 400
