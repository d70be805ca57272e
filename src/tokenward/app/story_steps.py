"""The story that `tokenward demo --once` tells: each promise of the main job, kept or broken in plain sight.

Each step is a real exchange over HTTP with an expected outcome; the table at the end is the order of telling.
Everything shown passes the redactor first.
"""

from collections.abc import Callable

import httpx

from tokenward.app.story import Story, Unexpected, expect, follow, submit
from tokenward.app.story_payment import allow_one_payment, pay_what_was_allowed, payment_without_details
from tokenward.app.story_step_up import add_a_second_factor, large_transfer, large_transfer_with_one_factor
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.secret import Secret
from tokenward.flows import token as token_flow
from tokenward.flows.authorization import AuthorizationRequest, read_callback
from tokenward.flows.dpop import DpopProver
from tokenward.flows.token import TokenResponse, basic_authorization

_TRANSFER = {"from": "current", "to": "savings", "amount": "10.00", "currency": "EUR"}


def obtain_token(story: Story) -> None:
    """The service gets an opaque token for the weather, by client credentials."""
    answer = story.token(token_flow.client_credentials(scope=["forecast:read"]))
    story.weather_token = TokenResponse.parse(expect(answer, 200).status_code, answer.content).access_token


def read_forecast(story: Story) -> None:
    """The gateway lets it through; the backend shows the JWT that it received instead of the token."""
    url = f"{story.gateway}/weather/forecast/berlin"
    answer = expect(story.call("GET", url, bearer=story.weather_token), 200)
    received = answer.json()["received"]
    if received["opaque_token_seen"] or story.weather_token.reveal() in answer.text:
        raise Unexpected("expected that the opaque token never reaches the backend")
    if received["subject"] != story.service[0] or not 0 < received["seconds_left"] <= 60:
        raise Unexpected("expected a JWT for the service with at most 60 seconds of life")


def forecast_by_api_key(story: Story) -> None:
    """An API key is good enough for the weather, and tells its holder that it ends soon."""
    key = ("x-api-key", story.api_key.reveal())
    answer = expect(story.call("GET", f"{story.gateway}/weather/forecast/berlin", headers=[key]), 200)
    if "sunset" not in answer.headers or story.api_key.reveal() in answer.text:
        raise Unexpected("expected a Sunset header, and that the key never reaches the backend")
    expect(story.call("GET", f"{story.gateway}/bank/accounts", headers=[key]), 401, "invalid_token")


def end_api_key(story: Story) -> None:
    """Whoever holds an API key can end it, without an account; within a second it opens nothing."""
    form = f"token={story.api_key.reveal()}".encode()
    expect(story.call("POST", f"{story.issuer}/revoke", form=form), 200)
    url, key = f"{story.gateway}/weather/forecast/berlin", ("x-api-key", story.api_key.reveal())
    _dies_within_a_second(story, lambda: story.call("GET", url, headers=[key]))


def read_account(story: Story) -> None:
    """A token with scope accounts:read reads an account."""
    answer = story.token(token_flow.client_credentials(scope=["accounts:read"]))
    story.bank_token = TokenResponse.parse(expect(answer, 200).status_code, answer.content).access_token
    expect(story.call("GET", f"{story.gateway}/bank/accounts", bearer=story.bank_token), 200)


def transfer_with_a_bearer_token(story: Story) -> None:
    """The same token cannot move money: a copy would be as good, so the bank wants one bound to a key."""
    answer = story.call("POST", f"{story.gateway}/bank/transfers", bearer=story.bank_token, json=_TRANSFER)
    expect(answer, 403, "insufficient_tier", "DPoP")


def token_of_another_audience(story: Story) -> None:
    """A token for the weather opens nothing at the bank."""
    answer = story.call("GET", f"{story.gateway}/bank/accounts", bearer=story.weather_token)
    expect(answer, 401, "invalid_token")


def no_token(story: Story) -> None:
    """Without a token the answer says only how to come back."""
    answer = expect(story.call("GET", f"{story.gateway}/bank/accounts"), 401, "Bearer")
    if "error=" in answer.headers["www-authenticate"]:
        raise Unexpected("expected a bare challenge")


def garbage(story: Story) -> None:
    """A text that is no token is refused before anything is looked up."""
    garbage_token = Secret("tkw_at_" + "0" * 60)
    expect(story.call("GET", f"{story.gateway}/bank/accounts", bearer=garbage_token), 401, "invalid_token")


def token_in_query(story: Story) -> None:
    """A token in a URL lands in logs and histories, so it is refused there, valid or not."""
    url = f"{story.gateway}/bank/accounts?access_token={story.bank_token.reveal()}"
    expect(story.call("GET", url), 400, "invalid_request")


def two_credentials(story: Story) -> None:
    """Two credentials in one request have no single meaning."""
    twice = [
        ("authorization", f"Bearer {token.reveal()}") for token in (story.bank_token, story.weather_token)
    ]
    expect(story.call("GET", f"{story.gateway}/bank/accounts", headers=twice), 400, "invalid_request")


def undocumented_path(story: Story) -> None:
    """The backend has this route, its OpenAPI document has not: nobody outside reaches it."""
    expect(story.call("GET", f"{story.gateway}/bank/internal/debug", bearer=story.bank_token), 404)


def inside_jwt_outside(story: Story) -> None:
    """A genuine inside JWT, copied by an insider, is worthless at the outside door."""
    jwt = story.inside_jwt()
    expect(story.call("GET", f"{story.gateway}/bank/accounts", bearer=jwt), 401, "invalid_token")


