"""Addresses that are nearly the registered one: a server that compares exactly sends nobody there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tokenward.auditor.findings import Check, Place
from tokenward.auditor.servers.rules import is_loopback, parts_of
from tokenward.auditor.servers.visit import EVIL, Act, Visit, bare, leads_to, parameters_of
from tokenward.base.severity import Severity


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to change the registered address.

    Attributes:
        name: in words.
        change: gives the changed one; the same where there is nothing to change.
        native: whether native apps may differ so on loopback (RFC 8252 §7.3).
    """

    name: str
    change: Callable[[str], str]
    native: bool = False


def _host(change: Callable[[str], str]) -> Callable[[str], str]:
    def changed(url: str) -> str:
        parts = parts_of(url)
        return parts._replace(netloc=change(parts.netloc)).geturl()

    return changed


def _scheme(new: str) -> Callable[[str], str]:
    return lambda url: f"{new}{url[url.index('://') :]}" if "://" in url else url


def _path(change: Callable[[str], str]) -> Callable[[str], str]:
    def changed(url: str) -> str:
        parts = parts_of(url)
        return parts._replace(path=change(parts.path or "/")).geturl()

    return changed


ELSEWHERE: tuple[Variant, ...] = (
    Variant("another host", lambda _: EVIL),
    Variant(
        "its host as the beginning of another",
        _host(lambda host: f"{host.partition(':')[0]}.stranger.example"),
    ),
    Variant("its host as the end of another", _host(lambda host: f"stranger-{host}")),
    Variant("a host below its own", _host(lambda host: f"stranger.{host}")),
    Variant("its host as a user name", _host(lambda host: f"{host.partition(':')[0]}@stranger.example")),
    Variant("a user name before its host", _host(lambda host: f"stranger@{host}")),
    Variant("a backslash before its host", lambda url: url.replace("://", "://stranger.example\\@", 1)),
    Variant("a script", lambda url: f"javascript:alert(1)//{url}"),
    Variant("another scheme", lambda url: _scheme("http" if url.startswith("https:") else "https")(url)),
)
LOOSE: tuple[Variant, ...] = (
    Variant("more at the end", lambda url: f"{bare(url)}.stranger"),
    Variant("a path below", lambda url: f"{bare(url).rstrip('/')}/stranger"),
    Variant("a slash at the end", lambda url: f"{url}/"),
    Variant("another path", _path(lambda _: "/stranger")),
    Variant("two dots in the path", _path(lambda path: f"{path.rstrip('/')}/../stranger")),
    Variant("two encoded dots in the path", _path(lambda path: f"{path.rstrip('/')}/%2e%2e/stranger")),
    Variant("another port", _host(lambda host: f"{host.partition(':')[0]}:8443"), native=True),
    Variant("another case", _path(str.swapcase)),
    Variant("a query", lambda url: f"{url}{'&' if '?' in url else '?'}stranger=1"),
    Variant("a fragment", lambda url: f"{url}#stranger"),
)


def _tried(variants: tuple[Variant, ...]) -> Callable[[Visit], Iterator[tuple[Place, str]]]:
    def look(visit: Visit) -> Iterator[tuple[Place, str]]:
        registered = visit.request["redirect_uri"]
        for variant in variants:
            if variant.native and is_loopback(registered):
                continue
            address = variant.change(registered)
            if address == registered:
                continue
            reply = visit.authorize({"redirect_uri": address})
            if leads_to(reply, address) and not _fell_back(variant, reply.header("location")):
                answered = parameters_of(reply)
                how = f"with the error {answered['error']!r}" if "error" in answered else "with an answer"
                yield (
                    visit.place("authorization_endpoint"),
                    f"{variant.name.capitalize()}: it redirects there {how}.",
                )
            elif not leads_to(reply, registered) and visit.was_taken(reply):
                yield (
                    visit.place("authorization_endpoint"),
                    f"{variant.name.capitalize()}: the request is taken.",
                )

    return look


def _fell_back(variant: Variant, location: str) -> bool:
    """Whether it was the registered address after all, which differs in query or fragment alone."""
    return variant.name in {"a query", "a fragment"} and "stranger" not in location


REDIRECTS: tuple[Act, ...] = (
    Act(
        Check(
            "server.redirect-elsewhere",
            "Answers are sent to an address on another host",
            Severity.CRITICAL,
            why="Whoever owns the address gets the code, and often the token.",
            attack="A link to the genuine sign-in page, with an address of the attacker's, gives him the"
            " account.",
            fix="Compare `redirect_uri` with the registered addresses character by character.",
            references=("RFC 9700 §2.1", "RFC 9700 §4.1.3", "RFC 6749 §3.1.2.3"),
            recommendation="oauth",
        ),
        _tried(ELSEWHERE),
    ),
    Act(
        Check(
            "server.redirect-loose",
            "Answers are sent to addresses that nobody registered",
            Severity.HIGH,
            why="Somewhere on the host there is a page that redirects further, shows what others wrote, or"
            " logs addresses.",
            attack="The answer is led to such a page, and from there to the attacker.",
            fix="Compare `redirect_uri` with the registered addresses character by character; for native"
            " apps only the port of a loopback address may differ.",
            references=("RFC 9700 §2.1", "RFC 9700 §4.1.1", "RFC 6749 §3.1.2", "RFC 8252 §7.3"),
            recommendation="oauth",
        ),
        _tried(LOOSE),
    ),
)
