"""A television that asks the issuer of a demonstration, as `tokenward.flows.device` tells it to."""

import re
import subprocess
import sys
import time

from tokenward.app.demo import CONFIGURATION
from tokenward.app.story import follow, submit
from tokenward.flows import device
from tokenward.flows.device import DeviceAuthorization, Polling
from tokenward.flows.token import FORM

SCOPES = ("openid", "accounts:read", "offline_access")


class Television:
    """A client of type `device`, registered by the command that operators use."""

    def __init__(self, demo, http):
        self.issuer, self.http = demo.urls["issuer"], http
        scopes = [word for scope in SCOPES for word in ("--scope", scope)]
        command = [sys.executable, "-m", "tokenward.app.cli", "clients", "add", "Living room TV"]
        command += ["--type", "device", *scopes, "--config", str(demo.directory / CONFIGURATION)]
        said = subprocess.run(command, check=True, capture_output=True, text=True)
        self.client_id = re.search(r"client_id +(\S+)", said.stdout)[1]

    def ask(self):
        """What it shows, and how it polls."""
        body = device.request(scope=SCOPES, client_id=self.client_id)
        answer = self._post("/device_authorization", body)
        told = DeviceAuthorization.parse(answer.status_code, answer.content)
        return told, Polling(told, client_id=self.client_id)

    def poll(self, polling):
        """Once, when the interval is over: tokens, or None."""
        time.sleep(polling.wait)
        answer = self._post("/token", polling.body)
        return polling.heard(answer.status_code, answer.content)

    def _post(self, path, body):
        return self.http.post(self.issuer + path, content=body, headers={"content-type": FORM})


def enter_code(demo, http, code):
    """What the person does on another device: signs in there, enters the code, and allows it."""
    story = demo.story(http)
    username, password = story.person
    page = follow(story, story.call("GET", f"{demo.urls['issuer']}/device?user_code={code}"))
    page = follow(story, submit(story, page, username=username, password=password.reveal()))
    page = submit(story, page, user_code=code)
    assert "Allow" in page.text
    assert submit(story, page, decision="allow").status_code == 200
