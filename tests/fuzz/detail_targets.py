"""What reads `authorization_details`: the parameter, against types, into words."""

from collections.abc import Callable, Iterator

from fuzz.target import Target, compact, expanded, text
from tokenward.tokens.authorization_details.parameter import read_parameter, read_written, written
from tokenward.tokens.authorization_details.types import DetailType

API = "https://bank.example"
_TEXT = {"type": "string", "maxLength": 70}
TYPES = {
    each.name: each
    for each in (
        DetailType(
            "payment",
            API,
            "Send {amount} to {payee}",
            {
                "amount": {"type": "string", "pattern": r"[0-9]{1,9}\.[0-9]{2}", "maxLength": 12},
                "payee": _TEXT,
                "reference": {**_TEXT, "title": "Reference"},
            },
            frozenset({"reference"}),
        ),
        DetailType(
            "reading",
            API,
            "Read {what} of {account.iban}, {days} days back",
            {
                "what": {"type": "array", "items": {"enum": ["balances", "transactions"]}, "maxItems": 5},
                "account": {"type": "object", "properties": {"iban": _TEXT}},
                "days": {"type": "integer", "minimum": 0, "maximum": 90},
            },
        ),
    )
}


def _details(data: bytes) -> Callable[[], str]:
    parameter = text(expanded(data))

    def call() -> str:
        try:
            details = read_parameter(parameter)
        except ValueError:
            return "ValueError"
        assert read_written(written(details)) == details, "it is kept as something else"
        outcome = "accepted"
        for detail in details:
            kind = TYPES.get(detail["type"])
            if kind is None or kind.why_not(detail):
                outcome = "refused"
                continue
            told = kind.told(detail).text
            assert told.isprintable(), "something that a page cannot show"
            for value in _leaves(
                {name: it for name, it in detail.items() if name not in {"type", "locations"}}
            ):
                assert str(value) in told, "a value that nobody is told"
        return outcome

    return call


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _leaves(each)
    else:
        yield value


_PAYMENT = {"type": "payment", "amount": "120.00", "payee": "Müller & Söhne"}
_READING = {"type": "reading", "what": ["balances"], "account": {"iban": "DE89"}, "days": 30}

TARGETS = (
    Target(
        "authorization_details",
        _details,
        (
            compact([_PAYMENT, _READING]),
            compact([{**_PAYMENT, "locations": [API], "reference": "Order 4711"}]),
            compact([{**_PAYMENT, "payee": "a\u202eb"}]),
            b'[{"type":"payment","payee":"\0\x0ax\0"}]',
            b'[{"type":"payment","payee":"\0\x0aa\xcc\x88\0"}]',
            b'\0\x0d[\0{"type":"reading"}',
        ),
    ),
)
