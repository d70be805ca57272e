"""Applications behind the doors: whatever is asked of them, they answer with what they saw, as JSON."""

import json
import pickle
from types import MappingProxyType

from fastapi import FastAPI, Request, Response
from flask import Flask, jsonify
from flask import request as flask_request
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from gateway.cases import CASES, NOT_OVER_HTTP, refused_as
from gateway.world import World
from tokenward.gateway.doors.in_process import Caller
from tokenward.gateway.doors.running import Running
from tokenward.gateway.policy import Policy

METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"]
INNER = "x-inner"  # a response header: the application itself has answered


class Ready:
    """An `EngineSource` whose engine is there."""

    def __init__(self, engine):
        self._engine = engine
        self.running = Running(engine)

    async def engine(self):
        return self._engine

    async def close(self):
        pass


def seen(answer):
    """What the application saw, which answered."""
    status, headers, body = answer
    assert (status, dict(headers).get(INNER)) == (200, "1"), body
    return json.loads(body)


def header(answer, name):
    return [value for key, value in seen(answer)["headers"] if key == name]


def echo(path, headers, caller, url, body):
    whose = caller._asdict() | {"scope": sorted(caller.scope), "claims": dict(caller.claims)}
    return {
        "path": path,
        "headers": headers,
        "caller": whose | {"anonymous": caller.anonymous},
        "url": url,
        "body": body.decode(),
    }


def _pairs(raw):
    return [(name.decode(), value.decode("latin-1")) for name, value in raw]


def wsgi_headers(environ):
    return [
        (key[5:].lower().replace("_", "-"), value)
        for key, value in environ.items()
        if key.startswith("HTTP_")
    ]


def starlette_app():
    async def endpoint(request):
        path, caller = request.path_params["path"], request.state.tokenward
        told = echo(path, _pairs(request.headers.raw), caller, str(request.url), await request.body())
        return JSONResponse(told, headers={INNER: "1"})

    return Starlette(routes=[Route("/{path:path}", endpoint, methods=METHODS)])


def fastapi_app():
    app = FastAPI()

    @app.api_route("/{path:path}", methods=METHODS)
    async def endpoint(path: str, request: Request, response: Response):
        response.headers[INNER] = "1"
        caller = Caller.of_scope(request.scope)
        return echo(path, _pairs(request.headers.raw), caller, str(request.url), await request.body())

    return app


async def every_case(gateway, folded=MappingProxyType({}), by_the_server=()):
    """Each case that HTTP can tell, through a door to one of these applications.

    Args:
        gateway: the door.
        folded: the code of cases that this kind of door cannot tell from others.
        by_the_server: names of those that never reach the door.
    """
    for case in CASES:
        if case.name in NOT_OVER_HTTP:
            continue
        raw = gateway.raw(case.path, case.method, case.headers, case.query, case.body)
        status, headers, body = await gateway.send(raw)
        reached = INNER in dict(headers)
        assert (case.name, reached) == (case.name, case.code == "allow")
        if reached:
            assert (case.name, status) == (case.name, 200)
        elif case.name in by_the_server:
            assert status == 400
        else:
            refused_as(case, status, headers, body, folded.get(case.name))


def flask_app():
    app = Flask("inner")

    @app.route("/<path:path>", methods=METHODS, provide_automatic_options=False)
    def endpoint(path):
        environ = flask_request.environ
        caller = Caller.of_environ(environ)
        told = echo(path, wsgi_headers(environ), caller, flask_request.url, flask_request.get_data())
        return jsonify(told), 200, {INNER: "1"}

    return app.wsgi_app


def write_world(world, path):
    """Write down what this world knows, for a server in another process."""
    path.write_bytes(pickle.dumps((world.known, world.place.written())))


def read_world(path):
    world = World()
    world.known, place = pickle.loads(path.read_bytes())
    world.place.read(place)
    world.engine.policy = Policy((*world.policy.apis[:-1], world.place.api()))
    return world
