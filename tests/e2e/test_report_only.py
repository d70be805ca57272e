"""A first rollout, at a gateway that runs."""

import time
from datetime import UTC, datetime, timedelta

from e2e.edge import edge


def test_everything_passes_and_the_log_tells_what_will_not(tmp_path, http):
    until = (datetime.now(UTC) + timedelta(days=2)).date()
    with edge(tmp_path, api=f"report_only: {{until: {until}}}") as running:
        url = f"{running.urls[0]}/echo"
        own = {"authorization": "Bearer their-own-token", "x-user": "forged"}
        for path in ("/closed", "/nobody-documented-this"):
            answer = http.get(url + path, headers=own)
            got = {name.lower(): value for name, value in answer.json()["headers"]}
            assert (answer.status_code, got["authorization"]) == (200, own["authorization"])
            assert "x-user" not in got
        assert http.get(url + "/..%2fclosed", headers=own).status_code == 400
        deadline = time.monotonic() + 20
        while len(running.logged()) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        told = [
            line.split("would_deny=")[1].split(" ")[0] for line in running.logged() if "would_deny" in line
        ]
        assert told == ["invalid_token", "undocumented"]
        assert "nothing is enforced at echo" in running.log.read_text()
