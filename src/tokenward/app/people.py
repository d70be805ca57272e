"""What the configuration says of people, as the identity room takes it."""

from tokenward.app.config import Configuration
from tokenward.app.people_files import read_logo
from tokenward.app.settings import Settings
from tokenward.identity.breached import BreachedPasswords
from tokenward.identity.colours import colour
from tokenward.identity.passwords import Passwords
from tokenward.identity.sessions import SessionLimits
from tokenward.identity.static_files import Branding, branding


def passwords_of(configuration: Configuration) -> Passwords:
    """What hashes passwords, and knows those that leaked, from a file that stays open.

    Raises:
        ValueError: the file of leaked passwords has become unusable since the configuration was read.
    """
    name = configuration.settings.people.breached_passwords
    return Passwords(breached=BreachedPasswords(configuration.base_dir / name) if name is not None else None)


def session_limits(settings: Settings) -> SessionLimits:
    """How long people stay signed in."""
    return SessionLimits(idle=settings.people.sessions.idle, absolute=settings.people.sessions.absolute)


def branding_of(configuration: Configuration) -> Branding:
    """How pages look, with the logo as it was when the configuration was read."""
    people = configuration.settings.people
    accent = people.branding.colour
    return branding(
        logo=read_logo(people, configuration.base_dir, configuration.files),
        accent=colour(accent) if accent else None,
    )
