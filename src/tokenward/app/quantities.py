"""Values that count something: durations, sizes, rates, and days."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from tokenward.app.value_rules import as_tuple, bad_value
from tokenward.base.rates import WINDOWS, Rate

_DURATION = re.compile(r"([1-9][0-9]{0,5})(s|m|h|d)")
_AMOUNT = re.compile(rf"([1-9][0-9]{{0,8}})/({'|'.join(WINDOWS)})")
_UNIT_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_SIZE = re.compile(rf"([1-9][0-9]{{0,9}}|0)({'|'.join(_UNIT_BYTES)})")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Duration:
    """Annotates an `int` of seconds that is written like `10m`; the bounds are in seconds."""

    shortest: int
    longest: int

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {
            "type": "string",
            "pattern": f"^{_DURATION.pattern}$",
            "examples": ["30s", "10m", "12h", "14d"],
        }

    def _read(self, value: object) -> int:
        try:
            seconds = duration(value)
        except ValueError:
            raise bad_value("duration", "this is not a duration", HOW_TO_WRITE_ONE) from None
        if not self.shortest <= seconds <= self.longest:
            remedy = f"choose something from {in_words(self.shortest)} to {in_words(self.longest)}"
            raise bad_value("duration", "this duration is out of bounds", remedy)
        return seconds


HOW_TO_WRITE_ONE = "write a number and a unit: 30s, 10m, 12h or 14d"


def duration(text: object) -> int:
    """The seconds of a duration that is written like `10m`.

    Raises:
        ValueError: it is none.
    """
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("not a duration")
    return int(match[1]) * _UNIT_SECONDS[match[2]]


def in_words(seconds: int) -> str:
    """A duration as the file writes it: the largest unit that divides it."""
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % _UNIT_SECONDS[unit] == 0)
    return f"{seconds // _UNIT_SECONDS[unit]}{unit}"


@dataclass(frozen=True, slots=True)
class Size:
    """Annotates an `int` of bytes that is written like `10MiB`, of at most 1 GiB."""

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(_size)

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_SIZE.pattern}$", "examples": ["512KiB", "10MiB"]}


def _size(value: object) -> int:
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1]) * _UNIT_BYTES[match[2]] > _UNIT_BYTES["GiB"]:
        raise bad_value(
            "size", "this is no size up to 1GiB", "write a number and B, KiB or MiB, such as 10MiB"
        )
    return int(match[1]) * _UNIT_BYTES[match[2]]


@dataclass(frozen=True, slots=True)
class Amount:
    """Annotates a `Rate` that is written like `100/minute`."""

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(_amount)

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        examples = ["10/second", "100/minute", "10000/day"]
        return {"type": "string", "pattern": f"^{_AMOUNT.pattern}$", "examples": examples}


def _amount(value: object) -> Rate:
    match = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise bad_value(
            "amount",
            "this is not so many in a time",
            "write a number, a slash and second, minute, hour or day, such as 100/minute",
        )
    return Rate(int(match[1]), WINDOWS[match[2]])


def _day(text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise bad_value("date", "this is no date", "write it like 2027-01-31")
    return text


def end_of(day: str) -> float:
    """Seconds since 1970 at which a `Day` is over, in UTC."""
    return (datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=1)).timestamp()


def _notice_days(days: tuple[int, ...]) -> tuple[int, ...]:
    if not days or len(set(days)) != len(days) or not all(1 <= each <= 90 for each in days):
        raise bad_value(
            "days", "these are no days before an end", "name each once, 1 to 90, such as [14, 3, 1]"
        )
    return days


NoticeDays = Annotated[tuple[int, ...], BeforeValidator(as_tuple), AfterValidator(_notice_days)]
Day = Annotated[str, AfterValidator(_day)]
