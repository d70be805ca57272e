"""The four paths: to the provider, back from it, out, and out because the provider says so."""

import hashlib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

from tokenward.base.asgi import Scope, only_header
from tokenward.base.clock import Clock
from tokenward.base.forms import MEDIA_TYPE, parse_form
from tokenward.base.origins import require_own_page
from tokenward.base.problems import (
    MALFORMED,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    TOO_LARGE,
    UNAVAILABLE,
    WRONG_MEDIA_TYPE,
    Refusal,
)
from tokenward.client.errors import ServerUnavailable, TokenError
from tokenward.client.web.answers import WebAnswer, page, refused, see_other, told
from tokenward.client.web.provider import Provider
from tokenward.client.web.sessions import Sessions
from tokenward.client.web.under_way import UnderWay
from tokenward.flows.errors import FlowError
from tokenward.flows.login import LIFETIME, begin
from tokenward.tokens.dpop import ReplaysUnavailable
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.logout_token import LogoutNotice

MAX_BODY = 32 * 1024
"""Bytes of a body; a logout token has 16 kB at most."""
BODY_SECONDS = 10.0
"""In which it has to be there."""

_AGE = re.compile(r"[0-9]{1,9}")
_ACR = re.compile(r"[\x21-\x7E]{1,200}(?: [\x21-\x7E]{1,200}){0,9}")

_STALE = "It took too long, was used before, or began in another browser. Cookies must be allowed."
_TEXTS = {
    "access_denied": "You said no, or your provider did.",
    "unknown_state": _STALE,
    "too_late": _STALE,
    "used": _STALE,
}

_log = logging.getLogger(__name__)


Handler = Callable[[Scope, bytes], WebAnswer]


@dataclass(frozen=True, slots=True)
class Names:
    """What the paths are called, below the one that they share.

    Attributes:
        sign_in: leads to the provider.
        sign_out: takes the POST of a form; "" where another one does that.
    """

    sign_in: str = "sign-in"
    sign_out: str = "sign-out"


