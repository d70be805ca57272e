"""Request targets in the form in which two are compared (RFC 9449 §4.3, RFC 3986 §6.2.2 and §6.2.3)."""

import re
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_ALLOWED = re.compile(r"[\x21-\x7e]*")


def normal_form(url: str) -> str | None:
    """Scheme, host, port and path of an http or https URL, without query and fragment; None where it is none.

    Case of scheme and host, default ports, an empty path, dot segments, needless percent-encoding and the
    case of its digits make no difference; anything else does.
    """
    if not _ALLOWED.fullmatch(url) or "\\" in url or _STRAY_PERCENT.search(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    if port is None:
        port = _DEFAULT_PORTS[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port}{_path(parts.path)}"


def _path(path: str) -> str:
    kept: list[str] = []
    segments = _ESCAPE.sub(_escape, path or "/").split("/")[1:]
    for segment in segments:  # RFC 3986 §5.2.4
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments and segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _escape(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if _UNRESERVED.fullmatch(character) else f"%{match[1].upper()}"
