"""What is counted, and that the reference page names all of it."""

import asyncio
import re
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest

from gateway.world import World
from tokenward.app import leak_metrics, metrics, upstream_metrics
from tokenward.app.metrics import Durations, report_memory

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"
ROW = re.compile(r"^\| `(tokenward_\w+)` \|([^|]*)\|", re.MULTILINE)


def test_the_page_names_every_metric_with_its_labels():
    listed = {
        name.removesuffix("_total"): set(re.findall(r"`(\w+)`", labels))
        for name, labels in ROW.findall(PAGE.read_text())
    }
    own = {
        each._name: {
            *each._labelnames,
            *({"pid"} if getattr(each, "_multiprocess_mode", "") == "liveall" else ()),
        }
        for module in (metrics, upstream_metrics, leak_metrics)
        for each in vars(module).values()
        if getattr(each, "_name", "").startswith("tokenward_")
    }
    assert listed == own


def test_durations_counted_together_are_as_if_counted_one_by_one():
    values = [0, 1e-6, 1e-5, 1.1e-5, 0.5, 0.5, 7.0]
    shown = []
    for together in (True, False):
        registry = CollectorRegistry()
        durations = Durations("d", "…", ["door"], buckets=[1e-5, 0.5, 1.0], registry=registry).labels("x")
        if together:
            durations.observe_all(values)
        else:
            for value in values:
                durations.observe(value)
        text = generate_latest(registry).decode()
        shown.append([line for line in text.splitlines() if "created" not in line])
    assert shown[0] == shown[1]
    assert 'd_bucket{door="x",le="1e-05"} 3.0' in shown[0]


def _counted():
    return [
        REGISTRY.get_sample_value(name, labels) or 0
        for name, labels in (
            ("tokenward_token_lookups_total", {"remembered": "yes"}),
            ("tokenward_token_lookups_total", {"remembered": "no"}),
            ("tokenward_inside_jwts_minted_total", {}),
        )
    ]


def test_what_an_engine_remembers_is_counted():
    before = _counted()

    async def run():
        world = World()
        for _ in range(3):
            await world.engine.decide(world.request(token="reader"))
        await world.engine.decide(world.request(token="unknown"))
        task = asyncio.create_task(report_memory(world.engine))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(run())
    assert [now - then for now, then in zip(_counted(), before, strict=True)] == [
        2,
        2,
        2,
    ]  # the world minted one
    assert REGISTRY.get_sample_value("tokenward_verified_tokens") == 1
