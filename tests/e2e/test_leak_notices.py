"""A leak is reported at a running issuer, and whom it concerns is told: by webhook and by mail."""

import hashlib
import hmac
import json
from http.server import BaseHTTPRequestHandler

import httpx

from base.test_mail import box, post_office  # noqa: F401 - fixtures
from e2e.bank import bank, until
from serving import serving
from tokenward.leaks.response.telling import FIRST_AGAIN, ROUND_SECONDS

SHARED = "a-secret-of-forty-characters-for-webhooks"

CONFIGURATION = """
apis:
  bank:
    openapi: bank.json
    upstream: http://127.0.0.1:9
    risk: low
mail: {{host: 127.0.0.1, port: {port}, sender: tokenward@example.com}}
leaks:
  notices:
    webhook: file:hook
    webhook_secret: file:hook.secret
    webhook_networks: [127.0.0.0/8]
    mail_to: [security@example.com]
"""


class Hook:
    """Takes notices, after it was out of order for the first one."""

    def __init__(self):
        self.refused = 0
        self.notices = []

    def handler(self):
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                if not hook.refused:
                    hook.refused += 1
                    self.send_response(503)
                else:
                    hook.notices.append((dict(self.headers), body))
                    self.send_response(204)
                self.end_headers()

        return Handler


def test_owner_and_operators_are_told_once_each_also_after_a_failure(command, box, post_office, tmp_path):  # noqa: F811
    hook = Hook()
    with serving(hook.handler()) as origin:
        for name, text in (("hook", f"{origin}/hook"), ("hook.secret", SHARED)):
            (tmp_path / name).touch(mode=0o600)
            (tmp_path / name).write_text(text)
        with bank(tmp_path, command, CONFIGURATION.format(port=post_office())) as (issuer, _gateway, _admin):
            added = command("keys", "add", "Widget", "--api", "bank", "--owner", "ann@example.com")
            key = next(word for word in added.split() if word.startswith("tkw_ak_"))
            key_id = key.split("_")[2][:11]
            for _ in range(2):
                answer = httpx.post(f"{issuer}/leaks", json={"secrets": [key]}, trust_env=False)
                assert answer.status_code == 202
            assert until(lambda: hook.refused and len(box.mails) == 2)
            assert until(lambda: hook.notices, FIRST_AGAIN + 10)
            headers, body = hook.notices[0]
            notice = json.loads(body)
            # Idempotent: whoever reports it once more disturbs nobody.
            httpx.post(f"{issuer}/leaks", json={"secrets": [key]}, trust_env=False)
            assert not until(lambda: len(hook.notices) > 1 or len(box.mails) > 2, 2 * ROUND_SECONDS)

    signed = headers["Tokenward-Timestamp"].encode() + b"." + body
    expected = hmac.new(SHARED.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["Tokenward-Signature"] == f"v1={expected}"
    assert (notice["kind"], notice["token_id"], notice["owner"]) == ("api_key", key_id, "ann@example.com")
    assert "refused" in notice["what_broke"]
    assert "another key" in notice["what_to_do"]
    assert hook.refused == 1
    assert sorted(to for _, (to,), _ in box.mails) == ["ann@example.com", "security@example.com"]
    for _, _, mail in box.mails:
        text = mail.get_payload(decode=True).decode()
        assert "Calls with the key" in text
        assert f"tokenward leaks show {notice['incident']}" in text
        assert key[18:] not in text
    assert key[18:].encode() not in body
