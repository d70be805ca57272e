"""How bad a finding is and how sure of it we are, in reports of leaks, audits and probes alike."""

from enum import IntEnum


class Severity(IntEnum):
    """How bad it is."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


class Confidence(IntEnum):
    """How sure whoever found it is that it is what it looks like."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2
