"""Which form of an answer the caller asks for (RFC 9110 §12.5.1)."""

import re

from tokenward.base.asgi import Scope, header_values

_WEIGHT = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")  # RFC 9110 §12.4.2


def asks_for(scope: Scope, media_type: str, *, rather_than: str) -> bool:
    """Whether `Accept` names `media_type`, and prefers nothing less than it to `rather_than`, the usual form.

    A wildcard names nothing, and what cannot be read counts as absent: such callers get the usual form.
    """
    weights = _weights(scope)
    asked = weights.get(media_type, 0.0)
    return asked > 0 and asked >= _weight(weights, rather_than)


def _weight(weights: dict[str, float], media_type: str) -> float:
    """That of the most specific range (RFC 9110 §12.5.1)."""
    whole = f"{media_type.partition('/')[0]}/*"
    return next((weights[each] for each in (media_type, whole, "*/*") if each in weights), 0.0)


def _weights(scope: Scope) -> dict[str, float]:
    """Media range in lower case → weight; the last one counts where a range comes twice."""
    weights = {}
    for header in header_values(scope, b"accept"):
        for element in header.decode("latin-1").lower().split(","):
            media_range, *parameters = (part.strip() for part in element.split(";"))
            given = [part.removeprefix("q=") for part in parameters if part.startswith("q=")]
            if all(_WEIGHT.fullmatch(each) for each in given):
                weights[media_range] = float(given[-1]) if given else 1.0
    return weights
