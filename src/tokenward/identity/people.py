"""Persons: the names that they may have, how they get in, and who the rest of the house gets to see."""

import unicodedata
from dataclasses import dataclass

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.entropy import identifier
from tokenward.base.problems import CONFLICT, INVALID_INPUT, NOT_FOUND, Refusal
from tokenward.base.secret import Secret
from tokenward.identity.passwords import Passwords
from tokenward.identity.proofs import authentication
from tokenward.store.people_port import People
from tokenward.store.people_records import Proof, User
from tokenward.store.port import AlreadyExists
from tokenward.tokens.acr import Authentication, Level

MAX_USERNAME = 64


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose browser session is live.

    Attributes:
        user_id: never changes and says nothing: the subject of what is issued.
        username: what they are called on pages.
        session_id: the session's locator; public.
        proofs: what they did to sign in, oldest first.
        version: of how they sign in, see `User.version`.
        upstream: the identity provider at which this session began, by its name here; "" where none did.
        scopes: all that they can allow others to do, where their groups at a provider say so; None: anything.
    """

    user_id: str
    username: str
    session_id: str
    proofs: tuple[Proof, ...]
    version: int
    upstream: str = ""
    scopes: frozenset[str] | None = None

    def authentication(self, *, level: Level | None = None, since: float = 0.0) -> Authentication | None:
        """What they did at or after `since`, if it reaches `level`; see `proofs.authentication`."""
        return authentication(self.proofs, level=level, since=since)


async def add_user(
    people: People,
    username: str,
    password: Secret | None,
    *,
    passwords: Passwords,
    issuer: str = "",
    clock: Clock = SYSTEM_CLOCK,
) -> User:
    """Add a person who can sign in: by a password, or once they have opened a link.

    Args:
        people: where.
        username: what they sign in with.
        password: None for none.
        passwords: how it is hashed.
        issuer: what the issuer is called, which no password may be.
        clock: since when.

    Raises:
        Refusal: INVALID_INPUT, the name or the password breaks a rule; CONFLICT, the name is taken.
        StoreUnavailable: nothing was added.
    """
    if why := why_no_username(username):
        raise Refusal(INVALID_INPUT, why)
    password_hash = ""
    if password is not None:
        password_hash = await passwords.hash(password, username=username, issuer=issuer)
    user = User(user_id=identifier(), username=username, password_hash=password_hash, created_at=clock.time())
    try:
        await people.add_user(user)
    except AlreadyExists:
        raise Refusal(CONFLICT, "the user name is taken") from None
    return user


async def set_password(
    people: People,
    username: str,
    password: Secret,
    *,
    passwords: Passwords,
    issuer: str = "",
    clock: Clock = SYSTEM_CLOCK,
) -> None:
    """Give a person another password and end their sessions: whoever knew the old one is out.

    Raises:
        Refusal: INVALID_INPUT, the password breaks a rule; NOT_FOUND, nobody has this name.
        StoreUnavailable: nothing was changed.
    """
    password_hash = await passwords.hash(password, username=username, issuer=issuer)
    user = await people.user_by_name(username)
    if user is None or not await people.change_password(user.user_id, password_hash, at=clock.time()):
        raise Refusal(NOT_FOUND, "no person has this user name")


def why_no_username(username: str) -> str:
    """What is wrong with a user name, in words for whoever chose it; "" where it may be used."""
    if not 1 <= len(username) <= MAX_USERNAME:
        return f"a user name needs 1 to {MAX_USERNAME} characters"
    if any(_unfit(character) for character in username):
        return "a user name must not have control, invisible or unassigned characters"
    if username != username.strip():
        return "a user name must not begin or end with a space"
    if username != unicodedata.normalize("NFKC", username):
        return "the user name has look-alike characters (it is not in Unicode's form NFKC)"
    return ""


def typed_username(text: str) -> str:
    """What somebody typed, brought to the form that names are kept in.

    Keyboards add a space after a completed word and send full-width letters; neither is a different person.
    """
    return unicodedata.normalize("NFKC", text).strip()


def _unfit(character: str) -> bool:
    # All of C (control, format, surrogate, private, unassigned), and of the separators all but the space.
    category = unicodedata.category(character)
    return category[0] == "C" or (category[0] == "Z" and character != " ")