class Routes:
    """Answers them.

    Args:
        url: the application's origin.
        path: below which they are.
        names: what they are called.
        provider: is asked.
        sessions: begin and end.
        under_way: what is kept in browsers meanwhile.
        max_age: what every sign-in must keep to, in seconds; or None.
        acr_values: likewise.
        prompt: what the provider should do each time, or "".
        after_sign_out: a path.
        clock: what time it is.
    """

    def __init__(
        self,
        url: str,
        path: str,
        *,
        names: Names,
        provider: Provider,
        sessions: Sessions,
        under_way: UnderWay,
        max_age: int | None,
        acr_values: tuple[str, ...],
        prompt: str,
        after_sign_out: str,
        clock: Clock,
    ) -> None:
        self._url = url
        self._path = path
        self._sign_in = f"{path}/{names.sign_in}"
        self._provider = provider
        self._sessions = sessions
        self._under_way = under_way
        self._max_age = max_age
        self._acr_values = acr_values
        self._prompt = prompt
        self._after = after_sign_out
        self._clock = clock
        self.table: dict[str, tuple[str, Handler]] = {
            names.sign_in: ("GET", self._leave),
            "callback": ("GET", self._come_back),
            names.sign_out: ("POST", self._sign_out),
            "backchannel-logout": ("POST", self._told),
        }
        self.table.pop("", None)

    def answer(self, scope: Scope, body: bytes) -> WebAnswer:
        """What is answered to a request below `path`."""
        name = scope["path"].removeprefix(f"{self._path}/")
        if name not in self.table:
            return refused(NOT_FOUND)
        method, handler = self.table[name]
        if scope["method"] != method:
            return refused(METHOD_NOT_ALLOWED)
        if len(body) > MAX_BODY:
            return refused(TOO_LARGE)
        try:
            return handler(scope, body)
        except FlowError as error:
            return self._failed(error)
        except TokenError as error:
            return self._trouble(error)
        except ReplaysUnavailable:
            return self._trouble(ServerUnavailable("busy", "too many sign-ins"))
        except Refusal as refusal:
            _log.warning("refused at %s/%s: %s", self._path, name, refusal)
            return refused(refusal.problem)

    def _leave(self, scope: Scope, _body: bytes) -> WebAnswer:
        asked = parse_form(scope["query_string"])
        login = begin(
            self._provider.metadata(),
            self._provider.party,
            now=self._clock.time(),
            next=asked.get("next", "/"),
            max_age=self._age(asked.get("max_age", "")),
            acr_values=self._levels(asked.get("acr_values", "")),
            prompt=self._prompt,
        )
        return see_other(self._provider.browser_url(login), self._under_way.keep(scope, login))

    def _age(self, asked: str) -> int | None:
        """The shorter of what is asked for and what must be."""
        ages = [int(asked)] if _AGE.fullmatch(asked) else []
        return min([*ages, *([self._max_age] if self._max_age is not None else [])], default=None)

    def _levels(self, asked: str) -> tuple[str, ...]:
        """What is asked for, of what must be: an address that anybody can write makes nothing weaker."""
        levels = tuple(asked.split(" ")) if _ACR.fullmatch(asked) else ()
        if not self._acr_values:
            return levels
        return tuple(each for each in levels if each in self._acr_values) or self._acr_values

    def _come_back(self, scope: Scope, _body: bytes) -> WebAnswer:
        now = self._clock.time()
        login = self._under_way.find(scope)
        query = scope["query_string"].decode("latin-1")
        code = login.code(query, names_issuer=self._provider.metadata().names_issuer, now=now)
        # An answer counts once, whatever the browser does with its cookie.
        if not self._sessions.store.use_once(self._under_way.use_key(login), until=login.end, now=now):
            raise FlowError("used", "this answer was used before")
        said = self._provider.redeem(login, code)
        begun = self._sessions.start(scope, said.claims, said.id_token, said.record)
        if begun is None:
            raise FlowError("signed_out", "the provider said meanwhile that this person signed out")
        # Not where it was refused: any page can send a browser here with nonsense, and spoil a sign-in by it.
        return see_other(self._url + login.next, (begun, self._under_way.drop(login)))

    def _sign_out(self, scope: Scope, _body: bytes) -> WebAnswer:
        require_own_page(scope, self._url)
        found = self._sessions.find(scope)
        gone = self._sessions.end(scope)
        back = self._url + self._after
        if found is None:
            return see_other(back, (gone,))
        return see_other(self._provider.sign_out_url(found.content.id_token, back) or back, (gone,))

    def _told(self, scope: Scope, body: bytes) -> WebAnswer:
        """OpenID Connect Back-Channel Logout §2.5 to §2.8."""
        try:
            notice = self._notice(scope, body)
            self._heed(notice)
        except Refusal as refusal:
            _log.warning("no logout by %s: %s", self._provider.party.issuer, refusal)
            return told(refusal.problem)
        except (TokenError, ReplaysUnavailable) as error:
            _log.warning("no logout by %s: %s", self._provider.party.issuer, error)
            return told(UNAVAILABLE)
        return WebAnswer(200)

    def _notice(self, scope: Scope, body: bytes) -> LogoutNotice:
        media_type = only_header(scope, b"content-type")
        if media_type is None or not MEDIA_TYPE.fullmatch(media_type):
            raise Refusal(WRONG_MEDIA_TYPE)
        try:
            return self._provider.logged_out(parse_form(body).get("logout_token", ""))
        except InvalidToken as error:
            problem = UNAVAILABLE if error.code == "keys_unavailable" else MALFORMED
            raise Refusal(problem, f"logout token: {error.code}") from None

    def _heed(self, notice: LogoutNotice) -> None:
        now, store, party = self._clock.time(), self._sessions.store, self._sessions.party
        once = hashlib.sha256(f"{party}\nlogout\n{notice.jti}".encode()).digest()
        # Heeded first and counted then: the provider tells a store that fails in between once more, and who
        # replays it ends only what was begun before it. A sign-in that is under way rests on what the
        # provider said before it, and must not outlast this.
        ended = store.end(party, notice, kept_until=now + LIFETIME)
        if not store.use_once(once, until=notice.ends_at, now=now):
            raise Refusal(MALFORMED, "the logout token was used before")
        _log.info("signed out at %s: %d sessions ended", self._provider.party.issuer, ended)

    def _failed(self, error: FlowError) -> WebAnswer:
        _log.warning("nobody signed in by %s: %s", self._provider.party.issuer, error)
        text = _TEXTS.get(error.code, "Your sign-in could not be completed.")
        return self._page(403, "You are not signed in", f"{text} ({error.code})")

    def _trouble(self, error: TokenError) -> WebAnswer:
        _log.warning("nobody can sign in by %s: %s", self._provider.party.issuer, error)
        status = 503 if isinstance(error, ServerUnavailable) else 500
        return self._page(
            status, "Sign-in does not work right now", f"Please try again in a minute. ({error.code})"
        )

    def _page(self, status: int, title: str, text: str) -> WebAnswer:
        return page(status, title, text, link=self._sign_in, label="Sign in again")
