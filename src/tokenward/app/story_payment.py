"""The part of the story in which a person allows one payment, and nothing else (RFC 9396)."""

from tokenward.app.story import Story, Unexpected, expect, follow, submit
from tokenward.flows import token as token_flow
from tokenward.flows.authorization import AuthorizationRequest, read_callback
from tokenward.flows.token import TokenResponse

PAYMENT = {
    "amount": "120.00",
    "currency": "EUR",
    "payee": "Bücherei am Markt",
    "iban": "DE89370400440532013000",
    "reference": "Order 4711",
}


def allow_one_payment(story: Story) -> None:
    """The application asks for one payment; the page tells amount and payee, and the person allows that."""
    client_id, redirect_uri = story.app
    asked = {"type": "payment", **PAYMENT}
    request = AuthorizationRequest.begin(
        f"{story.issuer}/authorize",
        client_id=client_id,
        redirect_uri=redirect_uri,
        dpop_jkt=story.prover.thumbprint,
        authorization_details=[asked],
    )
    page = follow(story, story.call("GET", request.url))
    if any(PAYMENT[name] not in page.text for name in ("amount", "payee", "iban")):
        raise Unexpected("expected a page that tells amount, payee and account")
    code = read_callback(
        expect(submit(story, page, decision="allow"), 303).headers["location"], request, story.issuer
    )
    form = token_flow.authorization_code(code, request, public=True)
    answer = expect(story.bound_token(form), 200)
    response = TokenResponse.parse(answer.status_code, answer.content, token_type="DPoP")  # noqa: S106 - a type
    if response.authorization_details != (asked,):
        raise Unexpected("expected the payment as it was asked for")
    story.payment_token = response.access_token


def pay_what_was_allowed(story: Story) -> None:
    """The bank compares: another amount is refused, the payment that was allowed is made, and made once."""
    url, token = f"{story.gateway}/bank/payments", story.payment_token
    expect(story.bound_call("POST", url, token, json={**PAYMENT, "amount": "1200.00"}), 403)
    expect(story.bound_call("POST", url, token, json=PAYMENT), 201)
    expect(story.bound_call("POST", url, token, json=PAYMENT), 409)


def payment_without_details(story: Story) -> None:
    """A token with every scope of the bank, though bound, makes no payment: nobody allowed one by it."""
    if story.person_tokens is None:
        raise Unexpected("expected that the sign-in has given tokens")
    answer = story.bound_call(
        "POST", f"{story.gateway}/bank/payments", story.person_tokens.access_token, json=PAYMENT
    )
    expect(answer, 403, "insufficient_authorization_details", "payment")
