"""The requests that AppAuth makes with the settings of `docs/how-to/sign-in-from-a-mobile-app.md`.

As its sources have them: `AuthorizationRequest.toUri`, `TokenRequest` with `NoClientAuthentication` on
Android, `OIDAuthorizationRequest` and `OIDTokenRequest.URLRequest` on iOS.
"""

import base64
import hashlib
import json
import re
from pathlib import Path
from secrets import token_bytes
from urllib.parse import parse_qs, urlsplit

import pytest
from typer.testing import CliRunner

from docs.test_pages import _blocks
from tokenward.app.cli import application
from tokenward.app.demo import CONFIGURATION
from tokenward.app.story import follow, submit

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "sign-in-from-a-mobile-app.md"
ANDROID = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
IOS = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}
REDIRECTS = re.findall(r"--redirect-uri (\S+)", _blocks(PAGE, "sh")[0])


@pytest.fixture(scope="module")
def app(demo):
    """The app of the page, registered as it says, for an API of the demonstration."""
    words = (
        _blocks(PAGE, "sh")[0].replace("\\\n", " ").replace('"', "").replace("notes:read", "accounts:read")
    )
    told = CliRunner().invoke(
        application, [*words.split()[1:], "--config", str(demo.directory / CONFIGURATION)]
    )
    assert told.exit_code == 0, told.output
    assert "client_secret" not in told.output
    return "notes-app"


def unpadded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def asked(demo, http, client_id, redirect):
    """The answer that comes to the app, and what it remembers of its request."""
    verifier = unpadded(token_bytes(64))
    sent = {
        "redirect_uri": redirect,
        "client_id": client_id,
        "response_type": "code",
        "state": unpadded(token_bytes(16)),
        "nonce": unpadded(token_bytes(16)),
        "scope": "openid offline_access accounts:read",
        "code_challenge": unpadded(hashlib.sha256(verifier.encode()).digest()),
        "code_challenge_method": "S256",
        "resource": f"{demo.urls['gateway']}/bank",
    }
    metadata = http.get(f"{demo.urls['issuer']}/.well-known/openid-configuration").json()
    story = demo.story(http)
    http.cookies.clear()
    username, password = story.person
    page = follow(story, http.get(metadata["authorization_endpoint"], params=sent))
    page = follow(story, submit(story, page, username=username, password=password.reveal()))
    answer = submit(story, page, decision="allow")
    assert answer.status_code in {302, 303}, answer.text
    return answer.headers["location"], sent, verifier, metadata


@pytest.mark.parametrize("headers", [ANDROID, IOS], ids=["android", "ios"])
@pytest.mark.parametrize("redirect", REDIRECTS, ids=["claimed", "scheme"])
def test_the_app_gets_tokens_and_refreshes_them(demo, http, app, redirect, headers):
    location, sent, verifier, metadata = asked(demo, http, app, redirect)
    assert location.startswith(f"{redirect}?")
    came = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    assert came["state"] == sent["state"]
    form = {
        "grant_type": "authorization_code",
        "redirect_uri": redirect,
        "code": came["code"],
        "code_verifier": verifier,
        "client_id": app,
    }
    answer = http.post(metadata["token_endpoint"], data=form, headers=headers)
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    claims = json.loads(base64.urlsafe_b64decode(tokens["id_token"].split(".")[1] + "=="))
    # What AppAuth checks of it.
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (metadata["issuer"], app, sent["nonce"])
    assert tokens["token_type"].lower() == "bearer"
    assert isinstance(tokens["expires_in"], int)

    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": app}
    again = http.post(metadata["token_endpoint"], data=refresh, headers=headers)
    assert again.status_code == 200, again.text
    called = http.get(
        f"{demo.urls['gateway']}/bank/accounts",
        headers={"authorization": f"Bearer {again.json()['access_token']}"},
    )
    assert called.status_code == 200
    gone = {"token": again.json()["refresh_token"], "client_id": app}
    assert http.post(metadata["revocation_endpoint"], data=gone, headers=headers).status_code == 200
    refresh["refresh_token"] = again.json()["refresh_token"]
    assert http.post(metadata["token_endpoint"], data=refresh, headers=headers).status_code == 400


def test_a_code_is_worthless_to_another_app_that_claims_the_scheme(demo, http, app):
    location, _, _, metadata = asked(demo, http, app, REDIRECTS[1])
    form = {
        "grant_type": "authorization_code",
        "redirect_uri": REDIRECTS[1],
        "code": parse_qs(urlsplit(location).query)["code"][0],
        "client_id": app,
    }
    for verifier in ({}, {"code_verifier": unpadded(token_bytes(64))}):
        assert http.post(metadata["token_endpoint"], data=form | verifier).status_code == 400


@pytest.mark.parametrize(
    "redirect", ["notes:/cb", "com.example.notes://oauth2redirect/cb", "http://app.example.com/cb"]
)
def test_an_address_that_is_not_the_app_s_own_is_not_registered(demo, redirect):
    config = str(demo.directory / CONFIGURATION)
    told = CliRunner().invoke(
        application,
        ["clients", "add", "Notes", "--type", "native", "--redirect-uri", redirect, "--config", config],
    )
    assert told.exit_code == 1, told.output
