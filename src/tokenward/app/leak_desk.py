"""What a person does about an incident: look how far it reaches, end what leaked, close it."""

from tokenward.app.foundation import Foundation
from tokenward.base.problems import CONFLICT, NOT_FOUND, Refusal
from tokenward.store.leak_records import Ending, Incident, Leaked, Reach

BY_HAND = {
    "admin_token": "replace the file of the admin token, start the servers again, look through the clients",
}
"""What nobody but a person can do."""


async def known_incident(ground: Foundation, incident_id: str) -> Incident:
    """The incident.

    Raises:
        Refusal: NOT_FOUND.
    """
    incident = await ground.store.incident(incident_id)
    if incident is None:
        raise Refusal(NOT_FOUND, f"no incident {incident_id}")
    return incident


def foreseen(leaked: Leaked, reach: Reach) -> str:
    """What would end, in words."""
    if leaked.kind in BY_HAND:
        return f"nothing by itself: {BY_HAND[leaked.kind]}"
    if leaked.kind == "signing_key":
        return f"signing key {leaked.subject} and every token that it signed; another key signs from then on"
    counted = (
        (reach.access_tokens, "access tokens"),
        (reach.grants, "grants of persons"),
        (reach.sessions, "sign-ins"),
    )
    also = ", ".join(f"{count} {what}" for count, what in counted if count)
    return f"{leaked.kind.replace('_', ' ')} {leaked.subject}" + (f", with {also}" if also else "")


async def respond_to(ground: Foundation, incident: Incident) -> Incident:
    """End what leaked now, whatever the policy said when it was reported. A client gets no grace then.

    Raises:
        Refusal: CONFLICT, that was done before, or nobody but a person can do it; as `KeyDesk.remove`.
    """
    leaked, now = incident.leaked, ground.clock.time()
    if incident.responded_at is not None:
        raise Refusal(CONFLICT, f"incident {incident.incident_id} was responded to before")
    if leaked.kind in BY_HAND:
        raise Refusal(CONFLICT, f"nothing ends by itself: {BY_HAND[leaked.kind]}; then close the incident")
    if leaked.kind == "signing_key":
        await ground.key_desk.remove(leaked.subject, compromised=True)
        done = [f"removed signing key {leaked.subject} as compromised, with all that it signed"]
        await ground.store.mark_responded(incident.incident_id, done, at=now)
    else:
        await ground.store.respond_to_incident(incident.incident_id, Ending("revoke"), at=now)
    after = await known_incident(ground, incident.incident_id)
    if after.responded_at is None:
        raise Refusal(CONFLICT, "it was over already; close the incident")
    return after
