"""The seconds and sizes that SECURITY.md and the policy page promise are those of the code."""

import inspect
import math
from pathlib import Path

import pytest

from tokenward.app import http2, listener
from tokenward.app.people_settings import SessionSettings
from tokenward.app.settings import ClientSettings, SigningKeySettings, TokenLifetimes
from tokenward.backend import verifier
from tokenward.gateway import inside, paths, steps
from tokenward.gateway import throttle as gateway_throttle
from tokenward.gateway.doors import websocket
from tokenward.gateway.doors.limits import DEFAULT_LIMITS
from tokenward.gateway.tiers import TIERS
from tokenward.identity import csrf, passwords, sessions, throttle
from tokenward.issuer import session_forms, user_codes
from tokenward.issuer.client_secrets import MAX_OVERLAP
from tokenward.issuer.endpoints import device_authorization
from tokenward.issuer.settings import IssuerSettings
from tokenward.store import device_port
from tokenward.store.feed import FeedFollower
from tokenward.store.key_states import TERMS
from tokenward.store.sql import upkeep
from tokenward.tokens import jwks, user_code

ROOT = Path(__file__).parents[2]
SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
POLICY = (ROOT / "docs" / "reference" / "policy.md").read_text(encoding="utf-8")
ROTATE_KEYS = (ROOT / "docs" / "how-to" / "rotate-keys.md").read_text(encoding="utf-8")
ISSUER = IssuerSettings(url="https://login.example.com")
FEED = inspect.signature(FeedFollower).parameters
MINUTE, HOUR, DAY = 60, 3600, 86_400


