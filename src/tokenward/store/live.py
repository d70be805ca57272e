"""Is this credential alive? The one place that answers, for introspection, exchange and the gateway."""

from collections.abc import Sequence

from tokenward.store.port import ApiKeys, Tokens
from tokenward.store.records import AccessToken, ApiKey, ApiKeyState
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


async def live_api_key(
    keys: ApiKeys, peppers: Sequence[bytes], text: str, *, at: float, prefix: str = "tkw"
) -> ApiKey | None:
    """The API key that `text` is, if it is known, unexpired and unrevoked at that moment; else None.

    From which addresses and with which origins it may be used is the caller's to check.

    Args:
        keys: where to look.
        peppers: the first writes, all read.
        text: the whole key, as presented: of ours, or one that was imported.
        at: the moment, seconds since the epoch.
        prefix: how our opaque tokens begin.

    Raises:
        StoreUnavailable: nobody can know.
    """
    state = await known_api_key(keys, peppers, text, prefix=prefix)
    if state is None or state.revoked or state.key.expires_at <= at:
        return None
    return state.key


async def known_api_key(
    keys: ApiKeys, peppers: Sequence[bytes], text: str, *, prefix: str = "tkw"
) -> ApiKeyState | None:
    """The API key that `text` is, dead or alive; None if there is none.

    What begins as our tokens do is looked up by its locator, if it is a whole key. Anything else may be a key
    that was imported; it has no locator, and is looked up by its keyed hash under every pepper.

    Raises:
        StoreUnavailable: nobody can know.
    """
    if not text.startswith(f"{prefix}_"):
        for pepper in peppers:
            state = await keys.imported_api_key(opaque.keyed_hash(pepper, text))
            if state is not None:
                return state
        return None
    parsed = opaque.parse(text, kind="ak", prefix=prefix)
    state = await keys.api_key(parsed.token_id) if parsed else None
    if state is None or state.key.imported or not opaque.matches(peppers, text, state.key.keyed_hash):
        return None
    return state
