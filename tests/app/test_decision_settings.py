"""Who may ask for decisions, and over which line, as the configuration says it."""

import pytest

from app.test_config import GOOD, write  # noqa: F401 - the fixture
from certificates import certificate, certificate_authority
from tokenward.app.certificate_files import decision_tls
from tokenward.app.check import check
from tokenward.app.config import load

LISTEN = "listen: 127.0.0.1:8000}"
TLS = "tls: {certificate: c.pem, key: file:c.key, clients: ca.pem}"


def said(text):
    return GOOD.replace(LISTEN, LISTEN.replace("}", f", decisions: {{{text}}}}}"))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("listen: 127.0.0.1:8085", "decisions"),
        ("peers: [127.0.0.1]", "decisions"),
        (TLS, "decisions"),
        ("listen: 10.0.0.5:8085, peers: [10.0.0.6]", "decisions"),
        ("listen: 127.0.0.1:8080, peers: [127.0.0.1]", "port-taken"),
        ("listen: 127.0.0.1:8085, peers: [everybody]", "network"),
        ("cache: 3s", "duration"),
        (
            "listen: 10.0.0.5:8085, peers: [10.0.0.6], tls: {certificate: c.pem, key: file:c.key}",
            "missing-key",
        ),
    ],
)
def test_what_would_let_others_ask_is_an_error(write, text, code):  # noqa: F811
    found = [it for it in check(write(said(text))).findings if it.severity == "error"]
    assert [it.code for it in found if it.code == code], found


@pytest.mark.parametrize("text", ["listen: 127.0.0.1:8085, peers: [127.0.0.1]", "cache: 1s"])
def test_what_lets_engines_ask_is_none(write, text):  # noqa: F811
    assert load(write(said(text))).configuration is not None


def test_the_key_of_the_listener_is_looked_at_like_any_secret(write):  # noqa: F811
    path = write(said(f"listen: 10.0.0.5:8085, peers: [10.0.0.6], {TLS}"))
    (finding,) = [it for it in check(path).findings if "c.key" in it.text]
    assert (finding.severity, finding.code) == ("warning", "secret-missing")


def test_tls_with_engines_trusts_the_named_cas_alone(write):  # noqa: F811
    path = write(said(f"listen: 10.0.0.5:8085, peers: [10.0.0.6], {TLS}"))
    certificate().write(path.parent, "c")
    authority = certificate_authority()
    (path.parent / "ca.pem").write_bytes(authority.pem)
    configuration = load(path).configuration
    said_of = configuration.settings.gateway.decisions
    tls = decision_tls(said_of, configuration.base_dir, configuration.files)
    assert [int(it["serialNumber"], 16) for it in tls.context.get_ca_certs()] == [
        authority.certificate.serial_number
    ]
    (path.parent / "ca.pem").write_text("nothing")
    with pytest.raises(ValueError, match=r"ca\.pem cannot be used"):
        decision_tls(said_of, configuration.base_dir, load(path).configuration.files)
