"""From what a person says yes to, to the grant that says so."""

from tokenward.base.entropy import identifier
from tokenward.issuer.agents import access_token_lifetime, grant_lifetime
from tokenward.issuer.context import Issuer
from tokenward.issuer.ports import SignedIn
from tokenward.issuer.scopes import Access
from tokenward.issuer.settings import OFFLINE_ACCESS
from tokenward.store.records import Client, Grant
from tokenward.tokens.acr import Authentication
from tokenward.tokens.authorization_details.parameter import written


def new_grant(
    issuer: Issuer,
    client: Client,
    access: Access,
    person: SignedIn,
    done: Authentication,
    *,
    starts_within: int,
    claims: str | None = None,
) -> Grant:
    """A grant of this person, which tells truly how they signed in.

    Args:
        issuer: the parts.
        client: who gets it.
        access: what it allows.
        person: who allows it.
        done: what they did to sign in.
        starts_within: seconds within which the client fetches what it is good for.
        claims: what else may be told to the client, as `ClaimsRequest.written` has it.
    """
    settings, now = issuer.settings, issuer.clock.time()
    lifetime = (
        settings.refresh_absolute
        if OFFLINE_ACCESS in access.scope
        else starts_within + access_token_lifetime(settings, client)
    )
    return Grant(
        grant_id=identifier(),
        client_id=client.client_id,
        user_id=person.user_id,
        scope=access.scope,
        audience=access.audience,
        amr=done.amr,
        auth_time=done.auth_time,
        created_at=now,
        expires_at=now + grant_lifetime(client, lifetime),
        authorization_details=written(access.details),
        claims=claims,
    )
