"""Every way of revoking is felt at every door: introspection and two gateways, now and after a restart."""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field, replace

import httpx
import pytest
from typer.testing import CliRunner

from databases import postgres_database
from e2e.cut_answers import CUT, status_of
from store.values import access, code_of, grant, refresh
from tokenward.app.cli import application
from tokenward.app.demo import APP, PERSON, REDIRECT, SERVICE, running_demo
from tokenward.app.foundation import foundation
from tokenward.app.supervisor import Supervisor, bind_all, server_plans
from tokenward.flows import pkce
from tokenward.issuer.clients import register
from tokenward.tokens import opaque

DOOMED = "doomed-service"
# 429 is what a peer hears that has shown many dead tokens; one that is remembered as live never meets it.
REFUSED_OR_NOT = {200: True, 401: False, 429: False, CUT: False}


@dataclass(frozen=True)
class Family:
    """What a person's grant gave; the code and the first refresh token are used."""

    grant_id: str
    code: opaque.OpaqueToken
    verifier: str = field(repr=False)
    access: opaque.OpaqueToken
    used: opaque.OpaqueToken
    refresh: opaque.OpaqueToken


class House:
    """A demo with a second gateway, and who asks at its doors."""

    def __init__(self, demo, http):
        self.demo = demo
        self.http = http
        self._sockets = bind_all(dict.fromkeys(("gateway", "issuer", "admin"), ("127.0.0.1", 0)))
        port = self._sockets["gateway"].getsockname()[1]
        self.doors = [demo.urls["gateway"], f"http://127.0.0.1:{port}"]
        self.bank = f"{demo.urls['gateway']}/bank"
        self.basic = (SERVICE, demo.cast.service_secret.reveal())
        self.looker = self.with_ground(self._register)

    def with_ground(self, work):
        async def run():
            async with foundation(self.demo.configuration) as ground:
                return await work(ground)

        return asyncio.run(run())

    @contextlib.contextmanager
    def second_gateway(self):
        plan = next(
            each for each in server_plans(self.demo.configuration, self._sockets) if each.name == "gateway"
        )
        # The socket stays open here, so that it can be handed to another process later.
        with (self.demo.directory / "second.log").open("ab") as log:
            own = {"gateway": self._sockets["gateway"].dup()}
            supervisor = Supervisor(
                [replace(plan, sockets=own)],
                metrics=self.demo.directory / "second-metrics",
                output=log.fileno(),
            )
            with supervisor.running():
                yield

    def close(self):
        for sock in self._sockets.values():
            sock.close()

    async def _register(self, ground):
        _, secret = await register(
            ground.client_desk, name="Looker", client_type="service", client_id="looker",
            scopes=[f"introspect:{self.bank}"],
        )  # fmt: skip
        return ("looker", secret.reveal())

    def doomed_service(self):
        """A client of its own, and its token."""

        async def add(ground):
            _, secret = await register(
                ground.client_desk, name="Doomed", client_type="service", client_id=DOOMED,
                scopes=["accounts:read"],
            )  # fmt: skip
            return secret.reveal()

        return self.token((DOOMED, self.with_ground(add)))

    def token(self, basic=None):
        form = {"grant_type": "client_credentials", "scope": "accounts:read"}
        answer = self.http.post(f"{self.demo.urls['issuer']}/token", data=form, auth=basic or self.basic)
        return answer.json()["access_token"]

    def family(self):
        """A grant of the person to the application, a code redeemed, a refresh token used once."""

        async def make(ground):
            now = ground.clock.time()
            person = await ground.store.user_by_name(PERSON)
            its = grant(
                client_id=APP, user_id=person.user_id, scope=("accounts:read", "offline_access"),
                audience=self.bank, created_at=now, auth_time=now, expires_at=now + 3600,
            )  # fmt: skip
            made = {kind: opaque.new(kind) for kind in ("ac", "at")}
            links = [opaque.new("rt") for _ in range(2)]
            verifier = pkce.new_verifier().reveal()

            def hashed(token):
                return {
                    "token_id": token.token_id,
                    "keyed_hash": opaque.keyed_hash(ground.peppers[0], token.secret.reveal()),
                }

            def issued(seconds):
                return {"issued_at": now, "expires_at": now + seconds}

            code = code_of(
                its, **hashed(made["ac"]), redirect_uri=REDIRECT,
                code_challenge=pkce.challenge(verifier), expires_at=now + 60,
            )  # fmt: skip
            await ground.store.add_grant(its, code)
            scope = {
                "scope": ("accounts:read", "offline_access"),
                "audience": self.bank,
                "credential": "none",
            }
            first = refresh(its, **hashed(links[0]), **issued(600))
            await ground.store.redeem_code(code.token_id, access(its, **scope, **issued(600)), first, at=now)
            await ground.store.rotate_refresh_token(
                first.token_id,
                access(its, **hashed(made["at"]), **scope, **issued(600)),
                refresh(its, **hashed(links[1]), **issued(600)),
                sealed_response=b"gone",
                at=now,
            )
            return Family(its.grant_id, made["ac"], verifier, made["at"], *links)

        return self.with_ground(make)

    def answers(self, token):
        """What introspection and each gateway say: alive or not, or the status of another answer."""
        told = self.http.post(
            f"{self.demo.urls['issuer']}/introspect", data={"token": token}, auth=self.looker
        ).json()
        statuses = [status_of(self.http, f"{door}/bank/accounts", token) for door in self.doors]
        return [told["active"], *(REFUSED_OR_NOT.get(status, status) for status in statuses)]

    def soon(self, token, expected):
        """Whether all come to say so: promised within a second; a loaded machine is given more."""
        end = time.monotonic() + 10
        while (seen := self.answers(token)) != [expected] * 3:
            if time.monotonic() > end:
                return seen
            time.sleep(0.02)
        return True

    def command(self, *arguments, stdin=None):
        line = ["tokens", "revoke", *arguments, "--config", str(self.demo.configuration.path)]
        result = CliRunner().invoke(application, line, input=stdin)
        assert result.exit_code == 0, result.output

    def admin(self, path="/revocations", method="POST", **order):
        token = (self.demo.directory / "data" / "admin.token").read_text().strip()
        answer = self.http.request(
            method, f"{self.demo.urls['admin']}{path}", json=order or None,
            headers={"authorization": f"Bearer {token}"},
        )  # fmt: skip
        assert answer.is_success, answer.text

    def post(self, path, status, **form):
        answer = self.http.post(f"{self.demo.urls['issuer']}{path}", data={"client_id": APP, **form})
        assert answer.status_code == status, answer.text


