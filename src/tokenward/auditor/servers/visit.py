"""A visit, without an account, to a server that may be tested: requests, and what becomes of them.

Nobody signs in here. Whether a request was taken shows in how it is answered beside a good one: with
`prompt=none` a server that finds nothing wrong sends the browser back with `login_required` (OpenID Connect
Core §3.1.2.6); where that is not known, a page like that of the good request says the same, less surely.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import parse_qsl, urlencode, urljoin

from tokenward.auditor.findings import Check, Place, Unseen
from tokenward.auditor.servers.asking import Asker, Reply
from tokenward.auditor.servers.published import Published
from tokenward.auditor.servers.rules import Found, host_of, is_loopback, parts_of
from tokenward.base.entropy import identifier
from tokenward.base.severity import Confidence

EVIL = "https://stranger.example/callback"
"""An address that nobody registered; nothing is ever sent there."""

WAITING = frozenset(
    {"login_required", "interaction_required", "consent_required", "account_selection_required"}
)
MARKUP = "tkw\"'><i>"
"""What must not come back in a page as it is."""

_TITLE = re.compile(r"<title[^>]*>([^<]{0,200})", re.IGNORECASE)
_MAX_HOPS = 3


class CannotTell(Exception):  # noqa: N818 - says what it is
    """Answers to good and to bad requests look alike, or a good one is refused; the text says which."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client that the user has registered there.

    Attributes:
        client_id: its name.
        redirect_uri: an address that is registered for it.
        scope: what it may ask for; "" for nothing in particular.
    """

    client_id: str
    redirect_uri: str
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """One row: something that is done to a server, and the mistake that shows in its answer.

    Attributes:
        check: the mistake.
        look: does it; yields each place, with what is peculiar to it.
        deduced: whether the mistake is not seen itself, but follows from how the answer looks.
    """

    check: Check
    look: Callable[["Visit"], Found]
    deduced: bool = False


@dataclass
class Visit:
    """One server, and all that it answered.

    Attributes:
        asker: reaches it.
        seen: what it publishes.
        client: a client of it; None if the user named none.
        hosts: of endpoints that may be tested.
        replies: everything that was answered, for those who look for what no answer may hold.
        unseen: what could not be tried.
        secret: sent as a credential; no answer may repeat it.
    """

    asker: Asker
    seen: Published
    client: Client | None
    hosts: frozenset[str]
    replies: list[Reply] = field(default_factory=list)
    unseen: dict[str, Unseen] = field(default_factory=dict)
    secret: str = field(default_factory=identifier, repr=False)
    state: str = field(default_factory=identifier)

    def endpoint(self, member: str) -> str:
        """An endpoint that may be tested; "" where there is none, or it is somebody else's."""
        url = self.seen.url(member)
        host = host_of(url)
        if not url or host in self.hosts or (is_loopback(url) and is_loopback(self.seen.issuer)):
            return url
        why = f"it is at {host}, which is not the issuer's host: --host {host}, if you may test that"
        self.unseen[member] = Unseen(url, why, skipped=True)
        return ""

    def place(self, member: str) -> Place:
        """Where an endpoint is."""
        return Place(self.seen.url(member))

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Reply:
        """GET, and keep the answer. Raises: OutboundError."""
        return self._kept(self.asker.get(url, headers))

    def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Reply:
        """POST a form, and keep the answer. Raises: OutboundError."""
        return self._kept(self.asker.post(url, form, headers))

    def _kept(self, reply: Reply) -> Reply:
        self.replies.append(reply)
        return reply

    # Requests for authorization

    @property
    def request(self) -> dict[str, str]:
        """A good one.

        Raises:
            CannotTell: there is no client.
        """
        if self.client is None:
            raise CannotTell("--client-id and --redirect-uri name no client of yours")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.secret.encode()).digest())
        parameters = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": self.client.redirect_uri,
            "state": self.state,
            "nonce": self.state,
            "code_challenge": challenge.decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        return parameters | ({"scope": self.client.scope} if self.client.scope else {})

    def authorize(
        self,
        changes: Mapping[str, str | None],
        *,
        more: Sequence[tuple[str, str]] = (),
        silent: bool | None = None,
    ) -> Reply:
        """A good request with parameters changed or, where the value is None, left out.

        Args:
            changes: of the parameters.
            more: parameters that are added after them, perhaps a second time.
            silent: with `prompt=none`; None where that is how the server can be read.

        Raises:
            CannotTell: there is no client or no endpoint.
            OutboundError: there was no answer.
        """
        url = self.endpoint("authorization_endpoint")
        if not url:
            raise CannotTell("there is no authorization endpoint that may be tested")
        quiet = {"prompt": "none"} if (self.reads_prompt if silent is None else silent) else {}
        changed: dict[str, str | None] = {**self.request, **quiet, **changes}
        pairs = [(name, value) for name, value in changed.items() if value is not None]
        return self.get(f"{url}{'&' if '?' in url else '?'}{urlencode([*pairs, *more])}")

    @cached_property
    def reads_prompt(self) -> bool:
        """Whether a good request without a person is answered as it should be."""
        reply = self.authorize({}, silent=True)
        return parameters_of(reply).get("error") in WAITING

    @cached_property
    def _good(self) -> Reply:
        return self.authorize({}, silent=False)

    def sure(self) -> Confidence:
        """Of what follows from answers."""
        return Confidence.HIGH if self.reads_prompt else Confidence.MEDIUM

    def was_taken(self, reply: Reply) -> bool:
        """Whether nothing was found wrong with the request.

        Raises:
            CannotTell: good and bad requests are answered alike.
        """
        answered = parameters_of(reply)
        if reply.is_redirect and ({"code", "access_token", "id_token"} & set(answered)):
            return True
        if self.reads_prompt:
            return reply.is_redirect and answered.get("error") in WAITING
        if not self._tells_apart:
            refused = parameters_of(self._good).get("error")
            raise CannotTell(
                f"a good request is refused with {refused!r}"
                if refused
                else "good and bad requests look alike"
            )
        return "error" not in answered and _look(reply) == _look(self._good)

    @cached_property
    def _tells_apart(self) -> bool:
        bad = self.authorize({"client_id": identifier()}, silent=False)
        return "error" not in parameters_of(self._good) and _look(bad) != _look(self._good)

    @cached_property
    def sign_in(self) -> Reply:
        """The page that a good request leads a browser to, by at most three redirects on the same hosts.

        Raises:
            CannotTell: it leads to none.
        """
        reply, cookies = self._good, dict[str, str]()
        for _ in range(_MAX_HOPS):
            if not reply.is_redirect:
                break
            cookies |= {
                name: value
                for each in reply.each("set-cookie")
                for name, _, value in [each.partition(";")[0].partition("=")]
            }
            url = urljoin(reply.url, reply.header("location"))
            if host_of(url) not in self.hosts and not (is_loopback(url) and is_loopback(self.seen.issuer)):
                raise CannotTell(f"people sign in at {host_of(url)}, which is not the issuer's host")
            reply = self.get(url, {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())})
        if reply.status != 200 or "html" not in reply.header("content-type"):
            raise CannotTell("a good request leads to no page for signing in")
        return reply


def parameters_of(reply: Reply) -> Mapping[str, str]:
    """What a redirect carries, in its query or in its fragment."""
    parts = parts_of(reply.header("location") if reply.is_redirect else "")
    return dict(parse_qsl(parts.query, keep_blank_values=True)) | dict(
        parse_qsl(parts.fragment, keep_blank_values=True)
    )


def leads_to(reply: Reply, address: str) -> bool:
    """Whether it sends the browser to an address, whatever query or fragment is added."""
    return reply.is_redirect and bare(reply.header("location")) == bare(address)


def bare(url: str) -> str:
    """An address without query and fragment."""
    return re.split(r"[?#]", url, maxsplit=1)[0]


def _look(reply: Reply) -> tuple[int, str, str]:
    """What people see: status, where it leads without what changes each time, the page's title."""
    title = _TITLE.search(reply.text)
    location = parts_of(reply.header("location"))
    path = re.sub(r"[0-9A-Za-z_-]{16,}", "*", location.path)
    return reply.status, f"{location.netloc}{path}", title[1].strip() if title else ""


def pages(visit: Visit) -> Iterator[Reply]:
    """Whatever was answered as a page."""
    return (reply for reply in visit.replies if "html" in reply.header("content-type"))
