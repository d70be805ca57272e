"""The part of the story in which one factor is not enough (RFC 9470): refused, told why, and let through."""

import re
from urllib.parse import urlencode

from tokenward.app.story import Story, Unexpected, expect, follow, submit
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.secret import Secret
from tokenward.flows import token as token_flow
from tokenward.flows.authorization import AuthorizationRequest, read_callback
from tokenward.flows.client_assertion import client_assertion
from tokenward.flows.token import TokenResponse
from tokenward.identity.factors import totp

_LARGE = {"from": "savings", "to": "current", "amount": "2500.00", "currency": "EUR"}


def large_transfer_with_one_factor(story: Story) -> None:
    """An application that proves what it is may move much money, for a person who has shown two factors."""
    request = _request(story)
    page = follow(story, story.call("GET", request.url))
    token = _token(story, request, expect(submit(story, page, decision="allow"), 303).headers["location"])
    url = f"{story.gateway}/bank/large-transfers"
    answer = story.bound_call("POST", url, token, json=_LARGE)
    expect(answer, 401, "insufficient_user_authentication")
    challenge = answer.headers["www-authenticate"]
    story.step_up = dict(re.findall(r'(acr_values|max_age)="?([^",]+)"?', challenge))
    if story.step_up.keys() != {"acr_values", "max_age"}:
        raise Unexpected("expected a challenge that says what to ask the issuer for")


def add_a_second_factor(story: Story) -> None:
    """The application asks for what was missing; the person, with one factor, sets up another on the way."""
    request = _request(story)
    page = follow(story, story.call("GET", f"{request.url}&{urlencode(story.step_up)}"))
    if "/account/second-factor" not in str(page.url):
        raise Unexpected("expected the page that asks for one more factor")
    aim = str(page.url).partition("?")[2]
    page = expect(story.call("GET", f"{story.issuer}/account/authenticator?{aim}"), 200)
    found = re.search(r"<code>([A-Z2-7]{32})</code>", page.text)
    if found is None:
        raise Unexpected("expected a key for the app")
    code = totp.code(Secret(found[1]), SYSTEM_CLOCK.time())
    page = follow(story, submit(story, page, code=code))
    if "/account/recovery-codes" not in str(page.url):
        raise Unexpected("expected an offer of recovery codes")
    back = re.search(r'name="continue" value="([^"]+)"', page.text)
    if back is None:
        raise Unexpected("expected a way back to the application")
    answer = story.call("GET", story.issuer + back[1].replace("&amp;", "&"))
    location = expect(answer, 303).headers["location"]  # the person has consented a moment ago
    story.large_transfer_token = _token(story, request, location)


def large_transfer(story: Story) -> None:
    """With two factors of a moment ago, the same transfer goes through."""
    url = f"{story.gateway}/bank/large-transfers"
    expect(story.bound_call("POST", url, story.large_transfer_token, json=_LARGE), 201)


def _request(story: Story) -> AuthorizationRequest:
    client_id, redirect_uri, _ = story.bank_app
    return AuthorizationRequest.begin(
        f"{story.issuer}/authorize",
        client_id=client_id,
        redirect_uri=redirect_uri,
        scope=["openid", "accounts:read", "transfers:write"],
        dpop_jkt=story.prover.thumbprint,
    )


def _token(story: Story, request: AuthorizationRequest, location: str) -> Secret:
    client_id, _, key = story.bank_app
    code = read_callback(location, request, story.issuer)
    proof = client_assertion(key, client_id=client_id, audience=story.issuer)
    form = token_flow.authorization_code(code, request) + b"&" + urlencode(proof).encode()
    answer = expect(story.bound_token(form), 200, "id_token")
    return TokenResponse.parse(answer.status_code, answer.content, token_type="DPoP").access_token  # noqa: S106 - a type
