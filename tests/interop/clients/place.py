"""What every client in Python needs: the place that it visits, the person, and the rows that it prints.

Arguments: the place, and the rows that are wanted, where it is not all of them.
"""

import json
import sys
import time
from pathlib import Path

import requests

PLACE, WANTED = json.loads(Path(sys.argv[1]).read_text()), sys.argv[2:]
DIRECTORY = Path(PLACE["directory"])
ISSUER, GATEWAY, SECRETS = PLACE["issuer"], PLACE["gateway"], PLACE["secrets"]
BANK, INSIDE = f"{GATEWAY}/bank", f"{GATEWAY}/.well-known/tokenward"
ACCOUNTS, FORECAST = f"{BANK}/accounts", f"{GATEWAY}/weather/forecast/berlin"
SCOPE = ["openid", "offline_access", "email", "accounts:read", "transfers:write"]

METADATA = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=10).json()

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
API_KEY = "urn:tokenward:token-type:api_key"


def row(flow, *arguments, note=""):
    """Run what is decorated, and print how it went; of an error, what the library says of it.

    `note` is what a reader has to know of one that works.
    """

    def run(function):
        if WANTED and flow not in WANTED:
            return function
        result = {"flow": flow, "works": True, "note": note}
        try:
            function(*arguments)
        except Exception as problem:  # noqa: BLE001 - whatever a library raises is the result
            result |= {"works": False, "note": f"{type(problem).__name__} {problem}"}
        print(json.dumps(result), flush=True)
        return function

    return run


def none(flow, why):
    """A flow that the library has not."""
    if not WANTED or flow in WANTED:
        print(json.dumps({"flow": flow, "works": None, "note": why}), flush=True)


def no_dpop():
    for flow in (
        "DPoP: issuance with nonce, and a call",
        "DPoP: dpop_jkt, refresh of a public client, a call of tier high",
        "DPoP: a code is bound by dpop_jkt",
        "DPoP: a proof that was used is refused",
    ):
        none(flow, "no DPoP")


def refused(code, ask):
    """That what is asked for is refused with this OAuth error code."""
    try:
        ask()
    except Exception as problem:
        if code not in (getattr(problem, "error", None), *str(problem).replace(":", " ").split()):
            raise
    else:
        raise AssertionError(f"expected {code}")


def sign_in(url):
    """The person opens the address, signs in and allows it; where the browser is sent then."""
    answer = requests.get(PLACE["person"], params={"url": url}, timeout=30)
    assert answer.ok, answer.text
    return answer.text


def status(token, url=ACCOUNTS, **options):
    headers = {"authorization": f"Bearer {token}"}
    return requests.get(url, headers=headers, timeout=10, **options).status_code


def ends_within_a_second(token):
    start = time.monotonic()
    while status(token) != 401:
        assert time.monotonic() - start < 1, "expected 401 within a second"


def pem(name):
    return (DIRECTORY / f"{name}.key").read_text()


def held(name):
    """The files of a client certificate and its key."""
    return str(DIRECTORY / f"{name}.pem"), str(DIRECTORY / f"{name}.key")


JOB = {
    "repository": "octo/app",
    "repository_owner": "octo",
    "ref": "refs/heads/main",
    "event_name": "push",
}
JOB_SUBJECT = "repo:octo/app:ref:refs/heads/main"
