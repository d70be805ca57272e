"""Comparing what a stranger sent with what only the right one knows, without telling how much agrees."""

import hmac


def same_text(found: object, expected: object) -> bool:
    """Whether both are the same text. Anything that is no text is the same as nothing."""
    if not isinstance(found, str) or not isinstance(expected, str):
        return False
    return hmac.compare_digest(octets(found), octets(expected))


def octets(text: str) -> bytes:
    """UTF-8, also of what is no Unicode text: different texts have different octets, and none is an error."""
    return text.encode("utf-8", "surrogatepass")
