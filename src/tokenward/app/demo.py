"""`tokenward demo`: the whole house with two sample APIs, on this machine, from nothing."""

import asyncio
import contextlib
import importlib.resources
import json
import os
import socket
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from tokenward.app.config import Configuration, load
from tokenward.app.foundation import Foundation, foundation
from tokenward.app.initialise import CONFIGURATION, make_secrets
from tokenward.app.servers import INSIDE_PATH
from tokenward.app.story import Story
from tokenward.app.supervisor import ProcessPlan, Supervisor, bind_all, server_plans
from tokenward.app.workstation.profiles import CLIENT, DEVICE_CLIENT
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.entropy import identifier
from tokenward.base.secret import Secret
from tokenward.gateway.access import TokenFacts
from tokenward.gateway.inside import InsideMinter
from tokenward.identity.passwords import Passwords
from tokenward.identity.people import add_user, set_password
from tokenward.issuer.api_keys import Terms, add_key
from tokenward.issuer.client_auth.registration import Proving
from tokenward.issuer.client_secrets import rotate_secret
from tokenward.issuer.clients import register, set_keys
from tokenward.store.key_ring import KeyRing
from tokenward.store.records import ClientType
from tokenward.tokens.keys import SigningKey

PORTS = {"issuer": 8080, "gateway": 8000, "admin": 8081, "weather": 9001, "bank": 9002}
SAMPLES = ("weather", "bank")

SERVICE = "demo-service"
APP = "demo-app"
BANK_APP = "demo-bank-app"
PERSON = "alice"
REDIRECT = "http://127.0.0.1/callback"
BANK_REDIRECT = "https://bank-app.example/callback"

# What `tokenward login` signs in with, where no other client is named.
_COMMAND_LINE: tuple[tuple[str, ClientType, tuple[str, ...]], ...] = (
    (CLIENT, "native", (REDIRECT,)),
    (DEVICE_CLIENT, "device", ()),
)

POLICY_TESTS = "bank.policytest.yaml"
_SIGNATURE = "# Written by `tokenward demo`"
_CONFIGURATION = (
    _SIGNATURE
    + """, which writes it anew at every start.
name: Tokenward demo
store: {store}
master_key: file:data/master.key
issuer:
  url: {issuer}
  listen: {issuer_listen}
gateway:
  url: {gateway}
  listen: {gateway_listen}
admin:
  listen: {admin_listen}
  token: file:data/admin.token
apis:
  weather:
    openapi: weather.openapi.yaml
    upstream: {weather}
    risk: low
  bank:
    openapi: bank.openapi.yaml
    upstream: {bank}
    risk: moderate
    operations:
      createTransfer: {{risk: high}}
      createLargeTransfer: {{risk: critical}}
      createPayment: {{risk: high, authorization_details: payment}}
    authorization_details_types:
      payment:
        says: Send {{amount}} {{currency}} to {{payee}} ({{iban}})
        fields:
          amount: {{type: string, pattern: '(0|[1-9][0-9]{{0,8}})[.][0-9]{{2}}', maxLength: 12}}
          currency: {{enum: [EUR]}}
          payee: {{type: string, minLength: 1, maxLength: 70}}
          iban: {{type: string, pattern: '[A-Z]{{2}}[0-9]{{2}}[A-Z0-9]{{10,30}}', maxLength: 34}}
          reference: {{type: string, minLength: 1, maxLength: 35, title: Reference}}
"""
)


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays: fresh secrets for the service and the person, kept nowhere but here and in `demo.env`.

    `bank_app_key` is the key by which the bank's own application proves what it is; kept here alone.
    """

    service_secret: Secret
    password: Secret
    api_key: Secret
    bank_app_key: SigningKey


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that is running."""

    directory: Path
    urls: Mapping[str, str]
    configuration: Configuration
    cast: Cast
    inside_keys: KeyRing
    supervisor: Supervisor

    def story(self, http: httpx.Client) -> Story:
        """The story, set on these servers."""
        return Story(
            issuer=self.urls["issuer"],
            gateway=self.urls["gateway"],
            service=(SERVICE, self.cast.service_secret),
            app=(APP, REDIRECT),
            bank_app=(BANK_APP, BANK_REDIRECT, self.cast.bank_app_key),
            person=(PERSON, self.cast.password),
            api_key=self.cast.api_key,
            inside_jwt=self._inside_jwt,
            http=http,
        )

    def _inside_jwt(self) -> Secret:
        minter = InsideMinter(self.inside_keys, issuer=self.urls["gateway"] + INSIDE_PATH)
        now = SYSTEM_CLOCK.time()
        facts = TokenFacts(
            token_id="0" * 11,
            grant_id=None,
            client_id=SERVICE,
            user_id=None,
            scope=frozenset({"accounts:read"}),
            audience=f"{self.urls['gateway']}/bank",
            credential="client_secret",
            issued_at=now,
            expires_at=now + 60,
        )
        return Secret(minter.mint(facts).text)


