"""What the traffic is against: the processes of `tokenward up`, their clients, and people with passwords."""

import asyncio
import contextlib
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from material import CALLBACK, CLIENT, SCOPE
from servers import CACHE, basic_of, configured, python_server

from tokenward.app.config import Configuration
from tokenward.app.foundation import foundation
from tokenward.app.supervisor import Supervisor, server_plans
from tokenward.base.entropy import identifier
from tokenward.base.secret import Secret
from tokenward.identity.passwords import Passwords
from tokenward.issuer.clients import register
from tokenward.store.people_records import User

DIRECTORY = CACHE / "soak"
LIFETIME = 30  # seconds of an access token, the least that the configuration takes
PERSONS = 400
DEVICE = "soak-device"
SESSIONS = "people: {sessions: {idle: 5m, absolute: 5m}}\n"


@dataclass(frozen=True, slots=True)
class Town:
    """Where everything is.

    Attributes:
        ports: of `issuer`, `gateway` and `admin`, on 127.0.0.1.
        basic: the Authorization value of the client that has a secret.
        admin: that of the admin listener.
        password: of everybody, from `person-0` on.
        database: the file of SQLite.
    """

    ports: Mapping[str, int]
    basic: str
    admin: str
    password: Secret
    database: Path

    @property
    def issuer(self) -> str:
        """The issuer's URL."""
        return f"http://127.0.0.1:{self.ports['issuer']}"


@contextlib.contextmanager
def running() -> Iterator[Town]:
    """The processes, from empty tables on; they end on leaving, and their log stays in `DIRECTORY`."""
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    DIRECTORY.mkdir(parents=True)
    password = Secret(secrets.token_urlsafe(18))
    with python_server("backend.py") as backend, (DIRECTORY / "log").open("wb") as log:
        configuration, sockets = configured(DIRECTORY, backend, lifetime=LIFETIME, more=SESSIONS)
        secret = asyncio.run(_settled(configuration, password))
        supervisor = Supervisor(
            server_plans(configuration, sockets), metrics=DIRECTORY / "metrics", output=log.fileno()
        )
        with supervisor.running():
            yield Town(
                {name: sock.getsockname()[1] for name, sock in sockets.items()},
                basic_of(secret),
                f"Bearer {(DIRECTORY / 'data' / 'admin.token').read_text().strip()}",
                password,
                DIRECTORY / "data" / "tokenward.db",
            )


async def _settled(configuration: Configuration, password: Secret) -> str:
    """Clients and people; the secret of the client that has one."""
    passwords = Passwords()
    hashed = await passwords.hash(password)
    passwords.close()
    async with foundation(configuration) as ground:
        _, secret = await register(
            ground.client_desk,
            name="Soak",
            client_type="web",
            scopes=[SCOPE, "openid", "offline_access"],
            redirect_uris=[CALLBACK],
            client_id=CLIENT,
        )
        await register(
            ground.client_desk,
            name="Soak on a device",
            client_type="device",
            scopes=[SCOPE, "offline_access"],
            client_id=DEVICE,
        )
        for number in range(PERSONS):
            await ground.store.add_user(User(identifier(), f"person-{number}", hashed, ground.clock.time()))
    if secret is None:
        raise RuntimeError("this client has a secret")
    return secret.reveal()
