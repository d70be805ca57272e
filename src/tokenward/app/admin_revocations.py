"""Revocation in the admin API."""

from typing import Annotated

from pydantic import Field, with_config
from typing_extensions import TypedDict

from tokenward.app.admin_input import Input
from tokenward.app.admin_operations import Operation
from tokenward.app.admin_values import Locator, Moment
from tokenward.app.foundation import Foundation
from tokenward.app.incident import Listed, revoke_listed
from tokenward.app.revocation import What, revoke
from tokenward.base.problems import INVALID_INPUT, NOT_FOUND, Refusal
from tokenward.tokens.presented import token_id_of


class RevocationOrder(Input):
    """What to revoke."""

    what: What
    subject: str = Field(
        default="",
        max_length=2_048,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="A token_id, grant_id, client_id, user name or key_id; nothing for `all`.",
    )
    before: Moment | None = Field(
        default=None, description="Of a client, a person or all: only what was issued until then."
    )


class TokenList(Input):
    """Access tokens to revoke, by their token_ids. Who has more sends several lists."""

    token_ids: list[Locator] = Field(min_length=1, max_length=1000)


@with_config(extra="forbid")
class TokensRevoked(TypedDict):
    """How many were revoked now, how many before, and how many nobody knows."""

    revoked: Annotated[int, Field(ge=0, le=1000)]
    revoked_before: Annotated[int, Field(ge=0, le=1000)]
    unknown: Annotated[int, Field(ge=0, le=1000)]


async def revoke_issued(ground: Foundation, order: RevocationOrder) -> None:
    """Revoke a token, a grant, or all that a client, a person or everybody was issued."""
    await revoke(ground.store, order.what, order.subject, before=order.before, at=ground.clock.time())


async def revoke_access_tokens(ground: Foundation, order: TokenList) -> TokensRevoked:
    """Revoke many access tokens, and tell how many of them there were."""
    named = [Listed("token", each) for each in order.token_ids]
    if any(token_id_of(each.subject) is None for each in named):
        raise Refusal(INVALID_INPUT, "token_ids: one of them is none; nothing was revoked")
    done = await revoke_listed(ground.store, ground.peppers, named, clock=ground.clock)
    return {"revoked": done.revoked, "revoked_before": done.revoked_before, "unknown": done.unknown}


OPERATIONS = (
    Operation("POST", "/revocations", revoke_issued, 204, refuses=(NOT_FOUND,)),
    Operation("POST", "/revocations/tokens", revoke_access_tokens),
)
