"""Limits, counted by processes that run: each for itself, together in Redis, and alone again without it."""

import re
import time

from databases import own_redis_server
from e2e.edge import edge

LIMITS = "limits: [{by: address, amount: 4/day}]"


def _left(answer):
    return int(re.search(r'^"address-day";r=(\d+);', answer.headers["ratelimit"])[1])


def test_a_limit_of_the_configuration_is_kept_and_told(tmp_path, http):
    with edge(tmp_path, api=LIMITS) as running:
        answers = [http.get(f"{running.urls[0]}/echo/open") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200] * 4 + [429]
        assert [_left(answer) for answer in answers] == [3, 2, 1, 0, 0]
        assert 0 < int(answers[4].headers["retry-after"]) <= 86_400 / 4
        assert answers[4].json()["type"] == "urn:tokenward:problem:rate_limited"


def test_processes_count_together_in_redis_and_alone_without_it(tmp_path, http):
    with own_redis_server() as redis:
        place = tmp_path / "redis.url"
        place.write_text(redis.url)
        place.chmod(0o600)
        with edge(tmp_path, api=LIMITS, further="redis: file:redis.url", gateways=2) as running:
            one, other = (f"{url}/echo/open" for url in running.urls)
            answers = [http.get(url) for url in (one, other, one, other, one, other)]
            assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 2
            redis.kill()
            assert [_left(http.get(url)) for url in (one, other)] == [3, 3]
            redis.start()
            deadline = time.monotonic() + 30
            while running.log.read_text().count("Redis answers again") < 2:
                assert time.monotonic() < deadline
                assert {http.get(url).status_code for url in (one, other)} <= {200, 429}
                time.sleep(0.3)
            assert _left(http.get(one)) in {0, 1, 2}  # both have counted there
        assert running.log.read_text().count("Redis does not answer") == 2
