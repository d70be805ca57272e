"""Signs people in as fast as it is answered, from many addresses: a quarter with the right password.

    python benchmarks/sign_in_storm.py PORT SECONDS BROWSERS PERSONS < password

Prints how many answers there were by status, as JSON: 303 is who is in, 403 a wrong password or an unknown
name, 503 who was turned away because too many hashes wait.
"""

import asyncio
import itertools
import json
import re
import sys
import time
from collections import Counter
from urllib.parse import urlencode

from http_exchange import exchange, written

_FIELD = re.compile(rb'name="form" value="([^"]+)"')


async def storm(port: int, seconds: float, browsers: int, persons: int, password: str) -> Counter[int]:
    """So many browsers at once, each with its next sign-in as soon as the last one is answered."""
    answers: Counter[int] = Counter()
    numbers = itertools.count()
    end = time.monotonic() + seconds

    async def browser() -> None:
        while time.monotonic() < end:
            answers[await _sign_in(port, next(numbers), persons, password)] += 1

    await asyncio.gather(*(browser() for _ in range(browsers)))
    return answers


async def _sign_in(port: int, number: int, persons: int, password: str) -> int:
    # Each from another, so that nobody is throttled: all of 127/8 is this machine.
    address = f"127.{1 + number // 60_000}.{number // 250 % 240}.{1 + number % 250}"
    connection = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    try:
        page = await exchange(connection, written("GET", "/sign-in", {}))
        cookies = "; ".join(value.partition(";")[0] for name, value in page.fields if name == "set-cookie")
        field = _FIELD.search(page.body)
        if field is None:
            return page.status
        name = f"nobody-{number}" if number % 4 == 1 else f"person-{number % persons}"
        typed = password if number % 4 == 0 else f"{password}-wrong"
        form = urlencode({"form": field[1].decode(), "username": name, "password": typed})
        headers = {"cookie": cookies, "origin": f"http://127.0.0.1:{port}"}
        return (await exchange(connection, written("POST", "/sign-in", headers, form))).status
    finally:
        connection[1].close()


if __name__ == "__main__":
    port, seconds, browsers, persons = (float(it) for it in sys.argv[1:])
    counted = asyncio.run(storm(int(port), seconds, int(browsers), int(persons), sys.stdin.read().strip()))
    print(json.dumps(counted))
