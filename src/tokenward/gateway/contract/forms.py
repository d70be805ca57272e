"""Forms that a caller sent: the value that their fields stand for, read in one way or not at all.

A field is a text. What it stands for follows from its schema, as for a parameter (OpenAPI 3.1 §4.8.12.3,
§4.8.15): a list is a field that is there several times, an object is JSON. A field twice that is no list has
two values, of which programs pick either; so it is refused, documented or not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from tokenward.gateway.contract.json_text import MAX_LEVELS, JsonTrouble, read_json
from tokenward.gateway.contract.multipart import MAX_FIELDS, FormTrouble, multipart_fields
from tokenward.gateway.contract.text_values import Decoder, Form, form_decoded, one, plain

_TEXT = Form(frozenset({"string"}))


class FormValue(NamedTuple):
    """What a form stands for, and how deep and how large it is at most.

    `as_text` is the same with every field a text that may be one: `1` may be the text "1" as well.
    """

    value: dict[str, Any]
    as_text: dict[str, Any]
    levels: int
    values: int


@dataclass(frozen=True, slots=True)
class FormRule:
    """How the fields of a form are read.

    Attributes:
        fields: documented name → how its texts are read; None where they are JSON, each of them.
        multipart: whether the body is `multipart/form-data`; otherwise it is as a query.
    """

    fields: Mapping[str, Form | None]
    multipart: bool = False

    def read(self, data: bytes, boundary: str) -> FormValue:
        """The value of the form.

        Raises:
            FormTrouble: it cannot be read, or in more than one way.
        """
        if self.multipart:
            return self._value(multipart_fields(data, boundary), plain)
        return self._value(_urlencoded_fields(data), form_decoded)

    def _value(self, sent: Mapping[str, list[bytes]], decode: Decoder) -> FormValue:
        value: dict[str, Any] = {}
        as_text: dict[str, Any] = {}
        levels, values = 2, 1  # itself, and lists in it
        for name, texts in sent.items():
            pointer = f"/{name}" if name in self.fields else ""
            form = self.fields.get(name, _TEXT)
            try:
                if form is None:
                    json = read_json(decode(one(texts)).encode())
                    value[name] = as_text[name] = json.value
                    levels, values = max(levels, 1 + json.levels), values + json.values
                    continue
                value[name] = form.read(texts, decode)
                as_text[name] = value[name]
                if "string" in form.types and not isinstance(value[name], str):
                    as_text[name] = Form(_TEXT.types, None, form.is_list, form.separator).read(texts, decode)
                values += 1 + (len(value[name]) if form.is_list else 0)
            except JsonTrouble as trouble:
                raise FormTrouble(trouble.kind, pointer, trouble.rule) from None
            except ValueError as error:
                raise FormTrouble("form", pointer, str(error)) from None
        if levels > MAX_LEVELS:
            raise FormTrouble("size", "", "levels")
        return FormValue(value, as_text, levels, values)


def _urlencoded_fields(data: bytes) -> dict[str, list[bytes]]:
    """The texts of each field, still encoded (`application/x-www-form-urlencoded`)."""
    sent: dict[str, list[bytes]] = {}
    if data.count(b"&") >= MAX_FIELDS:
        raise FormTrouble("size", "", "fields")
    if b";" in data:  # at which some programs split; who encodes a form encodes it
        raise FormTrouble("form", "", "ambiguous")
    for part in data.split(b"&"):
        if part:
            name, _, text = part.partition(b"=")
            try:
                sent.setdefault(form_decoded(name), []).append(text)
            except ValueError as error:
                raise FormTrouble("form", "", str(error)) from None
    return sent
