"""A bank on FastAPI, guarded operation by operation through a dependency that names the scopes.

Whose accounts they are follows from the token alone: a path or a body can only name one of the caller's own,
so there is no number of somebody else's account to guess (broken object level authorization). What leaves the
house follows from the token, too: a payment is made as its customer allowed it, to the cent, and once.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tokenward.app.samples.problems import as_problem, problem
from tokenward.backend import InsideVerifier
from tokenward.backend.fastapi import InsideClaims
from tokenward.base.asgi import App
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.entropy import locator
from tokenward.tokens.claims import VerifiedClaims

CUSTOMERS = 1000  # kept in memory; the one not seen for longest makes room
TRANSFERS = 1000  # the same, for each customer
LIMIT = Decimal("1000.00")  # what is more moves by an operation of its own, which asks for more

AccountId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Amount = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,8})\.[0-9]{2}$")]


class NewTransfer(BaseModel):
    """What the caller sends."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    source: AccountId = Field(alias="from")
    target: AccountId = Field(alias="to")
    amount: Amount
    currency: Literal["EUR"]


class Transfer(NewTransfer):
    """A transfer that has happened."""

    id: str


class Payment(BaseModel):
    """What the caller sends, and what its customer allowed (RFC 9396): the same members in both."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    amount: Amount
    currency: Literal["EUR"]
    payee: Annotated[str, Field(min_length=1, max_length=70)]
    iban: Annotated[str, Field(pattern=r"^[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}$")]
    reference: Annotated[str, Field(min_length=1, max_length=35)]

    def allowed_by(self, claims: VerifiedClaims) -> bool:
        """Whether an element of `authorization_details` says exactly this."""
        this = {"type": "payment", **self.model_dump()}
        return any(each == this for each in claims.get("authorization_details", ()))


class Account(BaseModel):
    """One account and what is in it."""

    id: AccountId
    balance: Amount
    currency: Literal["EUR"] = "EUR"


@dataclass(slots=True)
class Book:
    """What one customer has."""

    balances: dict[str, Decimal] = field(
        default_factory=lambda: {"current": Decimal("1250.00"), "savings": Decimal("8000.00")}
    )
    transfers: OrderedDict[str, Transfer] = field(default_factory=OrderedDict)
    paid: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def account(self, name: str) -> Account:
        """The account.

        Raises:
            HTTPException: 404, the customer has none of that name.
        """
        if name not in self.balances:
            raise HTTPException(404, "You have no such account.")
        return Account(id=name, balance=f"{self.balances[name]:.2f}")

    def move(self, order: NewTransfer) -> Transfer:
        """Move the money, or nothing at all.

        Raises:
            HTTPException: 404, no such account; 409, not enough in it; 422, nothing to move.
        """
        self.account(order.source)
        self.account(order.target)
        amount = Decimal(order.amount)
        if not amount or order.source == order.target:
            raise HTTPException(422, "A transfer moves more than nothing between two accounts.")
        if self.balances[order.source] < amount:
            raise HTTPException(409, "The account does not hold that much.")
        self.balances[order.source] -= amount
        self.balances[order.target] += amount
        transfer = Transfer(id=locator(int(SYSTEM_CLOCK.time() * 1000)), **order.model_dump(by_alias=True))
        self.transfers[transfer.id] = transfer
        if len(self.transfers) > TRANSFERS:
            self.transfers.popitem(last=False)
        return transfer

    def pay(self, order: Payment) -> Account:
        """Pay from the current account, each reference once: one yes of a customer is for one payment.

        Raises:
            HTTPException: 409, it was paid before, or there is not enough; 422, nothing to pay.
        """
        amount = Decimal(order.amount)
        if not amount:
            raise HTTPException(422, "A payment is of more than nothing.")
        if order.reference in self.paid:
            raise HTTPException(409, "A payment with this reference was made before.")
        if self.balances["current"] < amount:
            raise HTTPException(409, "The account does not hold that much.")
        self.paid[order.reference] = None
        if len(self.paid) > TRANSFERS:
            self.paid.popitem(last=False)
        self.balances["current"] -= amount
        return self.account("current")


class Bank:
    """The books of all customers, by the subject of their tokens."""

    def __init__(self) -> None:
        self._books: OrderedDict[str, Book] = OrderedDict()

    def book(self, subject: str) -> Book:
        """The customer's book, opened at the first visit."""
        book = self._books.setdefault(subject, Book())
        self._books.move_to_end(subject)
        if len(self._books) > CUSTOMERS:
            self._books.popitem(last=False)
        return book


def create_app(*, issuer: str, audience: str, jwks_url: str) -> App:
    """The API, which believes inside JWTs of `issuer` for `audience`, signed by the keys at `jwks_url`."""
    verifier = InsideVerifier(issuer=issuer, audience=audience, jwks_url=jwks_url)
    caller = InsideClaims(verifier)
    reader = InsideClaims(verifier, scopes=["accounts:read"])
    writer = InsideClaims(verifier, scopes=["transfers:write"])
    bank = Bank()
    # The document beside this file is the one that counts; FastAPI writes no second.
    app = FastAPI(openapi_url=None, exception_handlers={HTTPException: as_problem})

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, _error: RequestValidationError) -> Response:
        return problem(422, "The body does not fit its schema.")

    @app.get("/health")  # for whoever started the process; not documented, hence not to be had from outside
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/accounts")
    async def accounts(claims: Annotated[VerifiedClaims, Depends(reader)]) -> dict[str, list[Account]]:
        book = bank.book(claims.subject)
        return {"accounts": [book.account(name) for name in book.balances]}

    @app.get("/accounts/{name}")
    async def account(name: str, claims: Annotated[VerifiedClaims, Depends(reader)]) -> Account:
        return bank.book(claims.subject).account(name)

    @app.post("/transfers", status_code=201)
    async def transfer(
        order: NewTransfer, response: Response, claims: Annotated[VerifiedClaims, Depends(writer)]
    ) -> Transfer:
        return _moved(bank.book(claims.subject), order, response, most=LIMIT)

    @app.post("/large-transfers", status_code=201)
    async def large_transfer(
        order: NewTransfer, response: Response, claims: Annotated[VerifiedClaims, Depends(writer)]
    ) -> Transfer:
        return _moved(bank.book(claims.subject), order, response)

    _add_payments(app, bank, caller)

    @app.get("/transfers/{number}")
    async def one_transfer(number: str, claims: Annotated[VerifiedClaims, Depends(reader)]) -> Transfer:
        found = bank.book(claims.subject).transfers.get(number)
        if found is None:
            raise HTTPException(404, "You have made no such transfer.")
        return found

    @app.get("/internal/debug", dependencies=[Depends(caller)])
    async def debug() -> dict[str, str]:
        return {"note": "If you came here through the gateway, the gateway is broken."}

    return app


def _add_payments(app: FastAPI, bank: Bank, caller: InsideClaims) -> None:
    """No scope is asked for: what counts is said more exactly."""

    @app.post("/payments", status_code=201)
    async def payment(order: Payment, claims: Annotated[VerifiedClaims, Depends(caller)]) -> Account:
        if not order.allowed_by(claims):
            raise HTTPException(403, "That is not the payment that you allowed.")
        return bank.book(claims.subject).pay(order)


def _moved(book: Book, order: NewTransfer, response: Response, *, most: Decimal | None = None) -> Transfer:
    if most is not None and Decimal(order.amount) > most:
        raise HTTPException(422, f"More than {most} is a large transfer.")
    done = book.move(order)
    response.headers["Location"] = f"transfers/{done.id}"
    return done
