"""One operation of the admin API, told once: what serves it, and what its document says, follow from its row.

An operation is a coroutine function over the house. What it takes is read off its parameters (a subclass of
`Input` is the body, one of `Query` the query, whatever the path names stands in the path), and what it
answers off its return annotation. So document and code cannot drift apart, and nothing is served that is in
no row.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_type_hints

from tokenward.app.admin_input import Input, Query
from tokenward.base.problems import (
    INTERNAL_ERROR,
    INVALID_INPUT,
    JSON_EXPECTED,
    MALFORMED,
    NOT_FOUND,
    TOO_LARGE,
    TOO_MANY_REQUESTS,
    UNAUTHORIZED_ADMIN,
    UNAVAILABLE,
    WRONG_HOST,
    Problem,
)

Perform = Callable[..., Awaitable[object]]

_NAMES = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class Operation:
    """A row of the table of operations.

    Attributes:
        method: of HTTP; HEAD comes with GET.
        path: whose parts in braces are parameters of `perform`.
        perform: does it, given the house and what `takes`, `asks` and `named` say; its name is the
            operationId, its docstring the description.
        status: of its success.
        refuses: what it may be refused for beside what every operation of its form may be.
        public: it asks for no token.

    Raises:
        ValueError: `perform` fits neither its path nor this table.
    """

    method: str
    path: str
    perform: Perform
    status: int = 200
    refuses: tuple[Problem, ...] = ()
    public: bool = False

    def __post_init__(self) -> None:
        if set(self.named) != set(_NAMES.findall(self.path)):
            raise ValueError(f"{self.name} does not take what {self.path} names")
        if (self.answers is None) is not (self.status == 204):
            raise ValueError(f"{self.name} has an answer or 204, and not both")

    @property
    def name(self) -> str:
        """The operationId."""
        return self.perform.__name__

    @cached_property
    def description(self) -> str:
        """What it does, in words."""
        return inspect.cleandoc(self.perform.__doc__ or "")

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return get_type_hints(self.perform, include_extras=True)

    @cached_property
    def _parameters(self) -> Mapping[str, Any]:
        names = list(inspect.signature(self.perform).parameters)[1:]
        return {name: self._hints[name] for name in names}

    @cached_property
    def takes(self) -> tuple[str, type[Input]] | None:
        """The parameter for the body, and its model."""
        return next(((n, t) for n, t in self._parameters.items() if _is(t, Input)), None)

    @cached_property
    def asks(self) -> tuple[str, type[Query]] | None:
        """The parameter for the query, and its model."""
        return next(((n, t) for n, t in self._parameters.items() if _is(t, Query)), None)

    @cached_property
    def named(self) -> Mapping[str, Any]:
        """Parameters of the path, with their types."""
        return {n: t for n, t in self._parameters.items() if not _is(t, Input) and not _is(t, Query)}

    @cached_property
    def answers(self) -> Any:  # noqa: ANN401 - a type of whatever form
        """The type of its answer; None where it answers without a body, `str` where that is text."""
        answer = self._hints["return"]
        return None if answer is type(None) else answer

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """All that it may be refused for."""
        found = [WRONG_HOST, TOO_MANY_REQUESTS, UNAVAILABLE, INTERNAL_ERROR]
        if not self.public:
            found += [UNAUTHORIZED_ADMIN, INVALID_INPUT]
        if self.takes is not None:
            found += [MALFORMED, TOO_LARGE, JSON_EXPECTED]
        if self.named:
            found.append(NOT_FOUND)
        return tuple(dict.fromkeys((*found, *self.refuses)))


def _is(found: Any, what: type) -> bool:  # noqa: ANN401 - a type of whatever form
    return inspect.isclass(found) and issubclass(found, what)
