"""What is not touched unasked: credentials of live business, and those that stand in its files."""

import re

from tokenward.leaks.result import Finding

_WORDS = frozenset({"live", "prd", "prod", "production"})
_WORD = re.compile(r"[a-z]+")


def is_production(finding: Finding) -> bool:
    """Whether its rule says so, or the name of a file or directory in which it stands."""
    return finding.rule.production or any(
        word in _WORDS for place in finding.places for word in _WORD.findall(place.path.lower())
    )
