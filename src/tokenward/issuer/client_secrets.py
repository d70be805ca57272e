"""The life of client secrets: made with an end, shown once, rotated before it, and looked at meanwhile."""

from tokenward.base.problems import CONFLICT, INVALID_INPUT, NOT_FOUND, Refusal
from tokenward.base.secret import Secret
from tokenward.issuer.client_desk import ATTEMPTS, SETTLED_SECONDS, ClientDesk, known_client, settle
from tokenward.store.port import AlreadyExists
from tokenward.store.records import ClientSecret
from tokenward.tokens import opaque

MAX_OVERLAP = 30 * 86_400  # seconds for which two secrets may be good
SOON = 14 * 86_400  # seconds before its end in which a secret should be rotated
UNUSED = 90 * 86_400  # seconds after which a secret that nobody uses is one too many


async def rotate_secret(
    desk: ClientDesk, client_id: str, *, overlap: float = 0.0, compromised: bool = False
) -> Secret:
    """A new secret; the old ones end after `overlap` seconds.

    Args:
        desk: the parts.
        client_id: which client.
        overlap: seconds for which the old secrets are good beside it, at most `MAX_OVERLAP`.
        compromised: whether an old one is in strange hands: then all that the client was issued is void.

    Raises:
        Refusal: NOT_FOUND; INVALID_INPUT, the client has no secret, the overlap is negative or too long, or
            there is one for a secret in strange hands.
    """
    client = await known_client(desk, client_id)
    if client.auth_method != "client_secret":
        raise Refusal(
            INVALID_INPUT, f"client {client_id} is for {client.auth_method}: it can never have a secret"
        )
    if not 0 <= overlap <= MAX_OVERLAP:
        raise Refusal(INVALID_INPUT, f"the old secret must end within {MAX_OVERLAP // 86_400} days from now")
    if overlap and compromised:
        raise Refusal(INVALID_INPUT, "a secret that is compromised ends now, without an overlap")
    for _ in range(ATTEMPTS):
        secret, record = new_secret(desk, client_id)
        try:
            known = await desk.store.rotate_client_secret(
                record,
                old_expire_at=record.created_at + overlap,
                void_until=record.created_at + SETTLED_SECONDS if compromised else None,
            )
        except AlreadyExists:
            continue
        if not known:
            raise Refusal(NOT_FOUND, f"no client {client_id}")
        await settle(compromised=compromised)
        return secret
    raise Refusal(CONFLICT, "fresh locators keep being taken")


def new_secret(desk: ClientDesk, client_id: str) -> tuple[Secret, ClientSecret]:
    """A secret, and what is kept of it. It ends by the policy: nobody has to remember to end it."""
    token = opaque.new("cs", prefix=desk.settings.token_prefix, clock=desk.clock)
    now = desk.clock.time()
    return token.secret, ClientSecret(
        secret_id=token.token_id,
        client_id=client_id,
        keyed_hash=opaque.keyed_hash(desk.peppers[0], token.secret.reveal()),
        created_at=now,
        expires_at=now + desk.settings.secret_longest,
    )


def is_over(secret: ClientSecret, *, at: float) -> bool:
    """Whether the secret has ended."""
    return secret.expires_at is not None and secret.expires_at <= at


def concerns(secret: ClientSecret, *, at: float, longest: float) -> tuple[str, ...]:
    """What its owner should look after, in words; nothing where it is over anyway."""
    if is_over(secret, at=at):
        return ()
    found = []
    if at - secret.created_at > longest:
        found.append("too old")
    elif secret.expires_at is not None and secret.expires_at - at <= SOON:
        found.append("ends soon")
    if at - (secret.last_used_at or secret.created_at) > UNUSED:
        found.append("unused for long")
    return tuple(found)
