"""RFC 8693: an access token becomes another one, which allows less, lives no longer and is no stronger.

Who may exchange what for what is configured (`ExchangeRule`); without a rule nobody exchanges anything but an
API key. What is issued ends with everything that it was exchanged for: with its tokens, their grants, clients
and persons. A refresh token or an ID token is never exchanged: the one is for its client alone, the other is
no permission to call anything.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import get_args

from tokenward.base.asgi import Scope
from tokenward.base.problems import (
    INVALID_SCOPE,
    INVALID_TARGET,
    MALFORMED,
    UNACCEPTABLE_TOKEN,
    UNAUTHORIZED_CLIENT,
    Refusal,
)
from tokenward.base.secret import Secret
from tokenward.issuer.agents import access_token_lifetime, check_shows_itself
from tokenward.issuer.authorization_details import narrowed
from tokenward.issuer.client_auth.authenticate import authenticate
from tokenward.issuer.client_auth.method import CONFIDENTIAL, AuthenticatedClient, Form
from tokenward.issuer.context import Issuer
from tokenward.issuer.grants.api_key_exchange import API_KEY_TYPE, key_access_token, key_holder
from tokenward.issuer.grants.grant import GrantType
from tokenward.issuer.issue import TokenResponse, in_its_form, new_token
from tokenward.issuer.presented import presented_access_token
from tokenward.issuer.scopes import parse_scope
from tokenward.issuer.settings import INTROSPECT, ExchangeRule
from tokenward.issuer.token_type import token_type
from tokenward.store.locators import with_fresh_locators
from tokenward.store.records import AccessToken, Client, Credential
from tokenward.tokens.presented import is_jwt
from tokenward.tokens.release import MAY_ACT

ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - RFC 8693 §3
JWT_TYPE = "urn:ietf:params:oauth:token-type:jwt"

MAX_ANCESTORS = 5
"""How many tokens may stand behind an exchanged one. Each lookup of it looks at all of them."""

_Make = Callable[[], tuple[Secret, AccessToken]]
_WEAKEST_FIRST: tuple[Credential, ...] = get_args(Credential)


async def exchanger(issuer: Issuer, scope: Scope, form: Form) -> AuthenticatedClient:
    """Who exchanges: a client, or whoever holds the API key.

    Raises:
        Refusal: as `authenticate` and `key_holder`.
    """
    is_key = form.get("subject_token_type") == API_KEY_TYPE
    return await (key_holder if is_key else authenticate)(issuer, scope, form)


async def redeem(issuer: Issuer, caller: AuthenticatedClient, parameters: Mapping[str, str]) -> TokenResponse:
    """An access token for the subject token."""
    if parameters.get("requested_token_type", ACCESS_TOKEN_TYPE) != ACCESS_TOKEN_TYPE:
        raise Refusal(MALFORMED, "only access tokens are given in exchange")
    if caller.api_key is not None:
        make: _Make = partial(key_access_token, issuer, caller, caller.api_key, parameters)
    else:
        make = await _by_rule(issuer, caller, parameters)

    async def attempt() -> TokenResponse:
        text, record = make()
        # Should an ancestor be revoked meanwhile, this one is dead where it lies: every look shows that.
        await issuer.store.add_access_token(record)
        return TokenResponse(
            text.reveal(),
            token_type(record.cnf),
            record.expires_at,
            record.scope,
            issued_token_type=ACCESS_TOKEN_TYPE,
            authorization_details=record.authorization_details,
        )

    return await with_fresh_locators(attempt)


async def _by_rule(issuer: Issuer, caller: AuthenticatedClient, parameters: Mapping[str, str]) -> _Make:
    """Makes tokens for the subject token, by the rule that allows it."""
    client = caller.client
    if not any(rule.client_id == client.client_id for rule in issuer.settings.exchange):
        raise Refusal(UNAUTHORIZED_CLIENT, f"no exchange rule names client {client.client_id}")
    subject = await _shown(issuer, caller, parameters["subject_token"], parameters["subject_token_type"])
    rule = _rule(issuer, client, subject, parameters)
    check_shows_itself(client, rule)
    _check_proved(subject, rule, caller)
    actor = await _actor(issuer, rule, caller, parameters)
    await _check_may_act(issuer, subject, _party(client, actor))
    chain = (subject, actor) if actor else (subject,)
    # Whose it is and which grant it ends with are the subject token's.
    heir = replace(
        subject,
        client_id=client.client_id,
        subject_client=_subject_client(subject, client),
        scope=await _narrowed(issuer, subject, rule, parameters),
        audience=rule.audience,
        credential=_weakest((caller.credential, *(each.credential for each in chain))),
        expires_at=min(each.expires_at for each in chain),
        cnf=caller.binding,
        act=_act(subject, rule, client, actor),
        ancestors=_ancestors(subject, actor),
        authorization_details=_details(subject, rule, parameters),
    )

    def make() -> tuple[Secret, AccessToken]:
        token, keyed_hash = new_token(issuer, "at")
        now = issuer.clock.time()
        ends = min(now + access_token_lifetime(issuer.settings, client), heir.expires_at)
        record = replace(heir, token_id=token.token_id, keyed_hash=keyed_hash, issued_at=now, expires_at=ends)
        return in_its_form(issuer, client, token.secret, record)

    return make


async def _shown(issuer: Issuer, caller: AuthenticatedClient, text: str, token_type: str) -> AccessToken:
    """The live access token that is shown. Why another one is refused is for the log alone (§2.2.2)."""
    if token_type != ACCESS_TOKEN_TYPE and not (token_type == JWT_TYPE and is_jwt(text)):
        raise Refusal(UNACCEPTABLE_TOKEN, "a type of token that is not exchanged, or not the one shown")
    token = await presented_access_token(issuer, text)
    if token is None:
        raise Refusal(UNACCEPTABLE_TOKEN, "unknown, expired, revoked or no access token of ours")
    issuer.usage.note("access_token", token.token_id, "issuer", caller.peer)
    return token


def _rule(
    issuer: Issuer, client: Client, subject: AccessToken, parameters: Mapping[str, str]
) -> ExchangeRule:
    """The rule that allows it: one audience, by whichever of its two names (§2.1, RFC 8707 §2)."""
    targets = {parameters[name] for name in ("resource", "audience") if name in parameters}
    rules = {
        rule.audience: rule
        for rule in issuer.settings.exchange
        if (rule.client_id, rule.subject_audience) == (client.client_id, subject.audience)
    }
    if not rules:  # this client must not learn that the token is good
        raise Refusal(
            UNACCEPTABLE_TOKEN,
            f"client {client.client_id} may not exchange {subject.token_id}, which is for {subject.audience}",
        )
    if len(targets) > 1:
        raise Refusal(INVALID_TARGET, "audience and resource differ, and a token is for one")
    target = targets.pop() if targets else subject.audience
    if target not in rules:
        raise Refusal(
            INVALID_TARGET, f"client {client.client_id} may not exchange {subject.token_id} for that"
        )
    return rules[target]


def _check_proved(token: AccessToken, rule: ExchangeRule, caller: AuthenticatedClient) -> None:
    """A bound token proves nothing in the hands of somebody who does not prove its key (RFC 9449 §7.1).

    The API to which its caller proved the key may be trusted to have checked it, and only by a rule.
    """
    if token.cnf is None or token.cnf == caller.binding:
        return
    is_its_api = f"{INTROSPECT}{token.audience}" in caller.client.scopes
    if not (rule.bound_subjects and is_its_api):
        raise Refusal(UNACCEPTABLE_TOKEN, f"{token.token_id} is bound to a key that {rule.client_id} lacks")


async def _actor(
    issuer: Issuer, rule: ExchangeRule, caller: AuthenticatedClient, parameters: Mapping[str, str]
) -> AccessToken | None:
    """The actor token, where the rule is for one, and only there (§2.1).

    It was shown to the same API as the subject token, and the client that it stands for acts itself: whom
    a person or another actor's token stands for is known by another name at each audience.
    """
    names = ("actor_token", "actor_token_type")
    if rule.actor != "token":
        if any(name in parameters for name in names):
            raise Refusal(UNACCEPTABLE_TOKEN, f"the rule of {rule.client_id} is for no actor token")
        return None
    if not all(name in parameters for name in names):
        raise Refusal(UNACCEPTABLE_TOKEN, f"the rule of {rule.client_id} is for an actor token")
    actor = await _shown(issuer, caller, parameters["actor_token"], parameters["actor_token_type"])
    if actor.audience != rule.subject_audience or actor.user_id is not None or actor.act is not None:
        raise Refusal(UNACCEPTABLE_TOKEN, f"{actor.token_id} is for another audience, or of no client itself")
    _check_proved(actor, rule, caller)
    return actor


def _party(client: Client, actor: AccessToken | None) -> str:
    """Who asks to act."""
    return client.client_id if actor is None else actor.subject_client or actor.client_id


async def _check_may_act(issuer: Issuer, subject: AccessToken, party: str) -> None:
    """§4.4: where it is said of a person who may act for them, nobody else may, whatever the rules say."""
    if subject.user_id is None:
        return
    may_act = (await issuer.store.user_claims(subject.user_id)).get(MAY_ACT)
    if may_act is not None and may_act != {"sub": party}:  # a further member would be a further condition
        raise Refusal(UNACCEPTABLE_TOKEN, f"{party} may not act for the person of {subject.token_id}")


def _ancestors(subject: AccessToken, actor: AccessToken | None) -> tuple[str, ...]:
    """All that the new token ends with."""
    behind = [subject.token_id, *subject.ancestors]
    if actor is not None:
        behind += [actor.token_id, *actor.ancestors]
    if len(behind) > MAX_ANCESTORS:
        raise Refusal(UNACCEPTABLE_TOKEN, f"{subject.token_id} was exchanged too often already")
    return tuple(dict.fromkeys(behind))


def _act(subject: AccessToken, rule: ExchangeRule, client: Client, actor: AccessToken | None) -> str | None:
    """§4.1: who acts, and within it who acted before. An impersonation adds nobody, and hides nobody."""
    if rule.actor == "none":
        return subject.act
    claim: dict[str, object] = {"sub": _party(client, actor)}
    if subject.act is not None:
        claim["act"] = json.loads(subject.act)
    return json.dumps(claim)


async def _narrowed(
    issuer: Issuer, subject: AccessToken, rule: ExchangeRule, parameters: Mapping[str, str]
) -> tuple[str, ...]:
    """The scopes: those of the rule, or fewer; for an audience that the chain was at, none that it lacked.

    So a token that goes to another API and comes back allows no more than it did before.
    """
    allowed = list(rule.scopes)
    states = [await issuer.store.access_token(each) for each in subject.ancestors]
    for token in (subject, *(state.token for state in states if state)):
        if token.audience == rule.audience:
            allowed = [scope for scope in allowed if scope in token.scope]
    scope = parse_scope(parameters["scope"]) if "scope" in parameters else tuple(allowed)
    if not scope or not set(scope) <= set(allowed):
        raise Refusal(INVALID_SCOPE, f"more than may be given for {subject.token_id}")
    return scope


def _details(subject: AccessToken, rule: ExchangeRule, parameters: Mapping[str, str]) -> str | None:
    """Those of the subject token, or fewer, where the API stays: they mean nothing at another one."""
    return narrowed(subject.authorization_details if rule.audience == subject.audience else None, parameters)


def _subject_client(subject: AccessToken, client: Client) -> str | None:
    """The client that the new token stands for, where neither its person nor its own client says so."""
    if subject.user_id is not None:
        return None
    stands_for = subject.subject_client or subject.client_id
    return stands_for if stands_for != client.client_id else None


def _weakest(chain: Iterable[Credential]) -> Credential:
    """An exchange raises no tier."""
    return min(chain, key=_WEAKEST_FIRST.index)


GRANT = GrantType(
    "urn:ietf:params:oauth:grant-type:token-exchange",
    client_types=CONFIDENTIAL | {"agent"},
    required=("subject_token", "subject_token_type"),
    optional=(
        "resource",
        "audience",
        "scope",
        "authorization_details",
        "requested_token_type",
        "actor_token",
        "actor_token_type",
    ),
    redeem=redeem,
    proven=True,
    authenticate=exchanger,
)
