"""What may be said of clients that nobody registers here, and where their keys and documents come from."""

import asyncio

import pytest

from app.test_config import GOOD, write  # noqa: F401 - the fixture
from tokenward.app.config import load
from tokenward.app.strangers import fetch_outside
from tokenward.base.outbound import OutboundError

DOCUMENTS = "documents: {hosts: [app.example.com], scopes: [accounts:read, openid]}"


def said(text):
    return f"clients: {{{text}}}\n{GOOD}"


def codes(loaded):
    return [(it.severity, it.code) for it in loaded.findings]


def test_what_is_said_is_what_the_issuer_gets(write):  # noqa: F811
    loaded = load(write(said(DOCUMENTS)))
    assert codes(loaded) == []
    settings = loaded.configuration.settings.clients.documents
    assert settings.hosts == ("app.example.com",)
    assert settings.terms.types == {"native", "spa"}
    assert load(write(GOOD)).configuration.settings.clients.documents is None


def test_nobody_registers_alone_unless_the_file_says_so(write):  # noqa: F811
    closed = load(write(said("registration: {scopes: [accounts:read]}")))
    assert codes(closed) == []
    assert closed.configuration.settings.clients.registration.open is False


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("registration: {}", "strangers"),
        ("registration: {scopes: [nothing:known]}", "strangers"),
        ("registration: {scopes: [accounts:read], unused: 1m}", None),
        ("documents: {scopes: [accounts:read]}", "missing-key"),
        ("documents: {hosts: [], scopes: [accounts:read]}", "too-short"),
        ("documents: {hosts: ['https://a.example'], scopes: [accounts:read]}", "host-pattern"),
        ("documents: {hosts: ['*example.com'], scopes: [accounts:read]}", "host-pattern"),
        ("documents: {hosts: ['a.*.com'], scopes: [accounts:read]}", "host-pattern"),
        ("documents: {hosts: [App.example], scopes: [accounts:read]}", "host-pattern"),
        ("documents: {hosts: [a.example, a.example], scopes: [accounts:read]}", "host"),
        ("documents: {hosts: [a.example]}", "strangers"),
        ("documents: {hosts: [a.example], scopes: [nothing:known]}", "strangers"),
        ("documents: {hosts: [a.example], scopes: [accounts:read], types: []}", "strangers"),
        ("documents: {hosts: [a.example], scopes: [accounts:read], types: [service]}", None),
    ],
)
def test_what_opens_nothing_or_cannot_be_does_not_start(write, text, code):  # noqa: F811
    loaded = load(write(said(text)))
    assert loaded.configuration is None
    assert {it.severity for it in loaded.findings} == {"error"}
    if code not in (None, "too-short"):
        assert code in {it.code for it in loaded.findings}


def test_inside_networks_of_the_operator_are_not_for_strangers(write):  # noqa: F811
    text = said(f"inside_networks: [10.0.0.0/8], {DOCUMENTS}").replace(
        "{url: http://127.0.0.1:8080,", "{url: https://id.example.com,"
    )
    settings = load(write(text)).configuration.settings
    for host in ("10.1.2.3", "127.0.0.1", "169.254.169.254"):
        with pytest.raises(OutboundError, match="address_refused"):
            asyncio.run(fetch_outside(settings, 5120).get_async(f"https://{host}/jwks"))
