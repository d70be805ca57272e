"""Targets in raw code: each is strict but for what its name says."""

import hashlib
import hmac
import json
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from targets.serving import CHALLENGE, REFUSED, Refused, Request, Response, Target, api
from tokenward import JwtValidator
from tokenward.auditor.attacks.kit import b64, compact, decoded, public_key, signed
from tokenward.tokens import DpopVerifier, verify_jws
from tokenward.tokens.keys import SigningKey
from tokenward.tokens.replays import MemoryReplays

AUDIENCE = "https://bank.example"
ALGORITHMS = ["ES256", "EdDSA", "PS256", "RS256"]


class Trust:
    """The issuer that a target trusts, once it is told its URL; its keys are fetched at the first token."""

    url = ""
    fetched: Mapping[str, Any] | None = None

    @property
    def keys(self) -> Mapping[str, Any]:
        if self.fetched is None:
            self.fetch()
        assert self.fetched is not None
        return self.fetched

    def fetch(self) -> None:
        with urllib.request.urlopen(f"{self.url}/jwks.json") as answer:
            self.fetched = json.load(answer)

    def validator(self, keys: Any = None, **settings: Any) -> JwtValidator:
        return JwtValidator(
            issuer=self.url, audience=AUDIENCE, keys=keys or self.keys, algorithms=ALGORITHMS, **settings
        )

    def strict(self, token: str) -> Any:
        return self.validator().validate(token)


OURS = SigningKey.generate()


def changing(
    trust: Trust, change: Callable[[dict[str, Any], dict[str, Any]], None], *, signature: bool = True
) -> Callable[[str], Any]:
    """Verifies a token as if header or claims were others: what `change` overwrites, nobody looks at."""

    def verify(token: str) -> None:
        head, body, _ = token.split(".")
        if signature:
            verify_jws(token, trust.keys, algorithms=ALGORITHMS)
        header, claims = (json.loads(decoded(part).decode()) for part in (head, body))
        change(header, claims)
        header |= {"alg": OURS.algorithm, "kid": OURS.kid}
        trust.validator({"keys": [OURS.public_jwk()]}).validate(
            signed(compact(header), compact(claims), OURS.sign)
        )

    return verify


def strict(trust: Trust) -> Target:
    return api(trust.strict)


def no_signature(trust: Trust) -> Target:
    return api(changing(trust, lambda *_: None, signature=False))


def no_expiry(trust: Trust) -> Target:
    def change(_: Any, claims: dict[str, Any]) -> None:
        claims["exp"] = int(time.time()) + 60
        if type(claims.get("iat")) is int:
            claims["iat"] = int(time.time())

    return api(changing(trust, change))


def no_audience(trust: Trust) -> Target:
    return api(changing(trust, lambda _, claims: claims.update(aud=AUDIENCE)))


def no_issuer(trust: Trust) -> Target:
    return api(changing(trust, lambda _, claims: claims.update(iss=trust.url)))


def no_typ(trust: Trust) -> Target:
    return api(changing(trust, lambda header, _: header.update(typ="at+jwt")))


def no_binding(trust: Trust) -> Target:
    return api(changing(trust, lambda _, claims: claims.pop("cnf", None)))


def two_minutes_of_leeway(trust: Trust) -> Target:
    return api(lambda token: trust.validator(leeway=120).validate(token))


def header_of(token: str) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(decoded(token.split(".", maxsplit=1)[0]))
    return header


def alg_none(trust: Trust) -> Target:
    def verify(token: str) -> None:
        if header_of(token)["alg"] != "none":
            trust.strict(token)

    return api(verify)


def _hmac(token: str, secret: bytes) -> None:
    front, _, signature = token.rpartition(".")
    if not hmac.compare_digest(b64(hmac.digest(secret, front.encode(), hashlib.sha256)), signature):
        raise Refused


