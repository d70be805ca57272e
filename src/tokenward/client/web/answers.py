"""What a browser is answered, before a door puts it into its framework's words."""

import json
from dataclasses import dataclass
from html import escape
from http import HTTPStatus

from tokenward.base.asgi import JSON, NO_STORE, PROBLEM_JSON
from tokenward.base.problems import Problem, oauth_json, problem_json

Header = tuple[bytes, bytes]

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<body style="font: 1.1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 3rem auto; padding: 0 1rem">
<h1>{title}</h1>
<p>{text}</p>
<p><a href="{link}">{label}</a></p>
</body>
</html>
"""
_HTML: tuple[Header, ...] = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),  # the address of a callback holds a code
    (b"x-content-type-options", b"nosniff"),
)


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """One answer. Nobody may keep it.

    Attributes:
        status: of HTTP.
        headers: names in small letters; several may have the same one.
        body: the bytes.
    """

    status: int
    headers: tuple[Header, ...] = (NO_STORE,)
    body: bytes = b""

    @property
    def line(self) -> str:
        """The status as WSGI has it."""
        return f"{self.status} {HTTPStatus(self.status).phrase}"

    @property
    def said(self) -> str:
        """In words, for frameworks that put them in a body of their own."""
        return str(json.loads(self.body)["title"]) if self.body else HTTPStatus(self.status).phrase

    @property
    def texts(self) -> list[tuple[str, str]]:
        """The headers as WSGI has them."""
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.headers]


def see_other(url: str, cookies: tuple[Header, ...] = ()) -> WebAnswer:
    """On to `url`, which is printable ASCII, by GET."""
    headers = (NO_STORE, (b"location", url.encode("ascii")), (b"referrer-policy", b"no-referrer"), *cookies)
    return WebAnswer(303, headers)


def page(status: int, title: str, text: str, *, link: str, label: str) -> WebAnswer:
    """A page that says so, with a way on."""
    body = _PAGE.format(title=escape(title), text=escape(text), link=escape(link), label=escape(label))
    return WebAnswer(status, (NO_STORE, *_HTML), body.encode())


def refused(problem: Problem, retry_after: int | None = None) -> WebAnswer:
    """A problem, for a program (RFC 9457); after which time it makes sense to try again, in seconds."""
    later = () if retry_after is None else ((b"retry-after", str(retry_after).encode()),)
    return WebAnswer(problem.status, (NO_STORE, PROBLEM_JSON, *later), problem_json(problem))


def told(problem: Problem) -> WebAnswer:
    """A problem, for a provider (Back-Channel Logout §2.8)."""
    return WebAnswer(problem.status, (NO_STORE, JSON), oauth_json(problem))
