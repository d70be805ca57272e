"""A small authorization server that does everything right, but for the faults that a test asks for.

A fault is named after the check that finds it, without "server.".
"""

import base64
import contextlib
import json
import re
from html import escape
from urllib.parse import parse_qsl, quote, urlencode
from urllib.request import urlopen

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from auditor.servers.good import JWK, METADATA

CLIENT = "weak-app"
PAGE = {
    "content-security-policy": "frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
}
CREDENTIALS = {"access-control-allow-credentials": "true"}
_URL = ":/?#[]@!$&'()*+,;=%\\"
CHALLENGE = re.compile(r"[\w-]{43}")


class WeakServer:
    """Its application, in `app`.

    Args:
        issuer: its address.
        faults: what it does wrong.
        redirect_uris: of its one client.
        reads_prompt: whether it knows `prompt=none`; else it always shows the sign-in page.
        members: further ones of its metadata.
        falls_back: whether it takes its first address in the place of an unknown one.
        signs_in_at: where people sign in.
    """

    def __init__(
        self,
        issuer,
        faults,
        redirect_uris,
        *,
        reads_prompt=True,
        members=None,
        falls_back=False,
        signs_in_at="/sign-in",
    ):
        self.issuer = issuer
        self.faults = frozenset(faults)
        self.redirect_uris = redirect_uris
        self.reads_prompt = reads_prompt
        self.members = members or {}
        self.falls_back = falls_back
        self.signs_in_at = signs_in_at
        self.clients = {CLIENT}
        self.app = Starlette(
            routes=[
                Route("/.well-known/oauth-authorization-server", self.metadata),
                Route("/.well-known/openid-configuration", self.metadata),
                Route("/jwks.json", self.jwks),
                Route("/authorize", self.authorize, methods=["GET", "POST"]),
                Route("/sign-in", self.sign_in),
                Route(
                    "/token", self.token, methods=["POST", *(["GET"] if "token-get" in self.faults else [])]
                ),
                Route("/introspect", self.introspect, methods=["POST"]),
                Route("/revoke", self.revoke, methods=["POST"]),
                Route("/userinfo", self.userinfo),
                Route("/register", self.register, methods=["POST"]),
                Route("/register/{name}", self.unregister, methods=["DELETE"]),
            ]
        )

    def weak(self, fault):
        return fault in self.faults

    async def metadata(self, _request: Request) -> Response:
        data = json.loads(json.dumps(METADATA).replace(METADATA["issuer"], self.issuer))
        data |= {"userinfo_endpoint": f"{self.issuer}/userinfo"} | self.members
        return JSONResponse(data, headers={"cache-control": "max-age=300"})

    async def jwks(self, _request: Request) -> Response:
        return JSONResponse({"keys": [JWK]})

    # /authorize

    async def authorize(self, request: Request) -> Response:
        response = self._authorize(parse_qsl(request.url.query, keep_blank_values=True))
        if self.weak("authorize-cors"):
            response.headers["access-control-allow-origin"] = "*"
        return response

    def _authorize(self, pairs):
        asked = dict(pairs)
        if self.weak("request-uri-fetched") and "request_uri" in asked:
            _fetch(asked["request_uri"])
        if self.weak("request-unsigned") and asked.get("request", "").endswith("."):
            inner = asked["request"].split(".")[1]
            asked |= json.loads(base64.urlsafe_b64decode(inner + "=="))
        address = asked.get("redirect_uri", "")
        if asked.get("client_id") != CLIENT:
            if self.weak("redirect-for-strangers") and address:
                return self._back(address, asked, "unauthorized_client")
            return self._page(asked.get("client_id", ""))
        if address not in self.redirect_uris and self.falls_back:
            address = self.redirect_uris[0]
        if address not in self.redirect_uris:
            return self._page(address)
        if len(pairs) != len({name for name, _ in pairs}) and not self.weak("parameters-twice"):
            return self._back(address, asked, "invalid_request")
        error = self._error(asked)
        if error:
            return self._back(address, asked, error)
        if self.reads_prompt and asked.get("prompt") == "none":
            return self._back(address, asked, "login_required")
        return RedirectResponse(self.signs_in_at, 303, {"set-cookie": self._cookie()})

    def _error(self, asked):
        types = {"code"} | ({"token"} if self.weak("token-response") else set())
        if asked.get("response_type") not in types:
            return "unsupported_response_type"
        bound = {"code_challenge", "state", "nonce"} & set(asked)
        if "code_challenge" not in asked:
            optional = self.weak("pkce-optional") and (bound or self.weak("nothing-ties"))
            return "" if optional else "invalid_request"
        methods = {"S256"} | ({"plain", None} if self.weak("plain-taken") else set())
        if asked.get("code_challenge_method") not in methods:
            return "invalid_request"
        if not CHALLENGE.fullmatch(asked["code_challenge"]) and not self.weak("any-challenge"):
            return "invalid_request"
        return ""

    def _back(self, address, asked, error):
        state = asked.get("state")
        if self.weak("state-changed") and state is not None:
            state = state.replace(" ", "")
        issuer = {} if self.weak("iss-unsaid") else {"iss": self.issuer}
        told = {"error": error} | issuer | ({} if state is None else {"state": state})
        base, _, fragment = address.partition("#")
        where = f"{base}{'&' if '?' in base else '?'}{urlencode(told)}{'#' if fragment else ''}{fragment}"
        status = 307 if self.weak("redirect-repeats") else 303
        return Response(status_code=status, headers={"location": quote(where, safe=_URL)})

    def _page(self, told):
        text = told if self.weak("markup") else escape(told)
        return HTMLResponse(f"<title>Error</title>{text}", 400, PAGE)

    def _cookie(self):
        return "session=1; Path=/" if self.weak("cookie-flags") else "session=1; Path=/; HttpOnly; Secure"

    async def sign_in(self, request: Request) -> Response:
        if request.cookies.get("session") != "1":
            return self._page("no session")
        missing = {
            "page-framed": "content-security-policy",
            "page-stored": "cache-control",
            "page-referrer": "referrer-policy",
        }
        headers = {name: value for name, value in PAGE.items() if name not in map(missing.get, self.faults)}
        return HTMLResponse("<title>Sign in</title>", headers=headers)

    # Endpoints that programs call

    async def _sent(self, request):
        return dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))

    def _refused(self, status=401, error="invalid_client", text=""):
        told = {"error": error} | ({"error_description": text} if text else {})
        return JSONResponse(told, status, {"www-authenticate": "Basic"} if status == 401 else None)

    async def token(self, request: Request) -> Response:
        response = await self._token(request)
        if self.weak("token-cors-credentials"):
            response.headers.update({**CREDENTIALS, "access-control-allow-origin": request.headers["origin"]})
        return response

    async def _token(self, request):
        sent = await self._sent(request)
        if self.weak("secret-in-query"):
            sent |= request.query_params
        if self.weak("anybody"):
            return JSONResponse({"access_token": "x", "token_type": "Bearer"})
        if self.weak("breaks") and "authorization" in request.headers:
            return JSONResponse({}, 500)
        if self.weak("insides") and "'" in sent.get("client_id", ""):
            return Response("Traceback (most recent call last):\n", 400)
        if self.weak("secret-echoed") and "client_secret" in sent:
            return self._refused(text=f"{sent['client_secret']} is wrong")
        if self.weak("client-refusal") and "authorization" in request.headers:
            return self._refused(400)
        if sent.get("grant_type") == "password" and sent.get("client_id") == CLIENT:
            return self._refused(
                400, "invalid_grant" if self.weak("password-taken") else "unsupported_grant_type"
            )
        return self._refused(text="wrong secret" if "client_secret" in sent else "no credentials")

    async def introspect(self, request: Request) -> Response:
        return JSONResponse({"active": False}) if self.weak("introspection-open") else self._refused()

    async def revoke(self, request: Request) -> Response:
        return Response() if self.weak("revocation-open") else self._refused()

    async def userinfo(self, request: Request) -> Response:
        if self.weak("userinfo-open"):
            return JSONResponse({"sub": "alice"})
        token = request.headers.get("authorization", "")
        if self.weak("userinfo-query"):
            token = token or request.query_params.get("access_token", "")
        return Response(
            status_code=401,
            headers={"www-authenticate": 'Bearer error="invalid_token"' if token else "Bearer"},
        )

    async def register(self, request: Request) -> Response:
        if self.weak("registration-lax"):
            self.clients.add("made")
            made = {"client_id": "made", "registration_client_uri": f"{self.issuer}/register/made"}
            return JSONResponse(made | {"registration_access_token": "t"}, 201)
        if self.weak("registration-open"):
            return JSONResponse({"error": "invalid_redirect_uri"}, 400)
        return self._refused(401, "invalid_token")

    async def unregister(self, request: Request) -> Response:
        self.clients.discard(request.path_params["name"])
        return Response(status_code=204)


def _fetch(url):
    with contextlib.suppress(OSError):
        urlopen(url, timeout=2).close()
