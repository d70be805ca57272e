"""What a secret is called in the place that it moves to."""

import re

from tokenward.leaks.fixing.spot import Spot

_LONGEST = 60
# What is assigned, given or told: `api_key = "`, `"apiKey": "`, `--api-key "`, `<key>`.
_NAME = re.compile(
    r"([A-Za-z_][\w.-]*)[\"'\]]{0,2}\s*(?::=|=>|[:=]|\s)\s*[\"'(\[{`]*(?:(?:Bearer|Basic|token)\s+)?$"
)
_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_TAKEN = frozenset({"AUTHORIZATION", "HOME", "PATH", "PWD", "SHELL", "USER", "LANG", "TERM", "TMPDIR"})
_SAYS = re.compile(r"KEY|TOKEN|SECRET|PASS|PWD|AUTH|CRED|DSN|URL|WEBHOOK|PRIVATE|CERT|SEED|SALT|PEPPER")
"""A name that says what it holds; any other may be of something around it."""


def name_for(spot: Spot) -> str:
    """A name for an environment variable, from what the secret is assigned to; "" where that says nothing."""
    found = _NAME.search(spot.before[-200:])
    own = spelled(found[1].rsplit(".", 1)[-1]) if found else ""
    return own if _SAYS.search(own) and own not in _TAKEN and len(own) > 2 else ""


def spelled(text: str) -> str:
    """`apiKey` and `api-key` as `API_KEY`; "" where nothing is left."""
    words = re.sub(r"[^A-Za-z0-9]+", "_", _WORD_ENDS.sub("_", text)).strip("_").upper()[:_LONGEST]
    return f"_{words}" if words[:1].isdigit() else words
