"""Somebody with a browser, who comes back from the fake server as a test says."""

from urllib.parse import parse_qs, urlencode, urlsplit

import httpx


class Browser:
    """Goes where it is sent, and comes back with an answer, changed as the test says."""

    def __init__(self, issuer, **changes):
        self.issuer = issuer
        self.changes = changes
        self.asked = {}
        self.statuses = []

    def __call__(self, url):
        self.asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        answer = {"code": "a code", "state": self.asked["state"], "iss": self.issuer} | self.changes
        query = urlencode({name: value for name, value in answer.items() if value is not None})
        shown = httpx.get(f"{self.asked['redirect_uri']}?{query}", trust_env=False)
        self.statuses.append(shown.status_code)
        return True
