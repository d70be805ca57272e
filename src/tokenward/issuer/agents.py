"""What the client type `agent` is held to: a program that acts for a person who is not there, or on its own.

What steers an agent may be text that a stranger wrote, so everything that it holds is worth little to
others, ends soon, and shows that it was an agent. All of it is on for whoever is registered as `agent`, and
none of it can be turned off:

- it proves itself by a key of its own, or is a public client with PKCE; it never has a shared secret;
- its tokens are bound to a key, whatever its registration leaves out;
- an access token lives for `ACCESS_TOKEN_SECONDS`, what a person allowed for `GRANT_SECONDS` at most;
- refresh tokens rotate, and a person is asked each time and told what asks (as for every client that is not
  `web`, and not by a profile: `endpoints.authorize`, `fapi2`);
- it names what it wants a token for, and where;
- `act` of what it is given for a person names it, and no exchange rule lets it impersonate anybody.
"""

import json
from collections.abc import Mapping
from dataclasses import replace

from tokenward.base.problems import (
    INVALID_INPUT,
    INVALID_SCOPE,
    INVALID_TARGET,
    UNAUTHORIZED_CLIENT,
    Refusal,
)
from tokenward.issuer.settings import ExchangeRule, IssuerSettings
from tokenward.store.records import AuthMethod, Client

METHODS: frozenset[AuthMethod] = frozenset({"none", "private_key_jwt"})
"""How an agent may prove itself. A secret would be in the prompt, the log or the repository before long."""

ACCESS_TOKEN_SECONDS = 5 * 60
GRANT_SECONDS = 8 * 3600


def is_agent(client: Client) -> bool:
    """Whether it is held to what this module says."""
    return client.type == "agent"


def held_to_type(client: Client) -> Client:
    """The client to be registered, with what its type turns on.

    Raises:
        Refusal: INVALID_INPUT, a public agent has no redirect address: it could get no token.
    """
    if not is_agent(client):
        return client
    if client.auth_method == "none" and not client.redirect_uris:
        raise Refusal(
            INVALID_INPUT,
            "an agent without a key needs a redirect address; one that acts on its own needs private_key_jwt",
        )
    return replace(client, bound_tokens=client.bound_tokens or "dpop")


def access_token_lifetime(settings: IssuerSettings, client: Client) -> int:
    """Seconds that an access token of this client lives at most."""
    usual = settings.access_token_lifetime
    return min(usual, ACCESS_TOKEN_SECONDS) if is_agent(client) else usual


def grant_lifetime(client: Client, usual: int) -> int:
    """Seconds after which all ends that follows from a person's yes to this client."""
    return min(usual, GRANT_SECONDS) if is_agent(client) else usual


def check_names_its_wish(client: Client, parameters: Mapping[str, str]) -> None:
    """An agent gets no token for all that it may ever have, wherever that is.

    Raises:
        Refusal: INVALID_TARGET, neither `resource` nor `authorization_details` is there; INVALID_SCOPE, nor
            is `scope`.
    """
    if not is_agent(client) or "authorization_details" in parameters:
        return
    if "resource" not in parameters:
        raise Refusal(INVALID_TARGET, f"agent {client.client_id} names no resource and no details")
    if "scope" not in parameters:
        raise Refusal(INVALID_SCOPE, f"agent {client.client_id} names no scope and no details")


def acts(client: Client) -> str | None:
    """The `act` claim of a token that this client gets for a person (RFC 8693 §4.1); None for no agent."""
    return json.dumps({"sub": client.client_id}) if is_agent(client) else None


def check_shows_itself(client: Client, rule: ExchangeRule) -> None:
    """No exchange makes an agent look like the person whom it acts for (RFC 8693 §1.1).

    Raises:
        Refusal: UNAUTHORIZED_CLIENT.
    """
    if is_agent(client) and rule.actor == "none":
        raise Refusal(UNAUTHORIZED_CLIENT, f"agent {client.client_id} impersonates nobody: name an actor")
