"""Pictures of the pages that people see, for docs/images: `make screenshots`. Needs Debian's Chromium."""

import subprocess
import sys
import tempfile
from itertools import chain
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

from tokenward.app.demo import BANK_APP, BANK_REDIRECT, CONFIGURATION, PERSON, Demo, running_demo
from tokenward.app.story_payment import PAYMENT
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.secret import Secret
from tokenward.flows import device
from tokenward.flows.authorization import AuthorizationRequest
from tokenward.flows.device import DeviceAuthorization
from tokenward.flows.token import FORM
from tokenward.identity.factors import totp

IMAGES = Path(__file__).parent.parent / "docs" / "images"
CHROMIUM = "/usr/bin/chromium"
_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)


def main() -> None:
    """Walk through the pages of a demonstration, and take a picture of each."""
    with (
        tempfile.TemporaryDirectory() as directory,
        running_demo(Path(directory), free_ports=True, issuer_host="localhost") as demo,
        sync_playwright() as playwright,
    ):
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 720, "height": 640}, user_agent=_AGENT)
        _walk(page, demo)
        chromium.close()


def _walk(page: Page, demo: Demo) -> None:
    issuer = demo.urls["issuer"]
    request = AuthorizationRequest.begin(
        f"{issuer}/authorize",
        client_id=BANK_APP,
        redirect_uri=BANK_REDIRECT,
        scope=["openid", "accounts:read", "transfers:write"],
    )
    page.goto(f"{request.url}&acr_values=urn:tokenward:acr:two-factor")
    _take(page, "sign-in")
    _sign_in(page, demo)
    _take(page, "second-factor-offer")
    page.get_by_role("link", name="Set up an authenticator app").click()
    secret = Secret(page.locator("main code").first.inner_text())
    _take(page, "authenticator")
    page.get_by_label("six digits").fill(totp.code(secret, SYSTEM_CLOCK.time()))
    page.get_by_role("button", name="Use this app").click()
    page.get_by_role("button", name="Make ten codes").click()
    _take(page, "recovery-codes")
    page.get_by_role("link", name="I have written them down").click()
    _take(page, "consent")
    _payment(page, demo)
    _agent(page, demo)
    page.goto(f"{issuer}/account/passkeys")
    _take(page, "passkeys")
    page.goto(f"{issuer}/account")
    _take(page, "account")
    page.emulate_media(color_scheme="dark")
    _take(page, "account-dark")
    page.emulate_media(color_scheme="light")
    _device(page, demo)
    page.goto(f"{issuer}/account")
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{issuer}/sign-in")
    _sign_in(page, demo)
    _take(page, "second-factor")


def _payment(page: Page, demo: Demo) -> None:
    """What a person is asked where an application wants one payment and nothing else."""
    request = AuthorizationRequest.begin(
        f"{demo.urls['issuer']}/authorize",
        client_id=BANK_APP,
        redirect_uri=BANK_REDIRECT,
        authorization_details=[{"type": "payment", **PAYMENT}],
    )
    page.goto(request.url)
    _take(page, "consent-payment")
    page.emulate_media(color_scheme="dark")
    _take(page, "consent-payment-dark")
    page.emulate_media(color_scheme="light")


def _agent(page: Page, demo: Demo) -> None:
    """What a person is asked where a program wants to act in their name while they are not there."""
    scopes = ("accounts:read", "offline_access")
    redirect_uri = "http://127.0.0.1/callback"
    asked = chain(*(("--scope", it) for it in scopes))
    client_id = _registered(
        demo, "Inbox assistant", "--type", "agent", "--redirect-uri", redirect_uri, *asked
    )
    request = AuthorizationRequest.begin(
        f"{demo.urls['issuer']}/authorize",
        client_id=client_id,
        redirect_uri=redirect_uri,
        scope=list(scopes),
        resource=f"{demo.urls['gateway']}/bank",
    )
    page.goto(request.url)
    _take(page, "consent-agent")


def _device(page: Page, demo: Demo) -> None:
    scopes = ("openid", "accounts:read")
    told = _registered(
        demo, "Living room TV", "--type", "device", *chain(*(("--scope", it) for it in scopes))
    )
    body = device.request(scope=scopes, client_id=told)
    answer = httpx.post(
        f"{demo.urls['issuer']}/device_authorization", content=body, headers={"content-type": FORM}
    )
    asked = DeviceAuthorization.parse(answer.status_code, answer.content)
    page.goto(asked.verification_uri_complete)
    _take(page, "device")
    page.get_by_role("button", name="Go on").click()
    _take(page, "device-consent")
    page.get_by_role("button", name="Allow").click()
    _take(page, "device-done")


def _registered(demo: Demo, *options: str) -> str:
    """The client_id of a client that is registered with these options."""
    config = ("--config", str(demo.directory / CONFIGURATION))
    command = [sys.executable, "-m", "tokenward.app.cli", "clients", "add", *options, *config]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    return said.stdout.split()[1]


def _sign_in(page: Page, demo: Demo) -> None:
    page.get_by_label("User name").fill(PERSON)
    page.get_by_label("Password").fill(demo.cast.password.reveal())
    page.get_by_role("button", name="Sign in", exact=True).click()


def _take(page: Page, name: str) -> None:
    page.screenshot(path=IMAGES / f"{name}.png", full_page=True)
    sys.stdout.write(f"wrote docs/images/{name}.png: {page.title()}\n")


if __name__ == "__main__":
    main()
