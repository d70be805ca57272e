"""What obtaining a token needs from outside, said without doing it.

A flow is a generator: it yields what should happen, and is sent what came of it. So the logic is written
once, is tested without a network, and whoever drives it decides what a request or a pause is.
"""

import threading
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tokenward.base.outbound import Answer, OutboundError

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Send:
    """One HTTP request. What is sent back is an `Answer`; OutboundError is thrown where there was none.

    Attributes:
        method: of HTTP.
        url: where it goes.
        headers: further ones.
        body: the bytes, or None.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing for that many seconds."""

    seconds: float


Flow = Generator[Send | Pause, Any, _T]
"""Yields what should happen, is sent an `Answer` for each `Send`, and returns what came of all of it."""


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)


def drive(flow: Flow[_T], send: Callable[[Send], Answer], pause: Callable[[float], None] = _pause) -> _T:
    """Do what a flow says, blocking, and give what it returns.

    Raises:
        Exception: whatever the flow raises.
    """
    try:
        step = next(flow)
        while True:
            if isinstance(step, Pause):
                pause(step.seconds)
                step = flow.send(None)
                continue
            try:
                answer = send(step)
            except OutboundError as error:
                step = flow.throw(error)
            else:
                step = flow.send(answer)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # what the generator returns
    finally:
        flow.close()
