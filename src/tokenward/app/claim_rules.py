"""The claims of a workload as `tokenward.yaml` writes them: names and texts, nested where the claim is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from tokenward.app.value_rules import bad_value
from tokenward.tokens.workloads import ClaimPath, ClaimRules

_DEPTH = 5


@dataclass(frozen=True, slots=True)
class WorkloadClaims:
    """What the claims must be, by the path to each."""

    rules: ClaimRules

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(_read)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": ["string", "object"]},
            "examples": [{"repository": "octo/app", "ref": "refs/heads/main"}],
        }


def _read(value: object) -> WorkloadClaims:
    rules = dict(_flat(value, ())) if isinstance(value, Mapping) else {}
    if not rules:
        raise _bad("there are no claims")
    return WorkloadClaims(rules)


def _flat(value: Mapping[Any, Any], above: ClaimPath) -> Iterator[tuple[ClaimPath, str]]:
    for name, wanted in value.items():
        path = (*above, str(name))
        if isinstance(wanted, Mapping) and wanted and len(path) < _DEPTH:
            yield from _flat(wanted, path)
        elif isinstance(wanted, str) and wanted:
            yield path, wanted
        else:
            raise _bad("a claim is not compared with a text")


def _bad(text: str) -> PydanticCustomError:
    remedy = 'write names and quoted texts, such as {repository: "octo/app", ref: "refs/heads/main"}'
    return bad_value("workload", text, remedy)
