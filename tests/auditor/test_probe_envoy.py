"""What a probe says of Envoy's `jwt_authn`, which has the word here for every filter of that kind."""

from pathlib import Path
from urllib.parse import urlsplit

from targets.envoy import envoy
from targets.probed import found
from targets.serving import Response, running
from tokenward.auditor.probing.asked import Asked
from tokenward.auditor.probing.probe import probe

LETS_THROUGH = {
    "audience-spelling",
    "base64",
    "binding",
    "critical-extension",
    "ecdsa-form",
    "leeway",
    "lenient-header",
    "no-expiry",
    "not-json",
    "parts",
    "scheme-case",
    "several-credentials",
    "token-in-query",
    "token-kind",
    "unencoded-payload",
    "wrong-status",
}
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "probe-an-api.md"


def test_what_envoy_lets_through_is_what_the_page_says(tmp_path):
    with running(lambda _: Response()) as url, envoy(tmp_path, urlsplit(url).port, "bank") as (origin, port):
        asked = Asked(
            f"{origin}/accounts", test_issuer=("127.0.0.1", port), audience="bank", rate=1e6, patience=30.0
        )
        result = probe(asked)
    assert found(result) == LETS_THROUGH, [(it.check.id, it.detail) for it in result.findings]
    assert result.complete
    section = PAGE.read_text(encoding="utf-8").partition("## What it says of Envoy")[2]
    assert [check for check in LETS_THROUGH if f"`probe.{check}`" not in section] == []