@pytest.mark.parametrize(
    ("page", "text", "values", "promised"),
    [
        (SECURITY, "| every 200 ms, or as soon", (FEED["poll"].default,), (0.2,)),
        (SECURITY, "| 503 from 750 ms after", (FEED["stale_after"].default,), (0.75,)),
        (SECURITY, "| 60 s at most; a backend adds 5 s", (inside.LIFETIME, verifier.LEEWAY), (60, 5)),
        (
            SECURITY,
            "| 10 min (30 s to 15 min",
            (ISSUER.access_token_lifetime, TokenLifetimes().access_token, TIERS["moderate"].max_lifetime),
            (10 * MINUTE, 10 * MINUTE, 15 * MINUTE),
        ),
        (SECURITY, "| 60 s, once |", (ISSUER.code_lifetime,), (60,)),
        (SECURITY, "| device code and user code | 10 min, once |", (ISSUER.device_code_lifetime,), (600,)),
        (
            SECURITY,
            "| 5 s apart, and 5 s more for good",
            (device_authorization.INTERVAL, device_port.SLOWER),
            (5, 5),
        ),
        (
            SECURITY,
            "eight of twenty letters, 34.6 bits",
            (user_code.LENGTH, len(user_code.ALPHABET), round(8 * math.log2(20), 1)),
            (8, 20, 34.6),
        ),
        (SECURITY, "| account | 5 | 5 in 10 min |", (user_codes.ATTEMPTS, user_codes.WINDOW), (5, 600)),
        (
            SECURITY,
            "5 / 20⁸ = 2·10⁻¹⁰ before it ends, less than the 2⁻³²",
            (round(1e10 * 5 / 20**8), 5 / 20**8 < 2**-32),
            (2, True),
        ),
        (
            SECURITY,
            "| 14 days unused, 90 days in all",
            (TokenLifetimes().refresh_idle, TokenLifetimes().refresh_absolute),
            (14 * DAY, 90 * DAY),
        ),
        (SECURITY, "to be had again | 10 s |", (ISSUER.lost_response_window,), (10,)),
        (
            SECURITY,
            "| 30 min unused, 12 h in all |",
            (sessions.IDLE, sessions.ABSOLUTE, SessionSettings().idle, SessionSettings().absolute),
            (30 * MINUTE, 12 * HOUR, 30 * MINUTE, 12 * HOUR),
        ),
        (
            SECURITY,
            "| 60 min, 10 min |",
            (csrf.FORM_LIFETIME, session_forms.LIFETIME),
            (60 * MINUTE, 10 * MINUTE),
        ),
        (
            SECURITY,
            "| 180 days (1 to 730 by configuration)",
            (ClientSettings().secret_longest,),
            (180 * DAY,),
        ),
        (SECURITY, "30 days at most, and never past", (MAX_OVERLAP,), (30 * DAY,)),
        (SECURITY, "half of the processors compute and 16 wait", (passwords.WAITING,), (16,)),
        (
            SECURITY,
            "argon2id (64 MiB, 3 passes, 1 lane)",
            (
                passwords.PARAMETERS.memory_cost,
                passwords.PARAMETERS.time_cost,
                passwords.PARAMETERS.parallelism,
            ),
            (64 * 1024, 3, 1),
        ),
        (SECURITY, "each answer takes 2 s longer", (throttle.DELAY,), (2,)),
        (
            SECURITY,
            "may have 100 lookups at the same time, and 4 once",
            (gateway_throttle.UNDER_WAY, gateway_throttle.UNDER_SUSPICION),
            (100, 4),
        ),
        (
            SECURITY,
            "| 90 days (2 to 365 by configuration), published 24 h (ID tokens) or 60 min",
            (SigningKeySettings().rotate_after, *(TERMS[it].ahead for it in ("outside", "inside"))),
            (90 * DAY, DAY, HOUR),
        ),
        (SECURITY, "its next genuine call, 10 s at most", (verifier.KEYS_TTL, jwks.MAX_AGE), (10, DAY)),
        (SECURITY, "destroyed within an hour\nand a half of its retirement", (upkeep.PRIVATE_KEPT,), (HOUR,)),
        (
            ROTATE_KEYS,
            "| after 20 minutes (`outside`) or 5 minutes (`inside`)",
            tuple(TERMS[it].kept for it in ("outside", "inside")),
            (20 * MINUTE, 5 * MINUTE),
        ),
        (POLICY, "as long as it has 20 seconds left", (inside.REUSE_ABOVE,), (20,)),
        (POLICY, "| 32 KiB, complete within 10 s |", (listener.HEAD_LIMIT,), (32 << 10,)),
        (POLICY, "| 32 KiB, complete within 10 s |", (listener.REQUEST_SECONDS,), (10,)),
        (POLICY, "at a time | 100, also", (http2.STREAMS,), (100,)),
        (POLICY, "| 200 at once, 20 a second |", (http2.FUTILE_BURST, http2.FUTILE_A_SECOND), (200, 20)),
        (POLICY, "| 65 s, 10 s before the first", (http2.IDLE_SECONDS, http2.FIRST_SECONDS), (65, 10)),
        (POLICY, "in either direction | 1 MiB |", (websocket.MESSAGE,), (1 << 20,)),
        (POLICY, "| path | 8 KiB |", (paths.MAX_LENGTH,), (8 << 10,)),
        (POLICY, "| query | 16 KiB |", (steps._MAX_QUERY,), (16 << 10,)),
        (POLICY, "| request body | 10 MiB |", (DEFAULT_LIMITS.body,), (10 << 20,)),
        (
            POLICY,
            "| 3 s; 5 s where one of its 512",
            (DEFAULT_LIMITS.connect, DEFAULT_LIMITS.wait, DEFAULT_LIMITS.connections),
            (3, 5, 512),
        ),
        (POLICY, "| silence of the upstream | 30 s |", (DEFAULT_LIMITS.read,), (30,)),
        (POLICY, "or pause in taking the answer | 30 s |", (DEFAULT_LIMITS.client,), (30,)),
    ],
)
def test_what_is_promised_is_what_the_code_does(page, text, values, promised):
    assert text in page
    assert values == promised
