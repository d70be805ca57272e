"""The net that is stretched under the logs of every process can catch something."""

from leaking import leaks
from tokenward.base.entropy import identifier
from tokenward.tokens import opaque


def test_a_log_that_holds_a_secret_is_noticed():
    token, code, password = opaque.new("at"), opaque.new("ac", prefix="acme"), identifier()
    for line in (
        f"refused {token.secret.reveal()}",
        f"code={code.secret.reveal()}&x=1",
        "bearer=eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl",
        f'password="{password}"',
    ):
        assert leaks(line.encode(), {password.encode()})


def test_names_of_tokens_and_masks_are_no_secrets():
    line = f"token_id={opaque.new('at').token_id} client_id=demo-service tkw_at_4UAGDdx7Kqh[…] ms=0.158"
    assert not leaks(line.encode(), {identifier().encode()})