def revoke(story: Story) -> None:
    """A revoked token is refused at the gateway within a second, cached or not."""
    expect(story.call("GET", f"{story.gateway}/bank/accounts", bearer=story.bank_token), 200)
    form = f"token={story.bank_token.reveal()}".encode()
    headers = [("authorization", basic_authorization(*story.service))]
    expect(story.call("POST", f"{story.issuer}/revoke", form=form, headers=headers), 200)
    url, token = f"{story.gateway}/bank/accounts", story.bank_token
    _dies_within_a_second(story, lambda: story.call("GET", url, bearer=token))


def sign_in_and_consent(story: Story) -> None:
    """A person signs in on the real page and consents; the code comes back with `state` and `iss`."""
    client_id, redirect_uri = story.app
    request = AuthorizationRequest.begin(
        f"{story.issuer}/authorize",
        client_id=client_id,
        redirect_uri=redirect_uri,
        scope=["openid", "offline_access", "accounts:read", "transfers:write"],
        dpop_jkt=story.prover.thumbprint,
    )
    username, password = story.person
    page = follow(story, story.call("GET", request.url))
    page = follow(story, submit(story, page, username=username, password=password.reveal()))
    answer = submit(story, page, decision="allow")
    code = read_callback(expect(answer, 303).headers["location"], request, story.issuer)
    form = token_flow.authorization_code(code, request, public=True)
    _keep_tokens(story, expect(story.bound_token(form), 200, "id_token", "refresh_token"))


def transfer_as_person(story: Story) -> None:
    """With the scope that the person consented to, and a proof by the key, the transfer goes through."""
    token = _person_tokens(story).access_token
    expect(story.bound_call("POST", f"{story.gateway}/bank/transfers", token, json=_TRANSFER), 201)


def stolen_bound_token(story: Story) -> None:
    """A stolen bound token is worthless: as a bearer token, with a copied proof, and with a thief's own."""
    url, token = f"{story.gateway}/bank/accounts", _person_tokens(story).access_token
    expect(story.call("GET", url, bearer=token), 401, "invalid_token")
    headers = story.prover.headers("GET", url, token)
    expect(story.call("GET", url, headers=headers), 200)
    expect(story.call("GET", url, headers=headers), 401, "invalid_dpop_proof")
    thief = DpopProver()
    thief.must_repeat(url, 200, story.call("GET", url, headers=headers).headers, b"")
    expect(story.call("GET", url, headers=thief.headers("GET", url, token)), 401, "invalid_dpop_proof")
    stolen = token_flow.refresh_token(_refresh_token(story), client_id=story.app[0])
    expect(story.call("POST", f"{story.issuer}/token", form=stolen), 400, "invalid_grant")


def transfer_without_scope(story: Story) -> None:
    """A token of fewer scopes, though bound, cannot move money either: that operation needs another one."""
    form = token_flow.refresh_token(_refresh_token(story), scope=["accounts:read"], client_id=story.app[0])
    _keep_tokens(story, expect(story.bound_token(form), 200))
    token = _person_tokens(story).access_token
    answer = story.bound_call("POST", f"{story.gateway}/bank/transfers", token, json=_TRANSFER)
    expect(answer, 403, "insufficient_scope", "transfers:write")


def refresh(story: Story) -> None:
    """Refreshing gives a new access token and a new refresh token."""
    story.old_refresh_token = _refresh_token(story)
    _keep_tokens(story, expect(_refresh(story, story.old_refresh_token), 200))
    token = _person_tokens(story).access_token
    expect(story.bound_call("GET", f"{story.gateway}/bank/accounts", token), 200)


def replay_kills_the_family(story: Story) -> None:
    """The successor is used, then the old token is replayed: somebody stole it, so the whole family dies."""
    _keep_tokens(story, expect(_refresh(story, _refresh_token(story)), 200))
    expect(_refresh(story, story.old_refresh_token), 400, "invalid_grant")
    expect(_refresh(story, _refresh_token(story)), 400, "invalid_grant")
    url, token = f"{story.gateway}/bank/accounts", _person_tokens(story).access_token
    _dies_within_a_second(story, lambda: story.bound_call("GET", url, token))


STEPS: tuple[Callable[[Story], None], ...] = (
    obtain_token,
    read_forecast,
    forecast_by_api_key,
    end_api_key,
    read_account,
    transfer_with_a_bearer_token,
    token_of_another_audience,
    no_token,
    garbage,
    token_in_query,
    two_credentials,
    undocumented_path,
    inside_jwt_outside,
    revoke,
    sign_in_and_consent,
    transfer_as_person,
    payment_without_details,
    allow_one_payment,
    pay_what_was_allowed,
    large_transfer_with_one_factor,
    add_a_second_factor,
    large_transfer,
    stolen_bound_token,
    transfer_without_scope,
    refresh,
    replay_kills_the_family,
)


def _dies_within_a_second(story: Story, call: Callable[[], httpx.Response]) -> None:
    since = SYSTEM_CLOCK.monotonic()
    while SYSTEM_CLOCK.monotonic() - since < 1.0:
        if call().status_code == 401:
            return
        story.exchanges.pop()
    raise Unexpected("expected a refusal within a second")


def _refresh(story: Story, token: Secret) -> httpx.Response:
    return story.bound_token(token_flow.refresh_token(token, client_id=story.app[0]))


def _keep_tokens(story: Story, answer: httpx.Response) -> None:
    story.person_tokens = TokenResponse.parse(answer.status_code, answer.content, token_type="DPoP")  # noqa: S106 - a type


def _person_tokens(story: Story) -> TokenResponse:
    if story.person_tokens is None:
        raise Unexpected("expected that the sign-in has given tokens")
    return story.person_tokens


def _refresh_token(story: Story) -> Secret:
    token = _person_tokens(story).refresh_token
    if token is None:
        raise Unexpected("expected a refresh token")
    return token
