"""What is counted and traced of exchanges: gathered, and handed on together.

As with decisions, counting each by itself would cost more than most of what it counts.
"""

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Never

from tokenward.app.config import Configuration
from tokenward.app.gathering import Gathering
from tokenward.app.metrics import EXCHANGE_SECONDS
from tokenward.base.references import resolve
from tokenward.gateway.doors.exchange import Exchange

if TYPE_CHECKING:
    from tokenward.app.spans import Spans


class ExchangeLog(Gathering[Exchange]):
    """Gathers exchanges.

    Args:
        spans: where traces go; None for nowhere.
    """

    def __init__(self, spans: "Spans | None" = None) -> None:
        super().__init__()
        self._spans = spans

    def _hand_on(self, gathered: list[Exchange]) -> None:
        """Count and trace what was gathered."""
        durations: dict[tuple[str, str], list[float]] = defaultdict(list)
        for each in gathered:
            kind = f"{each.status // 100}xx" if each.status else "none"
            durations[each.decision.api, kind].append(each.seconds)
        for labels, seconds in durations.items():
            EXCHANGE_SECONDS.labels(*labels).observe_all(seconds)
        if self._spans is not None:
            self._spans.export(gathered)

    async def run(self) -> Never:
        """As any gathering; at the end, the way to the collector is closed."""
        try:
            await super().run()
        finally:
            if self._spans is not None:
                await asyncio.to_thread(self._spans.close)


def exchange_log(configuration: Configuration) -> ExchangeLog:
    """The log that the configuration asks for.

    Raises:
        ValueError: the reference cannot be resolved, or the extra is missing.
    """
    traces = configuration.settings.gateway.traces
    if traces is None:
        return ExchangeLog()
    try:
        from tokenward.app.spans import Spans  # noqa: PLC0415 - needs the extra
    except ImportError:
        raise ValueError("traces need an extra: pip install 'tokenward[otel]'") from None
    authorization = traces.authorization
    secret = None if authorization is None else resolve(authorization, base_dir=configuration.base_dir)
    return ExchangeLog(Spans(traces.endpoint, secret))
