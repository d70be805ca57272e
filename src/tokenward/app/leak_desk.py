"""What a person does about an incident: look how far it reaches, end what leaked, close it."""

from dataclasses import dataclass

from tokenward.app.foundation import Foundation
from tokenward.app.leak_policy import response_policy
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


@dataclass(frozen=True, slots=True)
class Foresight:
    """What the policy in the configuration would do about an incident if it were reported now.

    Attributes:
        incident: as it is.
        ending: what the policy says.
        ends: what ends then, or when a person says so, in words; "" where that was ended before.
    """

    incident: Incident
    ending: Ending
    ends: str


async def foresee(ground: Foundation, *, limit: int) -> list[Foresight]:
    """That of every incident that is not closed, at most `limit` of each state, those first that are open."""
    policy = response_policy(ground.configuration.settings)
    found = []
    for state in ("open", "responded"):
        for incident in await ground.store.incidents(state=state, limit=limit):
            ends = ""
            if incident.responded_at is None:
                reach = await ground.store.leak_reach(incident.leaked, at=ground.clock.time())
                ends = foreseen(incident.leaked, reach)
            ending = policy.ending(incident.leaked, incident.reporter)
            found.append(Foresight(incident, ending, ends))
    return found


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