def key_confusion(trust: Trust) -> Target:

    def verify(token: str) -> None:
        header = header_of(token)
        if header["alg"] != "HS256":
            trust.strict(token)
            return
        jwk = next(key for key in trust.keys["keys"] if key["kid"] == header["kid"])
        _hmac(token, public_key(jwk).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    return api(verify)


def guessable_secret(trust: Trust) -> Target:
    def verify(token: str) -> None:
        if header_of(token)["alg"] == "HS256":
            _hmac(token, b"secret")
        else:
            trust.strict(token)

    return api(verify)


def kid_as_path(trust: Trust) -> Target:
    def verify(token: str) -> None:
        header = header_of(token)
        if header["alg"] == "HS256":
            _hmac(token, Path("/usr/lib/python3", header["kid"]).read_bytes())
        else:
            trust.strict(token)

    return api(verify)


def _ecdsa(token: str, jwk: Mapping[str, str]) -> None:
    front, _, signature = token.rpartition(".")
    raw = decoded(signature)
    assert header_of(token)["alg"] == "ES256"
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key = public_key(jwk)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(der, front.encode(), ec.ECDSA(SHA256()))


def key_in_header(trust: Trust) -> Target:
    def verify(token: str) -> None:
        jwk = header_of(token).get("jwk")
        if jwk is None:
            trust.strict(token)
        else:
            _ecdsa(token, jwk)

    return api(verify)


def key_address(trust: Trust) -> Target:
    def verify(token: str) -> None:
        jku = header_of(token).get("jku", "")
        if not isinstance(jku, str) or not jku.startswith("http://127.0.0.1:"):
            trust.strict(token)
            return
        with urllib.request.urlopen(jku) as answer:
            _ecdsa(token, json.load(answer)["keys"][0])

    return api(verify)


def fetches_what_the_issuer_says(trust: Trust) -> Target:
    def verify(token: str) -> None:
        issuer = json.loads(decoded(token.split(".")[1]))["iss"]
        if isinstance(issuer, str) and issuer.startswith("http://127.0.0.1:") and issuer != trust.url:
            urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration").close()
        trust.strict(token)

    return api(verify)


def fetches_for_each_key(trust: Trust) -> Target:
    def verify(token: str) -> None:
        if header_of(token).get("kid") not in [key["kid"] for key in trust.keys["keys"]]:
            trust.fetch()
        trust.strict(token)

    return api(verify)


def remembers_by_jti(trust: Trust) -> Target:
    seen: set[Any] = set()

    def verify(token: str) -> None:
        jti = json.loads(decoded(token.split(".")[1]))["jti"]
        if jti not in seen:
            trust.strict(token)
            seen.add(jti)

    return api(verify)


def any_token(_: Trust) -> Target:
    return api(lambda _: None)


def _with(trust: Trust, token_of: Callable[[Request], str]) -> Target:
    def answer(request: Request) -> Response:
        try:
            trust.strict(token_of(request))
        except Exception:  # noqa: BLE001 - whatever goes wrong
            return REFUSED
        return Response()

    return answer


def _once(request: Request) -> str:
    return "" if "," in request.authorization else request.bearer


def in_query(trust: Trust) -> Target:
    return _with(trust, lambda it: _once(it) or it.query.get("access_token", [""])[0])


def in_cookie(trust: Trust) -> Target:
    return _with(trust, lambda it: _once(it) or it.fields.get("HTTP_COOKIE", "").partition("token=")[2])


def in_form(trust: Trust) -> Target:
    return _with(trust, lambda it: _once(it) or it.body.partition(b"access_token=")[2].decode())


def first_of_two(trust: Trust) -> Target:
    def token(request: Request) -> str:
        first = request.authorization.split(",")[0]
        return first.removeprefix("Bearer ") if first.startswith("Bearer ") else _once(request)

    return _with(trust, lambda it: "" if it.authorization.endswith(",x") else token(it))


def any_scheme(trust: Trust) -> Target:
    return _with(trust, lambda it: "" if "," in it.authorization else it.authorization.split(" ")[-1])


def one_spelling(trust: Trust) -> Target:
    return _with(trust, lambda it: _once(it) if it.authorization.startswith("Bearer ") else "")


def refusing(trust: Trust, refusal: Callable[[Request, Exception], Response]) -> Target:
    """Strict, and refuses in a way of its own."""

    def answer(request: Request) -> Response:
        try:
            trust.strict(_once(request))
        except Exception as error:  # noqa: BLE001 - as below
            return refusal(request, error)
        return Response()

    return answer


TRACE = 'Traceback (most recent call last):\n  File "/srv/app/auth.py", line 12, in check\nKeyError: kid'


def crashes(trust: Trust) -> Target:
    def refusal(request: Request, _: Exception) -> Response:
        return Response(500, "oops") if request.authorization else REFUSED

    return refusing(trust, refusal)


def shows_a_trace(trust: Trust) -> Target:
    return refusing(trust, lambda *_: Response(500, TRACE))


def answers_200(trust: Trust) -> Target:
    return refusing(trust, lambda *_: Response(200, {"error": "not signed in"}))


def answers_200_alike(trust: Trust) -> Target:
    """The same members, and another value in one of them."""

    def answer(request: Request) -> Response:
        try:
            trust.strict(_once(request))
        except Exception:  # noqa: BLE001 - whatever goes wrong
            return Response(200, {"status": "error", "data": None, "at": time.time()})
        return Response(200, {"status": "ok", "data": None, "at": time.time()})

    return answer


def answers_200_in_html(trust: Trust) -> Target:
    page = "<html><body><h1>Accounts</h1><p>You have three accounts and a loan.</p></body></html>"
    login = "<html><body><form>Please sign in with your password</form></body></html>"

    def answer(request: Request) -> Response:
        try:
            trust.strict(_once(request))
        except Exception:  # noqa: BLE001 - whatever goes wrong
            return Response(200, login)
        return Response(200, page)

    return answer


def redirects(trust: Trust) -> Target:
    return refusing(trust, lambda *_: Response(302, "", {"Location": "http://127.0.0.1:9/login"}))


def answers_403(trust: Trust) -> Target:
    return refusing(trust, lambda *_: Response(403, {"error": "forbidden"}))


def no_challenge(trust: Trust) -> Target:
    return refusing(trust, lambda *_: Response(401, {"error": "invalid_token"}))


def repeats_the_token(trust: Trust) -> Target:
    return refusing(trust, lambda it, _: Response(401, {"bad": it.authorization}, CHALLENGE))


def names_its_library(trust: Trust) -> Target:
    return refusing(trust, lambda *_: Response(401, {"error": "Signature verification failed"}, CHALLENGE))


def tells_what_it_expected(trust: Trust) -> Target:
    return refusing(trust, lambda *_: Response(401, {"error": "expected signature abcd"}, CHALLENGE))


def any_origin(trust: Trust) -> Target:
    def answer(request: Request) -> Response:
        origin = request.fields.get("HTTP_ORIGIN", "")
        fields = {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"}
        response = strict(trust)(request)
        return Response(response.status, response.body, dict(response.fields) | (fields if origin else {}))

    return answer


def public_answers(trust: Trust) -> Target:
    def answer(request: Request) -> Response:
        response = strict(trust)(request)
        if response.status != 200:
            return response
        return Response(200, response.body, {"Cache-Control": "public, max-age=60"})

    return answer


def cached_by_address(trust: Trust) -> Target:
    kept: dict[str, Response] = {}

    def answer(request: Request) -> Response:
        if request.path in kept:
            return kept[request.path]
        response = strict(trust)(request)
        if response.status == 200:
            kept[request.path] = response
        return response

    return answer


def cached_by_scheme(trust: Trust) -> Target:
    """Keeps one answer for whoever has verified, whoever that is."""
    kept: list[Response] = []

    def answer(request: Request) -> Response:
        try:
            claims = trust.strict(_once(request))
        except Exception:  # noqa: BLE001 - whatever goes wrong
            return REFUSED
        if not kept or claims.subject.startswith("user"):
            kept[:] = [Response(200, {"hello": claims.subject})]
        if claims.subject.startswith("probe-") and "user-1" in kept[0].body["hello"]:
            kept[:] = [Response(200, {"hello": claims.subject})]
        return kept[0]

    return answer


def open_to_all(_: Trust) -> Target:
    return lambda _: Response()


def _dpop(trust: Trust, check: Callable[[Request, str, str], None]) -> Target:
    """Takes a bound token with its proof; `check` gets the request, the token and its key's thumbprint."""

    def answer(request: Request) -> Response:
        scheme, _, token = request.authorization.partition(" ")
        try:
            claims = json.loads(decoded(token.split(".")[1]))
            if not isinstance(claims.get("cnf"), dict) or "jkt" not in claims["cnf"]:
                trust.strict(_once(request))
                return Response()
            check(request, scheme, claims["cnf"]["jkt"])
            changing(trust, lambda _, it: it.pop("cnf"))(token)
        except Exception:  # noqa: BLE001 - whatever goes wrong
            return REFUSED
        return Response()

    return answer


def _proved(verifier: DpopVerifier, request: Request, scheme: str, jkt: str) -> None:
    if scheme.lower() != "dpop":
        raise Refused
    token = request.authorization.partition(" ")[2]
    values = [value for value in request.fields.get("HTTP_DPOP", "").split(",") if value]
    url = f"http://{request.fields['HTTP_HOST']}{request.path}"
    if verifier.verify(values, method=request.method, url=url, access_token=token).thumbprint != jkt:
        raise Refused


def proofs(trust: Trust) -> Target:
    verifier = DpopVerifier(replays=MemoryReplays(), nonces=None)
    return _dpop(trust, lambda *it: _proved(verifier, *it))


def proofs_replayed(trust: Trust) -> Target:
    return _dpop(trust, lambda *it: _proved(DpopVerifier(replays=MemoryReplays(), nonces=None), *it))


def no_proof(trust: Trust) -> Target:
    """Knows the scheme, and looks at nothing that comes with it."""
    verify = changing(trust, lambda _, claims: claims.pop("cnf", None))

    def any_of_two(request: Request) -> None:
        scheme, _, token = request.authorization.partition(" ")
        if scheme.lower() not in {"bearer", "dpop"} or " " in token or "," in request.authorization:
            raise Refused
        verify(token)

    def answer(request: Request) -> Response:
        try:
            any_of_two(request)
        except Exception:  # noqa: BLE001 - whatever goes wrong
            return REFUSED
        return Response()

    return answer


def other_words(trust: Trust) -> Target:
    """Answers 200 to everybody, and to a bad token in other words than to none."""

    def refusal(request: Request, _: Exception) -> Response:
        if not request.authorization:
            return Response(200, {"error": "not signed in"})
        return Response(200, {"fault": {"code": 7, "text": "bad token"}, "retry": False, "id": time.time()})

    return refusing(trust, refusal)
