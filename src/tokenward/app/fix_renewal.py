"""What the issuer of this machine does about a credential of its own that leaked."""

from collections.abc import Mapping

from tokenward.app.foundation import Foundation
from tokenward.app.revocation import What, revoke
from tokenward.base.problems import CONFLICT, Refusal
from tokenward.base.secret import Secret
from tokenward.issuer.api_keys import rotate_key
from tokenward.issuer.client_secrets import rotate_secret
from tokenward.leaks.response.recognising import Recogniser, named
from tokenward.store.leak_records import Leaked

_QUESTIONS = {
    "client_secret": "Client {client_id} is registered here: give it a new secret, and end all that "
    "it was issued?",
    "api_key": "API key {subject} was given out here: end it at once, and give a new one on its terms?",
    "access_token": "Access token {subject} was issued here: end it?",
    "refresh_token": "Refresh token {subject} was issued here: end it, and the sign-in that it belongs to?",
}
_REVOKED: Mapping[str, What] = {"api_key": "api_key", "access_token": "token", "refresh_token": "refresh"}


async def recognised(ground: Foundation, text: str) -> Leaked | None:
    """What that is, if it was issued here and is alive."""
    wanted = named(text, prefix=ground.issuer_settings.token_prefix)
    found = await Recogniser(ground.store, ground.peppers).recognise(wanted, at=ground.clock.time())
    return found.leaked if found is not None and found.live and found.leaked.kind in _QUESTIONS else None


def question(leaked: Leaked) -> str:
    """Whether to end it, in words."""
    return _QUESTIONS[leaked.kind].format(client_id=leaked.client_id, subject=leaked.subject)


async def renew(ground: Foundation, leaked: Leaked) -> Secret | None:
    """End it; what takes its place, which only its home may hear of.

    An API key that was rotated before has what takes its place; what is left of its overlap ends.

    Raises:
        Refusal: it was ended meanwhile.
    """
    if leaked.kind == "client_secret":
        return await rotate_secret(ground.client_desk, str(leaked.client_id), compromised=True)
    if leaked.kind == "api_key":
        try:
            return (await rotate_key(ground.api_key_desk, leaked.subject))[1]
        except Refusal as refusal:
            if refusal.problem is not CONFLICT:
                raise
    await revoke(ground.store, _REVOKED[leaked.kind], leaked.subject, before=None, at=ground.clock.time())
    return None
