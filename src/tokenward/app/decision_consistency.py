"""What the settings of engines in front mean together: who may ask for decisions, and over which line."""

from collections.abc import Iterator

from tokenward.app.findings import Remark
from tokenward.app.settings import Settings

_AT = ("gateway", "decisions")


def decisions_are_private(settings: Settings) -> Iterator[Remark]:
    """Who asks is believed, and is answered with the JWT that opens the backend."""
    said = settings.gateway.decisions
    if said.listen is None:
        if said.tls is not None or said.peers:
            yield _error(
                "nobody can ask for decisions here",
                "name an address under gateway.decisions.listen, or leave peers and tls out",
            )
        return
    if not said.peers:
        yield _error(
            "nobody is named who may ask for decisions",
            "name the addresses of the engines under gateway.decisions.peers",
        )
    if said.tls is None and not said.listen.is_loopback:
        yield _error(
            "decisions would travel in plain text, with the JWTs that open the backends",
            "let engines speak TLS with certificates of their own: gateway.decisions.tls",
        )


def _error(text: str, remedy: str) -> Remark:
    return Remark(_AT, "error", "decisions", text, remedy)
