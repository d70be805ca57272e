"""An application's own document is held against the policy, which was read from a file."""

import asyncio
import json

import pytest
from fastapi import FastAPI, Security

from app.test_in_process import client, lifespan
from tokenward.app.initialise import initialise
from tokenward.middleware import TokenwardMiddleware
from tokenward.middleware.fastapi import CurrentCaller

current_caller = CurrentCaller(issuer="https://login.example")


def application(*, tier="moderate", scopes=("accounts:read",), path="/v1/accounts/{number}", more=False):
    app = FastAPI()

    @app.get(path, openapi_extra={"x-tokenward-risk": tier})
    async def account(number: str, caller=Security(current_caller, scopes=list(scopes))):  # noqa: B008
        return caller.client_id

    if more:

        @app.delete(path, openapi_extra={"x-tokenward-risk": tier})
        async def close(number: str, caller=Security(current_caller, scopes=["accounts:write"])):  # noqa: B008
            pass

    return app


def protected(app, directory):
    """The application, by the policy that `application()` itself has written down."""
    initialise(directory)
    path = directory / "tokenward.yaml"
    api = "\napis: {bank: {openapi: bank.json, url: https://bank.example/v1}}\n"
    path.write_text(path.read_text().replace("\napis: {}\n", api))
    (directory / "bank.json").write_text(json.dumps(application(path="/accounts/{id}").openapi()))
    return TokenwardMiddleware(app, config=path, api="bank", openapi=app.openapi)


async def started(app):
    async with lifespan(app) as answer:
        return answer


def test_an_application_that_means_the_same_starts(tmp_path):
    answer = asyncio.run(started(protected(application(), tmp_path)))
    assert answer == {"type": "lifespan.startup.complete"}
    answer = asyncio.run(started(protected(application(path="/accounts/{number}"), tmp_path)))
    assert answer == {"type": "lifespan.startup.complete"}


def test_a_websocket_of_the_policy_need_not_stand_in_the_application_s_document(tmp_path):
    app = protected(application(), tmp_path)
    document = application(path="/accounts/{id}").openapi()
    asks = {"x-tokenward-risk": "low", "x-tokenward-websocket": True, "responses": {}}
    document["paths"]["/ticker"] = {"get": asks}
    (tmp_path / "bank.json").write_text(json.dumps(document))
    app = TokenwardMiddleware(
        app._app, config=tmp_path / "tokenward.yaml", api="bank", openapi=application().openapi
    )
    assert asyncio.run(started(app)) == {"type": "lifespan.startup.complete"}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"tier": "high"},
            "asks for tier moderate accounts:read in the policy, and for tier high accounts:read",
        ),
        ({"scopes": ["accounts:list"]}, "and for tier moderate accounts:list in the application"),
        ({"more": True}, "DELETE /accounts/{number} is in the application and not in the policy"),
        ({"path": "/v1/account/{number}"}, "GET /accounts/{id} is in the policy and not in the application"),
        ({"scopes": []}, "paths /accounts/{number} get:"),
    ],
    ids=["tier", "scopes", "one more", "one less", "no scopes"],
)
def test_one_that_means_something_else_does_not(tmp_path, changed, told):
    app = protected(application(**changed), tmp_path)
    answer = asyncio.run(started(app))
    assert answer["type"] == "lifespan.startup.failed"
    assert told in answer["message"]

    async def without_a_lifespan():
        async with client(app) as http:
            await http.get("/v1/accounts/7")

    with pytest.raises(ValueError, match="disagree"):
        asyncio.run(without_a_lifespan())
