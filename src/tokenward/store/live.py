"""Is this opaque token alive? The one place that answers, for introspection and for the gateway."""

from collections.abc import Sequence

from tokenward.store.port import Tokens
from tokenward.store.records import AccessToken
from tokenward.tokens import opaque


async def live_access_token(
    tokens: Tokens, peppers: Sequence[bytes], text: str, token_id: str, *, at: float
) -> AccessToken | None:
    """The access token that `text` is, if it is known, unexpired and unrevoked at that moment; else None.

    Args:
        tokens: where to look.
        peppers: the first writes, all read.
        text: the whole token, already parsed as well-formed.
        token_id: its locator.
        at: the moment, seconds since the epoch.

    Raises:
        StoreUnavailable: nobody can know.
    """
    state = await tokens.access_token(token_id)
    if state is None or not opaque.matches(peppers, text, state.token.keyed_hash):
        return None
    if state.revoked or state.token.expires_at <= at:
        return None
    return state.token
