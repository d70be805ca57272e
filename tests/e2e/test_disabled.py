"""A person who is disabled at the command line is out within a second, wherever they were in."""

import re

import httpx
from typer.testing import CliRunner

from e2e.test_revocation import House
from tokenward.app.cli import application
from tokenward.app.demo import PERSON, running_demo


def users(demo, *words):
    result = CliRunner().invoke(application, ["users", *words, "--config", str(demo.configuration.path)])
    assert result.exit_code == 0, result.output


def signed_in(demo, http):
    """Whether this browser gets in with the password, or is in already."""
    issuer = demo.urls["issuer"]
    page = http.get(f"{issuer}/sign-in?again=1")
    field = re.search(r'name="form" value="([^"]+)"', page.text)[1]
    form = {"form": field, "username": PERSON, "password": demo.cast.password.reveal()}
    http.post(f"{issuer}/sign-in", data=form)
    return http.get(f"{issuer}/account").status_code == 200


def test_disabling_is_felt_at_the_issuer_and_at_every_gateway(tmp_path):
    with (
        running_demo(tmp_path, free_ports=True) as demo,
        httpx.Client(trust_env=False, timeout=20) as http,
        httpx.Client(trust_env=False, timeout=20) as browser,
    ):
        house = House(demo, http)
        try:
            with house.second_gateway():
                assert signed_in(demo, browser)
                its = house.family()
                assert house.answers(its.access.secret.reveal()) == [True] * 3
                users(demo, "disable", PERSON)
                assert browser.get(f"{demo.urls['issuer']}/account").status_code == 303
                refresh = {"grant_type": "refresh_token", "refresh_token": its.refresh.secret.reveal()}
                house.post("/token", 400, **refresh)
                assert house.soon(its.access.secret.reveal(), expected=False) is True
                assert not signed_in(demo, browser)

                users(demo, "enable", PERSON)
                assert house.answers(its.access.secret.reveal()) == [False] * 3
                house.post("/token", 400, **refresh)
                assert signed_in(demo, browser)
        finally:
            house.close()
