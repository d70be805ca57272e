"""docs/openapi-audit.md from what was measured."""


def page(rows, whole, processors, limit):
    """The page."""
    return "not yet"
