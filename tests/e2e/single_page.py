"""The single-page app of the how-to page: its configuration, its client and its backend."""

import contextlib
import os
import re
import secrets
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from docs.test_pages import _blocks
from interop.house import free_ports, private, tokenward, up
from interop.signing_in import _wait

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "single-page-app"
PAGE = ROOT / "docs" / "how-to" / "sign-people-in-to-a-single-page-app.md"

HEAD = """\
store: "{3}"
master_key: file:data/master.key
issuer: {{url: "http://127.0.0.1:{0}", listen: "127.0.0.1:{0}"}}
gateway: {{url: "http://localhost:{1}", listen: "127.0.0.1:{1}"}}
admin: {{listen: "127.0.0.1:{2}", token: file:data/admin.token}}
"""


@dataclass(frozen=True)
class Running:
    """What runs. Issuer and gateway are two hosts of this machine: cookies do not tell ports apart."""

    directory: Path
    issuer: str
    gateway: str
    password: str

    @property
    def app(self):
        return f"{self.gateway}/app/"

    def tokenward(self, *arguments):
        with ThreadPoolExecutor(1) as apart:  # where Playwright is, it has the event loop of the thread
            return apart.submit(tokenward, self.directory, *arguments).result()


@contextlib.contextmanager
def single_page_app(directory, store="sqlite:data/tokenward.db", change=str):
    """All of it, on free ports of loopback; it ends on leaving."""
    *ours, own = free_ports(4)
    issuer, gateway = f"http://127.0.0.1:{ours[0]}", f"http://localhost:{ours[1]}"
    configuration, make_key, register = (_blocks(PAGE, kind)[0] for kind in ("yaml", "python", "sh"))
    tokenward(directory, "init")
    configuration = configuration.replace("http://127.0.0.1:9000", f"http://127.0.0.1:{own}")
    (directory / "tokenward.yaml").write_text(HEAD.format(*ours, store) + change(configuration))
    for document in EXAMPLE.glob("*.openapi.yaml"):
        (directory / document.name).write_text(document.read_text())
    subprocess.run([sys.executable, "-c", make_key], cwd=directory, check=True)
    register = register.replace("https://api.example.com", gateway).replace("\\\n", " ")
    tokenward(directory, *shlex.split(register)[1:])
    password = secrets.token_urlsafe(18)
    private(directory / "password.txt", password)
    for name in ("ada", "grace"):
        claim = f"name={name.title()}"
        tokenward(directory, "users", "add", name, "--password", "@password.txt", "--claim", claim)
    keys = f"http://127.0.0.1:{ours[1]}/.well-known/tokenward/jwks.json"
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    backend = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--log-level", "warning", "--port", str(own), "server:app"],
        cwd=EXAMPLE,
        env=kept | {"GATEWAY": gateway, "INSIDE_KEYS": keys, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    try:
        _wait(f"http://127.0.0.1:{own}/pages/")
        with up(directory, [f"{issuer}/jwks.json", f"{gateway}/app/"], None):
            yield Running(directory, issuer, gateway, password)
    finally:
        backend.terminate()
        backend.wait(20)


def sign_in(page, running, name="ada"):
    """Through the issuer's pages, as far as it asks, and back."""
    if page.url.startswith(running.issuer):
        page.get_by_label("User name").fill(name)
        page.get_by_label("Password").fill(running.password)
        with page.expect_navigation():
            page.get_by_role("button", name="Sign in", exact=True).click()
    allow(page, running)


def allow(page, running):
    if page.url.startswith(running.issuer):  # consent is asked for once
        page.get_by_role("button", name="Allow").click()
    page.wait_for_url(re.compile(re.escape(running.app)))
