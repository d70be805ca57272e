"""Types of authorization details: what may be described, what may be asked for, how it is told to people."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.tokens.authorization_details.parameter import is_part, read_parameter, read_written, written
from tokenward.tokens.authorization_details.plain_text import why_misleading
from tokenward.tokens.authorization_details.types import DetailType, mistakes
from tokenward.tokens.authorization_details.wording import Piece

API = "https://bank.example/"
NAME = {"type": "string", "maxLength": 70}


def found(says="Pay {payee}", fields=None, optional=(), name="payment"):
    fields = {"payee": NAME} if fields is None else fields
    return [(it.location, it.text) for it in mistakes(name, says, fields, frozenset(optional))]


def test_a_type_without_mistakes_has_none():
    assert found() == []
    assert found("Read your accounts", {}) == []
    assert found("Pay {to.iban}", {"to": {"type": "object", "properties": {"iban": NAME}}}) == []


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (True, "lets anything through"),
        ({}, "its type is none"),
        ({"type": ["string", "null"]}, "its type is none"),
        ({"type": "string"}, "there is no bound"),
        ({"type": "string", "maxLength": 100_000}, "no bound that fits"),
        ({"type": "string", "maxLength": True}, "no bound that fits"),
        ({"type": "string", "pattern": "[a-z]+"}, "there is no bound"),
        ({"type": "string", "maxLength": 9, "pattern": "(?=a)b"}, "pattern cannot be used"),
        ({"type": "string", "maxLength": 9, "pattern": "a)|(b"}, "pattern cannot be used"),
        ({"type": "string", "maxLength": 9, "format": "email"}, "'format' means nothing"),
        ({"type": "number", "minimum": 0, "maximum": 9}, "fractions"),
        ({"type": "boolean"}, "true or false"),
        ({"type": "integer", "minimum": 0}, "there is no bound"),
        ({"type": "integer", "minimum": 0, "maximum": 2**60}, "no bound that fits"),
        ({"type": "array", "items": NAME}, "there is no bound"),
        ({"type": "array", "maxItems": 3}, "lets anything through"),
        ({"type": "array", "maxItems": 3, "items": {"type": "array"}}, "its type is none"),
        ({"type": "object"}, "lets anything through"),
        ({"type": "object", "properties": {"a": NAME}, "additionalProperties": True}, "means nothing"),
        ({"enum": []}, "no list of choices"),
        ({"enum": ["EUR", "EUR"]}, "no list of choices"),
        ({"enum": ["EUR", False]}, "no plain text"),
        ({"enum": ["EUR", "a\u202eb"]}, "no plain text"),
        ({"$ref": "#/anything"}, "its type is none"),
        ({**NAME, "title": "Two\nlines"}, "no title"),
    ],
)  # fmt: skip
def test_a_schema_that_leaves_something_open_is_a_mistake_and_says_where(schema, text):
    wrong = found("Pay {payee}", {"payee": schema})
    assert wrong
    assert all(location[:2] == ("fields", "payee") for location, _ in wrong)
    assert any(text in each for _, each in wrong), wrong


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("type", "already"),
        ("locations", "already"),
        ("a b", "no name"),
        ("2nd", "no name"),
        ("{x}", "no name"),
        ("access_token", "that of a token"),
        ("pin", "a factor of sign-in"),
    ],
)
def test_a_field_has_a_name_that_nobody_else_uses(name, text):
    assert any(text in each for _, each in found("Pay", {name: {**NAME, "title": "It"}}))


@pytest.mark.parametrize(
    ("says", "fields", "optional", "text"),
    [
        ("Pay {payer}", {"payee": {**NAME, "title": "To"}}, (), "there is no field 'payer'"),
        ("Pay", {"payee": NAME}, (), "nobody would be told payee"),
        ("Pay", {"to": {"type": "object", "properties": {"iban": NAME}}}, (), "nobody would be told to.iban"),
        ("Pay {payee}", {"payee": NAME}, ("payee",), "leave a hole"),
        ("Pay {payee}", {"payee": NAME}, ("payer",), "there is no field 'payer'"),
        ("Pay {payee", {"payee": NAME}, (), "braces cannot be read"),
        ("Pay {payee!r}", {"payee": NAME}, (), "braces cannot be read"),
        ("Pay {payee:>99999999}", {"payee": NAME}, (), "braces cannot be read"),
        ("Pay {}", {"payee": NAME}, (), "braces cannot be read"),
        ("Pay {payee.__class__}", {"payee": NAME}, (), "there is no field"),
        ("", {}, (), "no sentence"),
        ("Two\nlines", {}, (), "no sentence"),
        ("x" * 201, {}, (), "no sentence"),
    ],
)
def test_a_sentence_tells_all_and_names_nothing_else(says, fields, optional, text):
    assert any(text in each for _, each in found(says, fields, optional))


@pytest.mark.parametrize("name", ["", "two words", "https://x.example/{a}", "a\u202e", "x" * 101, "-a"])
def test_a_type_has_a_name_of_its_own(name):
    assert ((), "this is no name of a type") in found(name=name)
    assert found(name="https://bank.example/payment") == []


def test_a_type_with_a_mistake_cannot_be_made():
    with pytest.raises(ValueError, match="lets anything through"):
        DetailType("payment", API, "Pay {payee}", {"payee": True})


def pay(payee=NAME, says="Pay {payee}.", **fields):
    return DetailType("payment", API, says, {"payee": payee, **fields})


def test_a_pattern_is_of_the_whole_text():
    kind = pay({"type": "string", "maxLength": 9, "pattern": "a|b"})
    assert kind.why_not({"type": "payment", "payee": "b"}) == ""
    for text in ("bc", "ca", "b\n", "ab"):
        assert kind.why_not({"type": "payment", "payee": text})


def test_a_refusal_quotes_no_value():
    kind = pay({"enum": ["EUR"]})
    assert "4711" not in kind.why_not({"type": "payment", "payee": "4711"})


MISLEADING = {
    "right-to-left-override": "Bank\u202egro.live",
    "isolate": "\u2066Bank\u2069",
    "zero-width-space": "Ba\u200bnk",
    "zero-width-joiner": "Ba\u200dnk",
    "soft-hyphen": "Ba\u00adnk",
    "byte-order-mark": "\ufeffBank",
    "line-break": "Bank\nOf",
    "line-separator": "Bank\u2028Of",
    "no-break-space": "Bank\u00a0Of",
    "tab": "Bank\tOf",
    "null": "Bank\x00",
    "hangul-filler": "Bank\u3164",
    "braille-blank": "Bank\u2800",
    "variation-selector": "Bank\ufe0f",
    "tag": "Bank\U000e0041",
    "private-use": "Bank\ue000",
    "space-first": " Bank",
    "space-last": "Bank ",
    "two-spaces": "Bank  Of",
    "nothing": "",
    "cyrillic-in-latin": "B\u0430nk",
    "greek-in-latin": "B\u03b1nk",
    "latin-in-cyrillic": "\u0411a\u043d\u043a",
    "armenian-in-latin": "Ba\u0578k",
    "not-composed": "Bu\u0308cher",
    "full-width": "\uff22\uff41\uff4e\uff4b",
    "mathematical-digits": "\U0001d7cf\U0001d7ce",
    "circled-digit": "Bank ①",
    "tower-of-marks": "Ba\u0335\u0336\u0337\u0338nk",
}


@pytest.mark.parametrize("text", MISLEADING.values(), ids=MISLEADING.keys())
def test_what_is_not_what_it_looks_like_is_refused(text):
    assert why_misleading(text)
    assert pay().why_not({"type": "payment", "payee": text})
    nested = {"to": {"type": "object", "properties": {"names": NAME}}}
    inner = DetailType("payment", API, "Pay {to.names}", nested)
    assert inner.why_not({"type": "payment", "to": {"names": text}})
    listed = DetailType("p", API, "Pay {a}", {"a": {"type": "array", "items": NAME, "maxItems": 2}})
    assert listed.why_not({"type": "p", "a": ["Bank", text]})


NAMES = ["Müller & Söhne", "Éléonore d'Aubigné", "Яндекс", "Ελλάδα A.E.", "山田太郎", "دار النشر",
         "Nguyễn Văn Đức", "O\u2019Brien <Ltd>", "ภูเขา", "№ 5, Straße 12½"]  # fmt: skip


@pytest.mark.parametrize("text", NAMES)
def test_names_that_people_have_pass(text):
    assert why_misleading(text) == ""
    assert pay().why_not({"type": "payment", "payee": text}) == ""


HOSTILE = "<b>1 EUR</b> {amount} {{7*7}} ”) and nothing (“ &lt; %s ${x} {payee.__class__}"


def test_a_value_stays_a_value_whatever_is_in_it():
    told = pay(NAME | {"maxLength": 200}).told({"type": "payment", "payee": HOSTILE})
    assert told.sentence == (Piece("Pay ", False), Piece(HOSTILE, True), Piece(".", False))


def test_what_is_not_in_the_sentence_stands_below_it():
    lines = {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 9}, "maxItems": 3}
    kind = DetailType(
        "payment", API, "Pay {payee}", {"payee": NAME, "lines": {**lines, "title": "Lines"},
        "reference": {**NAME, "title": "Reference"}}, frozenset({"reference"}),
    )  # fmt: skip
    told = kind.told({"type": "payment", "payee": "A", "lines": [1, 2]})
    assert told.rows == (("Lines", (Piece("1", True), Piece(", ", False), Piece("2", True))),)
    assert kind.told({"type": "payment", "payee": "A", "lines": []}).rows == (
        ("Lines", (Piece("–", False),)),
    )
    assert kind.told({"type": "payment", "payee": "A", "lines": [1], "reference": "R"}).text == (
        "Pay “A”; Lines: “1”; Reference: “R”"
    )


def test_braces_can_be_said():
    told = DetailType("p", API, "Pay {{x}} {payee}", {"payee": NAME}).told({"type": "p", "payee": "A"})
    assert "".join(piece.text for piece in told.sentence) == "Pay {x} A"


@given(st.text(max_size=400) | st.binary(max_size=60).map(lambda it: it.decode("latin-1")))
def test_any_text_is_read_or_refused(text):
    try:
        details = read_parameter(text)
    except ValueError:
        return
    assert read_parameter(written(details)) == details


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=8), each, max_size=3),
)


@given(st.dictionaries(st.sampled_from(["payee", "amount", "to", "locations", "x"]), JSON))
def test_what_is_granted_can_be_told_whole(members):
    kind = DetailType(
        "payment", API, "Pay {payee}",
        {"payee": NAME, "amount": {"type": "integer", "minimum": 0, "maximum": 10, "title": "Amount"},
         "to": {"type": "object", "properties": {"iban": {**NAME, "title": "IBAN"}}}},
        frozenset({"amount", "to"}),
    )  # fmt: skip
    detail = {"type": "payment", **members}
    if kind.why_not(detail) == "":
        told = kind.told(detail).text
        assert detail["payee"] in told
        assert "amount" not in detail or f"“{detail['amount']}”" in told
        assert "to" not in detail or detail["to"]["iban"] in told


def test_a_part_is_exactly_what_was_there():
    one, two = {"type": "p", "n": 1, "x": "a"}, {"type": "p", "n": 2}
    assert is_part([two], [one, two])
    assert is_part([{"x": "a", "n": 1, "type": "p"}], [one, two]), "an object has no order"
    for other in ({"type": "p", "n": True, "x": "a"}, {"type": "p", "n": 1}, {**two, "x": ""}):
        assert not is_part([other], [one, two])
    assert not is_part([one], [])
    assert read_written(written([])) == ()


def test_the_bounds_hold():
    five = [{"type": "p", "n": n} for n in range(5)]
    assert len(read_parameter(json.dumps(five))) == 5
    for text in (
        json.dumps([*five, {"type": "p"}]),
        json.dumps([{"type": "p", "x": "y" * 3000}]),
        json.dumps([{"type": "p", "x": [[1]], "y": [[[]]]}]),
        json.dumps([{"type": "p", "x": list(range(300))}]),
        "[" * 100_000,
        '[{"type":"p","x":' + "9" * 2900 + "}]",
        '[{"type":"p","x":"\udc9f"}]',
        r'[{"type":"p","x":"\udc9f"}]',
    ):
        with pytest.raises(ValueError, match=r"more than|no array|no strict JSON|brackets"):
            read_parameter(text)
