"""`make soak`: mixed traffic for a long time, and whether memory and tables stay flat.

Exit 1: something was not flat, or an answer was another one than it should be.
"""

import argparse
import asyncio
import contextlib
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from browser import Unexpected
from machine import description
from soak import page
from soak.errands import ERRANDS, Errand, World
from soak.town import Town, running
from soak.watching import Sample, look, processes, verdicts

from tokenward.base.clock import SYSTEM_CLOCK

DOCS = Path(__file__).parents[2] / "docs"
EVERY = 5.0  # seconds between two looks
AT_ONCE = 50  # of one kind of errand; more are not begun, which counts as unexpected
LEAST = 2.0  # minutes


@dataclass(slots=True)
class Tally:
    """How many errands were done, by name, and what was unexpected, with how often."""

    done: Counter[str]
    unexpected: Counter[str]


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/soak/run.py", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help=f"{LEAST:.0f} at least; 60 by default")
    parser.add_argument("--write", action="store_true", help="write docs/soak.md and docs/images/soak.svg")
    given = parser.parse_args()
    if given.minutes < LEAST:
        parser.error(f"--minutes takes {LEAST:.0f} at least")
    machine = description(packages=("uvicorn",))
    with running() as town:
        samples, tally = asyncio.run(_soaked(town, given.minutes * 60))
    judged = verdicts(samples)
    result = page.Result(samples, judged, tally.done, tally.unexpected)
    print("\n".join(page.lines(result)))
    if given.write:
        (DOCS / "images" / "soak.svg").write_text(page.plot(result), encoding="utf-8")
        (DOCS / "soak.md").write_text(page.document(result, machine), encoding="utf-8")
        print("wrote docs/soak.md and docs/images/soak.svg")
    return 0 if result.good else 1


async def _soaked(town: Town, seconds: float) -> tuple[Sequence[Sample], Tally]:
    tally = Tally(Counter(), Counter())
    # Errands are bounded one kind at a time (`AT_ONCE`). A common bound of connections lets them wait for
    # each other, and httpx looks through all that wait whenever one is done: once late, it stays late.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=30)
    async with httpx.AsyncClient(trust_env=False, timeout=15, limits=limits) as http:
        world = World(town, http)
        started = SYSTEM_CLOCK.monotonic()
        watching = asyncio.create_task(_watched(town, started, seconds))
        async with asyncio.TaskGroup() as group:
            for errand in ERRANDS:
                group.create_task(_at_rate(errand, world, started + seconds, tally))
        return await watching, tally


async def _at_rate(errand: Errand, world: World, end: float, tally: Tally) -> None:
    """Begin it when it is due, whether the one before has ended or not."""
    under_way: set[asyncio.Task[None]] = set()
    due = SYSTEM_CLOCK.monotonic() + 1 / errand.rate
    while due < end:
        await asyncio.sleep(max(0.0, due - SYSTEM_CLOCK.monotonic()))
        due += 1 / errand.rate
        if len(under_way) >= AT_ONCE:
            tally.unexpected[f"{errand.name}: {AT_ONCE} were under way already"] += 1
            continue
        task = asyncio.create_task(_one(errand, world, tally))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)


async def _one(errand: Errand, world: World, tally: Tally) -> None:
    try:
        await errand.run(world)
    except Unexpected as problem:
        tally.unexpected[f"{errand.name}: {problem}"] += 1
    except (httpx.HTTPError, OSError, asyncio.IncompleteReadError) as problem:
        tally.unexpected[f"{errand.name}: {type(problem).__name__}"] += 1
    else:
        tally.done[errand.name] += 1


async def _watched(town: Town, started: float, seconds: float) -> list[Sample]:
    roles = processes()
    samples = []
    at = 0.0
    while at < seconds:
        samples.append(await asyncio.to_thread(look, at, roles, town.database))
        await asyncio.sleep(EVERY)
        at = SYSTEM_CLOCK.monotonic() - started
        if len(samples) % 12 == 0:
            told = ", ".join(f"{role} {mib:.0f} MiB" for role, mib in samples[-1].resident.items())
            print(f"{at / 60:.0f} min: {told}, {sum(samples[-1].rows.values()):,} rows", flush=True)
    if processes() != roles:
        raise RuntimeError("a process was replaced on the way: see benchmarks/.cache/soak/log")
    return samples


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
