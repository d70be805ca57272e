"""The ways in which a request can differ from the document, and the refusal of each."""

from collections.abc import Mapping
from types import MappingProxyType

from tokenward.base.problems import (
    CONTRACT_BODY,
    CONTRACT_FORM,
    CONTRACT_JSON,
    CONTRACT_MEDIA_TYPE,
    CONTRACT_NO_BODY,
    CONTRACT_PARAMETER,
    CONTRACT_SIZE,
    SUNSET,
    Problem,
)

KINDS: Mapping[str, Problem] = MappingProxyType(
    {
        "path": CONTRACT_PARAMETER,
        "query": CONTRACT_PARAMETER,
        "header": CONTRACT_PARAMETER,
        "cookie": CONTRACT_PARAMETER,
        "no_body": CONTRACT_NO_BODY,
        "coding": CONTRACT_MEDIA_TYPE,
        "media_type": CONTRACT_MEDIA_TYPE,
        "size": CONTRACT_SIZE,
        "json": CONTRACT_JSON,
        "form": CONTRACT_FORM,
        "body": CONTRACT_BODY,
        "sunset": SUNSET,
    }
)
"""Kind → the row of the catalogue. Metrics are labelled with the kind."""
