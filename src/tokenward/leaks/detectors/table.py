"""The detectors that parse what they find. A new one is one row."""

from typing import Final

from tokenward.leaks.detector import Detector
from tokenward.leaks.detectors.assignments.detector import ASSIGNMENTS
from tokenward.leaks.detectors.authorization import AUTHORIZATION
from tokenward.leaks.detectors.connections.detector import CONNECTIONS
from tokenward.leaks.detectors.jwt import JWT
from tokenward.leaks.detectors.private_keys.detector import PRIVATE_KEYS

DETECTORS: Final[tuple[Detector, ...]] = (JWT, PRIVATE_KEYS, CONNECTIONS, AUTHORIZATION, ASSIGNMENTS)
