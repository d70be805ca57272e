"""Showing a token to the API that it is for, and to nobody else; what to do when the API says no."""

import asyncio
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from tokenward.base.addresses import is_loopback
from tokenward.base.origins import origin_of
from tokenward.client.errors import TokenError
from tokenward.client.token import Token
from tokenward.client.token_source import SignsIn, TokenSource
from tokenward.flows.step_up import StepUp, read_step_up, wants_step_up


class Presenter:
    """Knows where the tokens of one source may go.

    Args:
        source: where they come from.
        to: the APIs that may see them, by URL; by default the one that the source asks tokens for.
        step_up: what to do where an API wants a better or fresher sign-in (RFC 9470); by default nothing.

    Raises:
        ValueError: nobody said where they may go.
    """

    def __init__(
        self, source: TokenSource, to: Iterable[str] = (), *, step_up: SignsIn | None = None
    ) -> None:
        self.source = source
        self._step_up = step_up
        try:
            self._origins = frozenset(origin_of(url) for url in tuple(to) or (source.resource,))
        except ValueError:
            raise ValueError(
                "say which API may see the tokens: as `to=['https://api.example.com']`, or by `resource`"
            ) from None
        # What begins so has that origin, whatever follows the slash; most URLs do, and need no parser.
        self._known = tuple((f"{origin}/", origin) for origin in self._origins if _is_private(origin))

    def call(self, method: str, url: str) -> "Call":
        """One request to an API.

        Raises:
            TokenError: it goes elsewhere, or over a line on which anybody could read the token.
        """
        for beginning, origin in self._known:
            if url.startswith(beginning):
                return Call(self, method, url, origin)
        try:
            origin = origin_of(url)
        except ValueError:
            raise TokenError("wrong_destination", "the URL is none of http or https") from None
        if origin not in self._origins:
            known = ", ".join(sorted(self._origins))
            raise TokenError("wrong_destination", f"this token is for {known}, and is not shown to {origin}")
        if not _is_private(origin):
            raise TokenError(
                "wrong_destination", f"{origin} is plain http, where anybody could read the token"
            )
        return Call(self, method, url, origin)

    @property
    def may_step_up(self) -> bool:
        """Whether the application allowed it."""
        return self._step_up is not None

    def step_up(self, wanted: StepUp, generation: int) -> None:
        """Let the person sign in as it is wanted.

        Args:
            wanted: how.
            generation: that of the source, when the call was made.

        Raises:
            TokenError: nobody signed in, or not so.
        """
        if self._step_up is not None:
            self.source.step_up(self._step_up, wanted, generation)


def _is_private(origin: str) -> bool:
    """Whether what is sent there can be read by nobody else (RFC 6750 §5.3)."""
    parts = urlsplit(origin)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


class Call:
    """One request, with what has been tried about it."""

    __slots__ = ("_generation", "_method", "_origin", "_presenter", "_tried", "_url")

    def __init__(self, presenter: Presenter, method: str, url: str, origin: str) -> None:
        self._presenter = presenter
        self._generation = presenter.source.generation
        self._method = method
        self._url = url
        self._origin = origin
        self._tried: set[str] = set()

    def headers(self, token: Token) -> list[tuple[str, str]]:
        """What goes with the request: made anew for each sending, since a proof is good once."""
        if token.header:
            return [(token.header, token.value.reveal())]
        if token.key is None:
            return [("authorization", f"Bearer {token.value.reveal()}")]
        return token.key.at(self._url)[0].headers(self._method, self._url, token.value)

    def again(
        self, token: Token, url: str, status: int, headers: Mapping[str, str], *, repeatable: bool = True
    ) -> bool:
        """Whether to send the request once more, with what `headers` then gives.

        Where the API wants another sign-in and the application allowed it, the person signs in meanwhile;
        never on the thread of an event loop, which would stand still.

        Args:
            token: the one that was shown.
            url: who answered; another origin, if a redirect was followed, is none of our business.
            status: of the answer.
            headers: of the answer, names in any case.
            repeatable: whether the request can be sent once more; if not, nobody is bothered for it.

        Raises:
            TokenError: the person did not sign in, or not as it is wanted.
        """
        if (wanted := self._wanted(url, status, headers)) is None:
            return self._mended(token, url, status, headers) and repeatable
        if not repeatable or _in_event_loop():
            return False
        self._presenter.step_up(wanted, self._generation)
        return True

    async def again_async(
        self, token: Token, url: str, status: int, headers: Mapping[str, str], *, repeatable: bool = True
    ) -> bool:
        """As `again`; the person signs in on a thread, so that the event loop goes on.

        Raises:
            TokenError: as `again`.
        """
        if (wanted := self._wanted(url, status, headers)) is None:
            return self._mended(token, url, status, headers) and repeatable
        if repeatable:
            await asyncio.to_thread(self._presenter.step_up, wanted, self._generation)
        return repeatable

    def _wanted(self, url: str, status: int, headers: Mapping[str, str]) -> StepUp | None:
        """The sign-in for which it makes sense to ask, once a call."""
        if status != 401 or not self._presenter.may_step_up or origin_of(url) != self._origin:
            return None
        wanted = read_step_up(headers.get("www-authenticate", ""))
        return wanted if wanted is not None and self._once("sign-in") else None

    def _mended(self, token: Token, url: str, status: int, headers: Mapping[str, str]) -> bool:
        """Whether another token, nonce or clock may do."""
        if origin_of(url) != self._origin:
            return False
        challenge = headers.get("www-authenticate", "")
        if token.key is not None:
            prover, clock = token.key.at(self._url)
            clock.learn(headers.get("date"))
            if prover.must_repeat(self._url, status, headers, b""):
                return self._once("nonce")
            if status == 401 and 'error="invalid_dpop_proof"' in challenge:
                if "clock" in self._tried:
                    clock.give_up()
                return self._once("clock") and clock.adopt()
        if status != 401 or wants_step_up(challenge):  # a new token would come of the same sign-in
            return False
        return self._once("token") and self._presenter.source.reject(token)

    def _once(self, what: str) -> bool:
        first = what not in self._tried
        self._tried.add(what)
        return first


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
