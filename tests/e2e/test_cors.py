"""A browser's questions and calls, at a gateway that runs."""

from e2e.edge import edge

PAGE = "https://app.example"


def test_a_page_asks_calls_and_reads_and_another_does_not(tmp_path, http):
    with edge(tmp_path, api=f"cors: {{origins: ['{PAGE}']}}") as running:
        url = f"{running.urls[0]}/echo/closed"
        asks = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-api-key"}
        asked = http.options(url, headers={"Origin": PAGE, **asks})
        assert (asked.status_code, asked.headers["access-control-allow-headers"]) == (204, "x-api-key")
        called = http.get(url, headers={"Origin": PAGE})
        assert (called.status_code, called.headers["access-control-allow-origin"]) == (401, PAGE)
        assert "WWW-Authenticate" in called.headers["access-control-expose-headers"]
        refused = http.options(url, headers={"Origin": "https://evil.example", **asks})
        assert (refused.status_code, refused.json()["type"]) == (
            403,
            "urn:tokenward:problem:preflight_refused",
        )
        assert "access-control-allow-origin" not in refused.headers


def test_a_method_that_nobody_documented_gets_nowhere(tmp_path, http):
    with edge(tmp_path) as running:
        for method in ("OPTIONS", "TRACE", "HEAD", "options"):
            assert http.request(method, f"{running.urls[0]}/echo/open").status_code in {400, 405}