def _by_reuse(house, its):
    house.post("/token", 400, grant_type="refresh_token", refresh_token=its.used.secret.reveal())


def _by_replay(house, its):
    form = {"code": its.code.secret.reveal(), "redirect_uri": REDIRECT, "code_verifier": its.verifier}
    house.post("/token", 400, grant_type="authorization_code", **form)


def _by_admin_before(house, _its):
    house.admin(what="user", subject=PERSON, before=time.time())


WAYS = {
    "RFC 7009, access token": lambda h, its: h.post("/revoke", 200, token=its.access.secret.reveal()),
    "RFC 7009, refresh token": lambda h, its: h.post("/revoke", 200, token=its.refresh.secret.reveal()),
    "a refresh token is reused": _by_reuse,
    "a code is replayed": _by_replay,
    "command, token": lambda h, its: h.command("--token-id", its.access.token_id),
    "command, access token itself": lambda h, its: h.command("-", stdin=its.access.secret.reveal()),
    "command, refresh token itself": lambda h, its: h.command("-", stdin=its.refresh.secret.reveal()),
    "command, list": lambda h, its: h.command(
        "--token-ids", "-", stdin=f"00000000000\n{its.access.token_id}"
    ),
    "command, grant": lambda h, its: h.command("--grant", its.grant_id),
    "command, client": lambda h, its: h.command("--client", APP),
    "command, person": lambda h, its: h.command("--user", PERSON),
    "admin API, token": lambda h, its: h.admin(what="token", subject=its.access.token_id),
    "admin API, list": lambda h, its: h.admin("/revocations/tokens", token_ids=[its.access.token_id]),
    "admin API, family": lambda h, its: h.admin(what="refresh", subject=its.used.token_id),
    "admin API, grant": lambda h, its: h.admin(what="grant", subject=its.grant_id),
    "admin API, client": lambda h, its: h.admin(what="client", subject=APP),
    "admin API, person before a moment": _by_admin_before,
}
EVERYTHING = {
    "command, everything": lambda h, its: h.command("--all"),
    "admin API, everything before a moment": lambda h, its: h.admin(what="all", before=time.time()),
}


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_every_way_of_revoking_is_felt_at_every_door_and_after_a_restart(database, tmp_path, monkeypatch):
    with contextlib.ExitStack() as stack:
        store = {}
        if database == "postgresql":
            monkeypatch.setenv("TOKENWARD_TEST_DATABASE", stack.enter_context(postgres_database()))
            store = {"store": "env:TOKENWARD_TEST_DATABASE"}
        demo = stack.enter_context(running_demo(tmp_path, free_ports=True, **store))
        house = House(demo, stack.enter_context(httpx.Client(trust_env=False, timeout=20)))
        stack.callback(house.close)
        dead = []
        with house.second_gateway():
            bystander = house.token()
            for way, revoke in WAYS.items():
                its = house.family()
                assert house.answers(its.access.secret.reveal()) == [True] * 3, way
                revoke(house, its)
                assert house.soon(its.access.secret.reveal(), expected=False) is True, way
                dead.append(its.access.secret.reveal())
                assert house.answers(bystander) == [True] * 3, f"{way}: no other token ends"
            removed = house.doomed_service()
            assert house.answers(removed) == [True] * 3
            house.admin(f"/clients/{DOOMED}", "DELETE")
            assert house.soon(removed, expected=False) is True, "a client is removed"
            for way, revoke in EVERYTHING.items():
                alive = house.token()
                assert house.answers(alive) == [True] * 3, way
                revoke(house, None)
                assert house.soon(alive, expected=False) is True, way
                dead.append(alive)
            assert house.answers(bystander) == [False] * 3
            fresh = house.token()
        with house.second_gateway():
            for token in (*dead, removed):
                assert house.answers(token) == [False] * 3
            assert house.answers(fresh) == [True] * 3
