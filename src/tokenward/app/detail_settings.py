"""What `tokenward.yaml` may say of a type of authorization details (RFC 9396)."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from tokenward.app.findings import Remark
from tokenward.app.model import Model
from tokenward.app.value_rules import A_LIST
from tokenward.base.documents.source import Keys
from tokenward.tokens.authorization_details.types import DetailType, mistakes

TYPES = "authorization_details_types"


class DetailTypeSettings(Model):
    """One type of authorization details: what a request says in it, and how a person is told."""

    says: str = Field(
        description="The sentence on the consent page, such as `Send {amount} EUR to {payee}`: a value of "
        "the request in the place of each field, marked as such."
    )
    fields: dict[str, Any] = Field(
        default_factory=dict,
        description="Its fields, each with a schema: `{type: string, maxLength: 70}`, with `pattern` (of the "
        "whole text) and `minLength` if need be; `{type: integer, minimum: 1, maximum: 9}`; `{enum: [EUR]}`; "
        "`{type: array, items: …, maxItems: 5}`; `{type: object, properties: …}`. `title` is what the page "
        "calls a field that `says` does not name. Nothing else is taken, and every field is needed.",
    )
    optional: Annotated[tuple[str, ...], A_LIST] = Field(
        default=(), description="Those of the fields that may be missing. `says` names none of them."
    )

    def compiled(self, name: str, audience: str) -> DetailType:
        """The type, ready to be held against a request.

        Raises:
            ValueError: it has mistakes.
        """
        return DetailType(name, audience, self.says, self.fields, frozenset(self.optional))

    def remarks(self, keys: Keys) -> Iterator[Remark]:
        """What is wrong with it, each where it stands; `keys` end with its name."""
        for it in mistakes(str(keys[-1]), self.says, self.fields, frozenset(self.optional)):
            yield Remark((*keys, *it.location), "error", "authorization-details", it.text, it.remedy)


def usable(types: dict[str, DetailTypeSettings], audience: str) -> dict[str, DetailType]:
    """The types without mistakes, by name; the others keep the configuration from being one."""
    found = {}
    for name, each in types.items():
        if next(each.remarks((name,)), None) is None:
            found[name] = each.compiled(name, audience)
    return found
