"""One exchange, and the name that client, backend and decision log give it."""

import time

from e2e.edge import edge

TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_client_backend_and_log_name_it_the_same(tmp_path, http):
    with edge(tmp_path) as running:
        parent = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
        passed = http.get(f"{running.urls[0]}/echo/open", headers=parent)
        refused = http.get(f"{running.urls[0]}/echo/closed", headers=parent)
        assert (passed.status_code, refused.status_code) == (200, 401)
        assert "x-powered-by" not in passed.headers
        assert passed.headers["x-content-type-options"] == "nosniff"
        got = {name.lower(): value for name, value in passed.json()["headers"]}
        assert got["x-request-id"] == passed.headers["x-request-id"]
        assert got["traceparent"].split("-")[1] == TRACE
        deadline = time.monotonic() + 20
        while len(running.logged()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for answer, line in zip((passed, refused), running.logged(), strict=True):
            assert f"request_id={answer.headers['x-request-id']} trace_id={TRACE}" in line
