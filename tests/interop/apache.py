"""Debian's mod_auth_openidc, in an Apache of its own: signs people in through our issuer, and guards an API.

It runs on free ports of loopback with a configuration of its own, beside whatever Apache the machine has.
"""

import contextlib
import json
import os
import pwd
import shutil
import signal
import ssl
import string
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from interop.forms import submitted
from interop.house import PERSON, House, free_ports, private, served_echo, tokenward
from interop.page import Result
from interop.person import signed_in_with
from tokenward.base.entropy import identifier
from tokenward.tokens.keys import SigningKey

MODULE = "mod_auth_openidc"
PACKAGE = "libapache2-mod-auth-openidc"
SERVER = Path("/usr/sbin/apache2")
MODULES = Path("/usr/lib/apache2/modules")
CONFIGURATION = Path(__file__).parent / "apache.conf"
SCOPES = ["openid", "offline_access", "email", "accounts:read"]
PATIENCE = 20  # seconds for Apache to come up


@dataclass(frozen=True)
class Visit:
    """What a browser, and a program, finds there.

    Attributes:
        by_secret: where the site is that proves itself by a secret.
        by_key: where the one is that proves itself by `private_key_jwt`.
        of_people: where the one is that asks for nothing but who somebody is.
        metadata: of our issuer.
        configuration: of Apache.
    """

    house: House
    by_secret: str
    by_key: str
    of_people: str
    metadata: dict[str, object]
    trusted: ssl.SSLContext
    configuration: Path

    def browser(self) -> httpx.Client:
        return httpx.Client(trust_env=False, timeout=20, verify=self.trusted)

    def signed_in(self, browser: httpx.Client, site: str) -> httpx.Response:
        """The page that the person wanted, after everything."""
        sent = browser.get(f"{site}/secure/page")
        assert sent.status_code == 302, f"{sent.status_code}, and not sent to the issuer"
        back = browser.get(self.person(sent.headers["location"]))
        assert back.status_code == 302, f"{back.status_code}, and not back at the page"
        assert back.headers["location"] == f"{site}/secure/page"
        return browser.get(back.headers["location"])

    def person(self, url: str) -> str:
        """Where the issuer sends the browser, once somebody signed in and allowed it."""
        answer = httpx.get(str(self.house.place["person"]), params={"url": url}, trust_env=False, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.text

    def signed_in_there(self, browser: httpx.Client, site: str) -> None:
        """At the page that the person wanted, and at our issuer too, in one browser."""
        sent = browser.get(f"{site}/secure/page").headers["location"]
        password = (self.house.directory / "password.txt").read_text(encoding="utf-8")
        back = browser.get(signed_in_with(browser, sent, PERSON, password))
        assert browser.get(back.headers["location"]).status_code == 200

    def gateway(self, token: str) -> int:
        headers = {"authorization": f"Bearer {token}"}
        with self.browser() as web:
            return web.get(f"{self.house.place['gateway']}/bank/accounts", headers=headers).status_code

    def token(self, **form: str) -> str:
        """A token of a client that has no person."""
        secrets = self.house.place["secrets"]
        assert isinstance(secrets, dict)
        with self.browser() as web:
            answer = web.post(
                str(self.metadata["token_endpoint"]),
                data={"grant_type": "client_credentials", "scope": "accounts:read", **form},
                auth=("report", secrets["report"]),
            )
        return str(answer.raise_for_status().json()["access_token"])

    def api(self, token: str) -> int:
        headers = {"authorization": f"Bearer {token}"}
        with self.browser() as web:
            return web.get(f"{self.by_secret}/api", headers=headers).status_code


def secret(visit: Visit) -> None:
    """Whoever goes to a page signs in here and is back at it: code with PKCE, ID token, a secret by Basic."""
    with visit.browser() as browser:
        sent = parse_qs(urlsplit(browser.get(f"{visit.by_secret}/secure/page").headers["location"]).query)
        assert sent["code_challenge_method"] == ["S256"]
    with visit.browser() as browser:
        seen = visit.signed_in(browser, visit.by_secret).json()
        assert seen["oidc_claim_sub"]
        assert seen["oidc_claim_email"] == "a@b.example"
        assert visit.gateway(seen["oidc_access_token"]) == 200


def session(visit: Visit) -> None:
    """Its session opens the page again, and nobody else's browser."""
    with visit.browser() as browser, visit.browser() as stranger:
        visit.signed_in(browser, visit.by_secret)
        assert browser.get(f"{visit.by_secret}/secure/page").status_code == 200
        assert stranger.get(f"{visit.by_secret}/secure/page").status_code == 302


def other_browser(visit: Visit) -> None:
    """An answer that was meant for another browser signs nobody in."""
    with visit.browser() as browser, visit.browser() as stranger:
        back = visit.person(browser.get(f"{visit.by_secret}/secure/page").headers["location"])
        assert stranger.get(back).status_code in {400, 401, 500}
        assert stranger.get(f"{visit.by_secret}/secure/page").status_code == 302


def other_issuer(visit: Visit) -> None:
    """An answer with the `iss` of another issuer (RFC 9207) signs nobody in."""
    with visit.browser() as browser:
        back = visit.person(browser.get(f"{visit.by_secret}/secure/page").headers["location"])
        ours = urlencode({"iss": visit.metadata["issuer"]})
        assert ours in back
        browser.get(back.replace(ours, "iss=https%3A%2F%2Fother.example"))
        assert browser.get(f"{visit.by_secret}/secure/page").status_code == 302


def refreshed(visit: Visit) -> None:
    """It refreshes the access token of a session, again and again."""
    with visit.browser() as browser:
        tokens = [visit.signed_in(browser, visit.by_secret).json()["oidc_access_token"]]
        page = f"{visit.by_secret}/secure/page"
        for _ in range(2):
            wanted = urlencode({"refresh": page, "access_token": tokens[-1]})
            answer = browser.get(f"{visit.by_secret}/secure/redirect?{wanted}")
            assert answer.headers["location"] == page, answer.headers["location"]
            tokens.append(browser.get(page).json()["oidc_access_token"])
        assert len(set(tokens)) == 3
        assert visit.gateway(tokens[-1]) == 200


def signed_out(visit: Visit) -> None:
    """Signing out there revokes its tokens here (RFC 7009)."""
    with visit.browser() as browser:
        token = visit.signed_in(browser, visit.by_secret).json()["oidc_access_token"]
        page = f"{visit.by_secret}/secure/page"
        browser.get(f"{visit.by_secret}/secure/redirect?{urlencode({'logout': page})}")
        assert browser.get(page).status_code == 302
        end = time.monotonic() + 1
        while visit.gateway(token) != 401:
            assert time.monotonic() < end, "the token lives on"


def told_of_the_person(visit: Visit) -> None:
    """An ID token by ES256, a secret in the form; it asks at userinfo about the person."""
    with visit.browser() as browser:
        visit.signed_in(browser, visit.of_people)
        told = browser.get(f"{visit.of_people}/secure/redirect?info=json").json()
        assert told["userinfo"]["sub"] == told["id_token"]["sub"]
        assert told["userinfo"]["email"] == "a@b.example"


def led_out(visit: Visit) -> None:
    """Signing out there leads on to signing out here, by `id_token_hint`, and back."""
    with visit.browser() as browser:
        visit.signed_in(browser, visit.of_people)
        wanted = urlencode({"logout": f"{visit.of_people}/"})
        sent = urlsplit(browser.get(f"{visit.of_people}/secure/redirect?{wanted}").headers["location"])
        assert sent._replace(query="").geturl() == visit.metadata["end_session_endpoint"]
        assert parse_qs(sent.query)["id_token_hint"]
        page = browser.get(sent.geturl())
        assert page.status_code < 400, page.status_code


def told_of_logout(visit: Visit) -> None:
    """Signing out here ends the session there, by our logout token (Back-Channel Logout), and no other."""
    with visit.browser() as browser, visit.browser() as other:
        visit.signed_in_there(browser, visit.by_secret)
        visit.signed_in_there(other, visit.by_secret)
        submitted(browser, browser.get(f"{visit.house.place['issuer']}/account"), "/sign-out")
        end = time.monotonic() + PATIENCE
        while browser.get(f"{visit.by_secret}/secure/page").status_code != 302:
            assert time.monotonic() < end, "the session lives on"
        assert other.get(f"{visit.by_secret}/secure/page").status_code == 200, "another `sid` is signed out"


def key(visit: Visit) -> None:
    """Its `private_key_jwt`, which names the token endpoint as the audience, is refused."""
    with visit.browser() as browser:
        sent = browser.get(f"{visit.by_key}/secure/page").headers["location"]
        assert browser.get(visit.person(sent)).status_code != 302
        assert browser.get(f"{visit.by_key}/secure/page").status_code == 302
    assert "wrong_audience" in (visit.house.directory / "log").read_text(encoding="utf-8")


def guarded(visit: Visit) -> None:
    """As a resource server it asks our issuer about a token (RFC 7662), and lets in whoever has the scope."""
    assert visit.api(visit.token()) == 200
    assert visit.api(visit.token(scope="forecast:read")) in {401, 403}
    assert visit.api("x" * 43) == 401


# What is tried, and the member of the issuer's metadata that it needs.
FLOWS: tuple[tuple[Callable[[Visit], None], str], ...] = (
    (secret, "authorization_endpoint"),
    (session, "authorization_endpoint"),
    (other_browser, "authorization_endpoint"),
    (other_issuer, "authorization_response_iss_parameter_supported"),
    (refreshed, "token_endpoint"),
    (signed_out, "revocation_endpoint"),
    (told_of_the_person, "userinfo_endpoint"),
    (led_out, "end_session_endpoint"),
    (told_of_logout, "backchannel_logout_supported"),
    (key, "token_endpoint"),
    (guarded, "introspection_endpoint"),
)


def version() -> str | None:
    """The version of the package, None where it is not installed."""
    if not SERVER.exists() or not (MODULES / "mod_auth_openidc.so").exists():
        return None
    command = ["dpkg-query", "--show", "--showformat=${Version}", PACKAGE]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def visited(house: House) -> list[Result]:
    """Each flow, and what came of it."""
    rows = []
    with running(house) as visit:
        for flow, needed in FLOWS:
            if not visit.metadata.get(needed):
                continue
            note = ""
            try:
                flow(visit)
            except (AssertionError, KeyError, httpx.HTTPError) as error:
                note = str(error).partition("\n")[0] or type(error).__name__
            rows.append(Result(str(flow.__doc__).rstrip("."), works=not note, note=note))
        rows.append(_pushing(visit.configuration))
    return rows


def _pushing(configuration: Path) -> Result:
    """Debian's is too old for pushed requests. One that is not has to be visited by them."""
    command = [str(SERVER), "-t", "-f", str(configuration), "-c", "OIDCProviderAuthRequestMethod PAR"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    flow = "It pushes what it asks for (RFC 9126)"
    if ran.returncode == 0:
        return Result(flow, works=False, note="this version could, and no row shows that it does")
    assert "OIDCProviderAuthRequestMethod" in ran.stderr, ran.stderr
    return Result(flow, works=None, note="this version knows GET and POST alone")


@contextlib.contextmanager
def running(house: House) -> Iterator[Visit]:
    """Apache, whose workers are nobody in particular; it ends on leaving."""
    trusted = ssl.create_default_context(cafile=str(house.place["ca"]))
    with contextlib.ExitStack() as stack:
        # Its workers read the certificate there, and may be of another user than we are.
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tokenward-apache-")))
        root.chmod(0o755)
        upstream = stack.enter_context(served_echo())
        ports = free_ports(3)
        sites = [f"https://localhost:{port}" for port in ports]
        filled = {
            "root": str(root), "modules": str(MODULES), "user": _user(), "upstream": upstream,
            "issuer": str(house.place["issuer"]), "passphrase": identifier(),
            "by_secret": str(ports[0]), "by_key": str(ports[1]), "of_people": str(ports[2]),
            **_registered(house, root, sites),
        }  # fmt: skip
        private(root / "apache.conf", string.Template(CONFIGURATION.read_text()).substitute(filled))
        for name in ("server.pem", "server.key"):
            shutil.copy(house.directory / name, root / name)
        process = subprocess.Popen([str(SERVER), "-f", str(root / "apache.conf"), "-DFOREGROUND"])
        stack.callback(process.wait, 30)
        stack.callback(process.send_signal, signal.SIGTERM)
        with httpx.Client(trust_env=False, timeout=10, verify=trusted) as web:
            _wait_for(web, process, f"{sites[0]}/", root / "error.log")
            metadata = web.get(f"{house.place['issuer']}/.well-known/openid-configuration").json()
        yield Visit(house, *sites, metadata, trusted, root / "apache.conf")


def _registered(house: House, root: Path, sites: list[str]) -> dict[str, str]:
    """Register the sites; what the configuration needs of that."""
    signing = SigningKey.generate("RS256")
    private(
        root / "signing.key",
        signing.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    )
    public = signing.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (root / "signing.pub").write_bytes(public)
    jwks = root / "jwks.json"
    jwks.write_text(json.dumps({"keys": [signing.public_jwk()]}))
    scopes = [word for scope in SCOPES for word in ("--scope", scope)]
    common = ["--type", "web", *scopes, "--id-token-claim", "email"]
    told = tokenward(
        house.directory, "clients", "add", "Apache", "--id", "apache",
        "--redirect-uri", f"{sites[0]}/secure/redirect", *common,
        "--backchannel-logout-uri", f"{sites[0]}/secure/redirect?logout=backchannel",
    )  # fmt: skip
    tokenward(
        house.directory, "clients", "add", "Apache by key", "--id", "apache-by-key",
        "--redirect-uri", f"{sites[1]}/secure/redirect", *common,
        "--auth-method", "private_key_jwt", "--jwks", str(jwks),
    )  # fmt: skip
    people = tokenward(
        house.directory, "clients", "add", "Apache of people", "--id", "apache-of-people", "--type", "web",
        "--scope", "openid", "--scope", "email", "--userinfo-claim", "email", "--id-token-alg", "ES256",
        "--redirect-uri", f"{sites[2]}/secure/redirect", "--post-logout-redirect-uri", f"{sites[2]}/",
    )  # fmt: skip
    secrets = house.place["secrets"]
    assert isinstance(secrets, dict)
    return {
        "secret": told["client_secret"], "people_secret": people["client_secret"],
        "backend": secrets["backend"], "kid": signing.kid,
    }  # fmt: skip


def _user() -> str:
    """Workers of root's Apache are nobody; others are who started it."""
    return f"User {pwd.getpwnam('nobody').pw_name}\nGroup #{os.getgid() or 65534}" if os.getuid() == 0 else ""


def _wait_for(web: httpx.Client, process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(httpx.HTTPError):
            web.get(url)
            return
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(log.read_text() if log.exists() else "Apache did not come up")
        time.sleep(0.1)
