"""What a browser does with the forms of a page, for tests that walk through pages of several origins."""

import re
from html import unescape
from urllib.parse import urljoin, urlsplit

import httpx


def form_of(answer: httpx.Response, action: str = "") -> tuple[str, dict[str, str]]:
    """The address and the hidden fields of the first form whose action begins so.

    Raises:
        ValueError: there is none.
    """
    for attributes, inside in re.findall(r"<form([^>]*)>(.*?)</form>", answer.text, re.DOTALL):
        found = re.search(r'action="([^"]*)"', attributes)
        if found is not None and unescape(found[1]).startswith(action):
            inputs = [
                dict(re.findall(r'([a-z]+)="([^"]*)"', tag)) for tag in re.findall(r"<input[^>]*>", inside)
            ]
            hidden = {it["name"]: unescape(it["value"]) for it in inputs if it.get("type") == "hidden"}
            return urljoin(str(answer.url), unescape(found[1])), hidden
    raise ValueError(f"{answer.status_code}: no form to {action}")


def submitted(
    browser: httpx.Client, answer: httpx.Response, action: str = "", **fields: str
) -> httpx.Response:
    """What comes of sending that form with these fields."""
    url, hidden = form_of(answer, action)
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    return browser.post(url, data=hidden | fields, headers={"origin": origin})
