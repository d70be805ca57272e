"""What is kept of ends of sessions that relying parties are still to be told of."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogoutNotice:
    """That a session has ended which a client knows by this `sid`; `attempts` counts this one, too."""

    notice_id: str
    client_id: str
    user_id: str
    sid: str
    attempts: int
