"""What pages refer to: a style sheet, a script, and the operator's logo; all from the issuer's own origin."""

import hashlib
from dataclasses import dataclass, replace
from importlib.resources import files
from xml.parsers import expat

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tokenward.identity.colours import Colour, accents

LOGO_BYTES = 100_000
"""How large a logo may be."""

_PNG = b"\x89PNG\r\n\x1a\n"  # W3C PNG §5.2
_SVG = "http://www.w3.org/2000/svg svg"

HEADERS = {
    "cache-control": "public, max-age=31536000, immutable",
    "x-content-type-options": "nosniff",
    # An SVG that is opened by itself would be a page of our origin: like this it runs and loads nothing.
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file that pages refer to.

    Attributes:
        path: where it is served.
        media_type: what it is.
        content: the same for everybody.
    """

    path: str
    media_type: str
    content: bytes

    @property
    def address(self) -> str:
        """As pages write it. It changes with the content, so browsers may keep the file for good."""
        return f"{self.path}?v={hashlib.sha256(self.content).hexdigest()[:12]}"

    @property
    def route(self) -> Route:
        """Serves it."""

        async def serve(_request: Request) -> Response:
            return Response(self.content, media_type=self.media_type, headers=HEADERS)

        return Route(self.path, serve, methods=["GET"])


def _static(name: str, path: str, media_type: str) -> StaticFile:
    return StaticFile(path, media_type, files("tokenward.identity").joinpath("static", name).read_bytes())


STYLE = _static("style.css", "/static/tokenward.css", "text/css")
SCRIPT = _static("passkeys.js", "/static/passkeys.js", "text/javascript")


@dataclass(frozen=True, slots=True)
class Branding:
    """How the pages of one issuer look."""

    logo: StaticFile | None = None
    style: StaticFile = STYLE


def branding(*, logo: StaticFile | None = None, accent: Colour | None = None) -> Branding:
    """The usual look, with another logo and accent where there are."""
    if accent is None:
        return Branding(logo)
    return Branding(logo, replace(STYLE, content=STYLE.content + accents(accent).encode()))


def logo(content: bytes) -> StaticFile:
    """A picture to stand beside the issuer's name.

    Raises:
        ValueError: it is too large, or neither PNG nor SVG.
    """
    if len(content) > LOGO_BYTES:
        raise ValueError(f"it has more than {LOGO_BYTES:,} bytes")
    if content.startswith(_PNG):
        media_type = "image/png"
    elif _is_svg(content):
        media_type = "image/svg+xml"
    else:
        raise ValueError("it is neither a PNG nor an SVG")
    return StaticFile("/static/logo", media_type, content)


def _is_svg(content: bytes) -> bool:
    """Whether it is well-formed, begins with `<svg>` of its namespace, and declares no entities."""
    elements: list[str] = []
    entities: list[str] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = lambda name, _attributes: elements.append(name) if not elements else None
    parser.EntityDeclHandler = lambda name, *_: entities.append(name)
    try:
        parser.Parse(content, True)
    except expat.ExpatError:
        return False
    return elements == [_SVG] and not entities
