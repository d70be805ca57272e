"""API keys in the admin API."""

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tokenward.app.admin_input import Input, read_input
from tokenward.app.foundation import Foundation
from tokenward.base.problems import NOT_FOUND, Refusal
from tokenward.issuer.api_keys import LONGEST_OVERLAP, Terms, add_key, rotate_key
from tokenward.issuer.key_imports import HashedKey, import_keys
from tokenward.store.records import ApiKeyState


class _WithTerms(Input):
    audience: str = Field(max_length=500)
    scopes: list[str] = Field(default_factory=list, max_length=200)
    addresses: list[str] = Field(default_factory=list, max_length=50)
    origins: list[str] = Field(default_factory=list, max_length=50)
    rate: int | None = None

    @property
    def terms(self) -> Terms:
        """What the key is given for."""
        return Terms(self.audience, tuple(self.scopes), tuple(self.addresses), tuple(self.origins), self.rate)


class NewApiKey(_WithTerms):
    """A key to give out; `lifetime` is in seconds."""

    name: str
    owner: str
    lifetime: int | None = None


class KeyRow(Input):
    """One key that something else gave out."""

    name: str
    owner: str
    sha256: str = Field(max_length=70)
    expires: str = Field(default="", max_length=40)
    last_four: str = ""


class KeyImport(_WithTerms):
    """Keys that something else gave out, all on the same terms. A large table is for the command line."""

    keys: list[KeyRow]


class KeySuccession(Input):
    """How long the old key stays valid beside the new one, in seconds."""

    overlap: int = Field(default=0, ge=0, le=LONGEST_OVERLAP)


class ApiKeyEndpoints:
    """The endpoints below `/api-keys`."""

    def __init__(self, ground: Foundation) -> None:
        self._store = ground.store
        self._desk = ground.api_key_desk
        self._clock = ground.clock

    async def every(self, _request: Request) -> Response:
        """GET: every key, by age."""
        return JSONResponse({"api_keys": [_json(state) for state in await self._store.api_keys()]})

    async def add(self, request: Request) -> Response:
        """POST: give out a key; the answer shows it this once."""
        wanted = await read_input(request, NewApiKey)
        key, secret = await add_key(
            self._desk, wanted.terms, name=wanted.name, owner=wanted.owner, lifetime=wanted.lifetime
        )
        return JSONResponse({**_json(ApiKeyState(key)), "api_key": secret.reveal()}, status_code=201)

    async def take_over(self, request: Request) -> Response:
        """POST: take over keys by their SHA-256, all of them or none."""
        wanted = await read_input(request, KeyImport)
        rows = [HashedKey(f"keys.{number}", **row.model_dump()) for number, row in enumerate(wanted.keys)]
        keys = await import_keys(self._desk, wanted.terms, rows)
        return JSONResponse({"api_keys": [_json(ApiKeyState(key)) for key in keys]}, status_code=201)

    async def show(self, request: Request) -> Response:
        """GET: one key."""
        state = await self._store.api_key(request.path_params["key_id"])
        if state is None:
            raise Refusal(NOT_FOUND)
        return JSONResponse(_json(state))

    async def revoke(self, request: Request) -> Response:
        """DELETE: end a key."""
        if not await self._store.revoke_api_key(request.path_params["key_id"], self._clock.time()):
            raise Refusal(NOT_FOUND)
        return Response(status_code=204)

    async def rotate(self, request: Request) -> Response:
        """POST: give out a successor; the answer shows it this once."""
        order = await read_input(request, KeySuccession)
        key, secret = await rotate_key(self._desk, request.path_params["key_id"], overlap=order.overlap)
        return JSONResponse({**_json(ApiKeyState(key)), "api_key": secret.reveal()}, status_code=201)


def _json(state: ApiKeyState) -> dict[str, object]:
    key = state.key
    return {
        "key_id": key.key_id,
        "name": key.name,
        "owner": key.owner,
        "last_four": key.last_four,
        "audience": key.audience,
        "scopes": list(key.scopes),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "addresses": list(key.addresses),
        "origins": list(key.origins),
        "rate": key.rate,
        "rotated_from": key.rotated_from,
        "rotated_at": state.rotated_at,
        "imported": key.imported,
        "revoked": state.revoked,
        "uses": state.uses,
        "last_used_at": state.last_used_at,
    }
