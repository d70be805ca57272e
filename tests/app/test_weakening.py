"""What is weaker than usual needs a reason, which `tokenward check` repeats; none is there for nothing."""

import pytest

from app.test_config import GOOD, write  # noqa: F401 - the fixture
from tokenward.app.check import check
from tokenward.app.config import load
from tokenward.app.weakening import _TABLE

WHY = ", reason: agreed with the auditors"
TOKENS = "tokens: {access_token: 5m, refresh_idle: 7d, refresh_absolute: 30d}"
STRANGERS = "scopes: [accounts:read]"
EXCHANGE = "exchange: [{client: a, subject_api: bank, target_api: bank, scopes: [accounts:read], "


def top(text):
    return f"{text}\n{GOOD}"


WEAKER = {
    "TokenLifetimes.access_token": GOOD.replace(TOKENS, "tokens: {access_token: 11m@}"),
    "TokenLifetimes.refresh_idle": GOOD.replace(TOKENS, "tokens: {refresh_idle: 15d@}"),
    "TokenLifetimes.refresh_absolute": GOOD.replace(TOKENS, "tokens: {refresh_absolute: 91d@}"),
    "ApiKeySettings.longest": top("api_keys: {longest: 366d@}"),
    "ClientSettings.secret_longest": top("clients: {secret_longest: 181d@}"),
    "ExchangeSettings.actor": top(f"{EXCHANGE}actor: none@}}]"),
    "ExchangeSettings.bound_subjects": top(f"{EXCHANGE}bound_subjects: true@}}]"),
    "RegistrationSettings.open": top(f"clients: {{registration: {{{STRANGERS}, open: true@}}}}"),
    "RegistrationSettings.redirect_hosts": top(
        f"clients: {{registration: {{{STRANGERS}, redirect_hosts: [a.example, '*']@}}}}"
    ),
    "DocumentSettings.hosts": top(f"clients: {{documents: {{{STRANGERS}, hosts: ['*']@}}}}"),
    "DocumentSettings.redirect_hosts": top(
        f"clients: {{documents: {{{STRANGERS}, hosts: [a.example], redirect_hosts: ['*']@}}}}"
    ),
    "JwtTrust.profile": f"{GOOD}    trust: [{{jwt: {{issuer: https://login.example, profile: jwt@}}}}]\n",
}
"""Section and member, and a file in which it is weaker; `@` is where the reason goes."""


def found(loaded):
    return [(it.severity, it.code) for it in loaded.findings if it.code != "secret-missing"]


def test_every_line_of_the_table_is_tried_here():
    assert set(WEAKER) == {f"{of.__name__}.{it.member}" for of, rows in _TABLE.items() for it in rows}


@pytest.mark.parametrize("name", WEAKER)
def test_what_is_weaker_does_not_start_without_a_reason(write, name):  # noqa: F811
    loaded = load(write(WEAKER[name].replace("@", "")))
    assert loaded.configuration is None
    assert found(loaded) == [("error", "reason-missing")]
    assert "say why in `reason`" in loaded.findings[0].remedy
    assert name.split(".")[1] in write(WEAKER[name]).read_text().splitlines()[loaded.findings[0].line - 1]


@pytest.mark.parametrize("name", WEAKER)
def test_with_a_reason_it_starts_and_check_repeats_it(write, name):  # noqa: F811
    path = write(WEAKER[name].replace("@", WHY))
    assert load(path).configuration is not None
    assert ("note", "weakened") in found(check(path))
    (note,) = [it for it in check(path).findings if it.code == "weakened"]
    assert note.text.endswith(": agreed with the auditors")


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("30d}", f"30d{WHY}}}"),
        top(f"api_keys: {{longest: 365d{WHY}}}"),
        top(f"clients: {{secret_longest: 180d{WHY}}}"),
        top(f"{EXCHANGE}actor: client{WHY}}}]"),
        top(f"clients: {{registration: {{{STRANGERS}, redirect_hosts: ['*.example']{WHY}}}}}"),
        f"{GOOD}    trust: [{{jwt: {{issuer: https://login.example{WHY}}}}}]\n",
    ],
)
def test_a_reason_for_nothing_is_refused(write, text):  # noqa: F811
    loaded = load(write(text))
    assert loaded.configuration is None
    assert found(loaded) == [("error", "reason-for-nothing")]


def test_as_usual_needs_none(write):  # noqa: F811
    usual = "tokens: {access_token: 10m, refresh_idle: 14d, refresh_absolute: 90d}"
    path = write(top("clients: {secret_longest: 180d}").replace(TOKENS, usual))
    assert load(path).configuration is not None
    assert "weakened" not in [code for _, code in found(check(path))]


def test_what_answers_may_lack_is_told_with_its_reason(write):  # noqa: F811
    asked = "issuer: https://a.example, url: https://a.example/i, client_id: gw, client_secret: file:a"
    lack = "may_lack: {aud: its answers are for one API}"
    path = write(f"{GOOD}    trust: [{{introspection: {{{asked}, {lack}}}}}]\n")
    (note,) = [it for it in check(path).findings if it.code == "weakened"]
    assert note.text.endswith("have no aud: its answers are for one API")