@contextlib.contextmanager
def running_demo(
    directory: Path,
    *,
    free_ports: bool,
    store: str = "sqlite:data/tokenward.db",
    issuer_host: str = "127.0.0.1",
) -> Generator[Demo]:
    """Prepare the directory, start everything, and end it on leaving. The servers write to `demo.log` there.

    Args:
        directory: where it keeps its files.
        free_ports: listen on free ports instead of `PORTS`.
        store: the `store` setting of the configuration.
        issuer_host: what the issuer is called, on this machine. Browsers have passkeys for `localhost`, and
            none for an address.

    Raises:
        OSError: a port is taken, or the directory cannot be written.
        ValueError: the directory holds somebody else's configuration.
        CannotStart: a process did not become ready; its log tells why.
    """
    sockets = bind_all({name: ("127.0.0.1", 0 if free_ports else port) for name, port in PORTS.items()})
    urls = {name: f"http://127.0.0.1:{sock.getsockname()[1]}" for name, sock in sockets.items()}
    listens = {f"{name}_listen": url.removeprefix("http://") for name, url in urls.items()}
    urls["issuer"] = urls["issuer"].replace("127.0.0.1", issuer_host)
    try:
        configuration = _write_configuration(directory, urls, listens, store)
        cast, inside_keys = asyncio.run(_prepare(configuration))
        (directory / "demo.env").unlink(missing_ok=True)
        with _private(directory / "demo.env") as file:
            file.write(
                f"DEMO_SECRET={cast.service_secret.reveal()}\nDEMO_PASSWORD={cast.password.reveal()}\n"
                f"DEMO_KEY={cast.api_key.reveal()}\n"
            )
    except BaseException:
        for sock in sockets.values():
            sock.close()
        raise
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((directory / "demo.log").open("ab"))
        plans = [
            *[_sample_plan(name, urls, sockets[name]) for name in SAMPLES],
            *server_plans(configuration, sockets),
        ]
        supervisor = Supervisor(plans, metrics=directory / "data" / "metrics", output=log.fileno())
        stack.enter_context(supervisor.running())
        yield Demo(directory, urls, configuration, cast, inside_keys, supervisor)


def _write_configuration(
    directory: Path, urls: Mapping[str, str], listens: Mapping[str, str], store: str
) -> Configuration:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / CONFIGURATION
    if path.exists() and not path.read_bytes().startswith(_SIGNATURE.encode()):
        # Neither this file is ours nor the database beside it, which would get our client and our person.
        raise ValueError(f"{path} was not written by the demo: name another --directory")
    make_secrets(directory)
    samples = importlib.resources.files("tokenward.app.samples")
    for name in SAMPLES:
        document = f"{name}.openapi.yaml"
        (directory / document).write_bytes((samples / document).read_bytes())
    (directory / POLICY_TESTS).write_bytes((samples / POLICY_TESTS).read_bytes())
    path.write_text(_CONFIGURATION.format(store=store, **urls, **listens))
    loaded = load(path)
    if loaded.configuration is None:
        raise ValueError("; ".join(finding.text for finding in loaded.findings))
    return loaded.configuration


async def _prepare(configuration: Configuration) -> tuple[Cast, KeyRing]:
    """The service and the application are registered, and every start gives new secrets."""
    password = Secret(identifier())
    passwords = Passwords()
    bank_app_key = SigningKey.generate("ES256")
    keys = Proving("private_key_jwt", jwks=json.dumps({"keys": [bank_app_key.public_jwk()]}))
    async with foundation(configuration) as ground:
        store, desk = ground.store, ground.client_desk
        secret: Secret | None
        for client_id, kind, addresses in _COMMAND_LINE:
            if await store.client(client_id) is None:
                await register(
                    desk,
                    client_id=client_id,
                    name="Tokenward command line",
                    client_type=kind,
                    redirect_uris=addresses,
                    scopes=["openid", "offline_access", "profile", "forecast:read", "accounts:read"],
                    id_token_claims=["preferred_username"],
                )
        if await store.client(SERVICE) is None:
            _, secret = await register(
                desk,
                client_id=SERVICE,
                name="Demo service",
                client_type="service",
                scopes=["forecast:read", "accounts:read"],
            )
            await register(
                desk,
                client_id=APP,
                name="Demo app",
                client_type="native",
                redirect_uris=[REDIRECT],
                scopes=["openid", "offline_access", "accounts:read", "transfers:write"],
                authorization_details_types=["payment"],
            )
            await register(
                desk,
                client_id=BANK_APP,
                name="Demo bank",
                client_type="web",
                redirect_uris=[BANK_REDIRECT],
                scopes=["openid", "accounts:read", "transfers:write"],
                authorization_details_types=["payment"],
                proving=keys,
            )
            await add_user(store, PERSON, password, passwords=passwords, clock=ground.clock)
        else:
            secret = await rotate_secret(desk, SERVICE)
            await set_keys(desk, BANK_APP, keys)
            await set_password(store, PERSON, password, passwords=passwords)
        if secret is None:
            raise ValueError(f"{SERVICE} has no secret")
        key = await _fresh_key(ground)
        return Cast(secret, password, key, bank_app_key), await ground.key_ring("inside", fresh=lambda: True)


async def _fresh_key(ground: Foundation) -> Secret:
    """A key for the weather, and every key of an earlier start revoked."""
    for state in await ground.store.api_keys():
        await ground.store.revoke_api_key(state.key.key_id, ground.clock.time())
    terms = Terms(ground.configuration.settings.audience("weather"), ("forecast:read",))
    _, key = await add_key(ground.api_key_desk, terms, name="Demo widget", owner=PERSON, lifetime=86_400)
    return key


def _sample_plan(name: str, urls: Mapping[str, str], sock: socket.socket) -> ProcessPlan:
    inside = urls["gateway"] + INSIDE_PATH
    return ProcessPlan(
        name=name,
        module="tokenward.app.samples",
        arguments=[
            name,
            "--issuer",
            inside,
            "--audience",
            f"{urls['gateway']}/{name}",
            "--jwks-url",
            f"{inside}/jwks.json",
        ],
        sockets={"listen": sock},
    )


@contextlib.contextmanager
def _private(path: Path) -> Generator:  # type: ignore[type-arg]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        yield file
