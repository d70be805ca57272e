"""Fewer looks for cycles; but they are still found."""

import subprocess
import sys

PROGRAM = """
import gc
from tokenward.app.collector import spare_the_loaded

class Cycle:
    alive = 0
    def __init__(self):
        self.me = self
        Cycle.alive += 1
    def __del__(self):
        Cycle.alive -= 1

spare_the_loaded()
most = 0
for _ in range(200_000):
    Cycle()
    most = max(most, Cycle.alive)
print(most, gc.get_freeze_count())
"""


def test_what_was_loaded_is_spared_and_cycles_are_freed():
    # In a process of its own: what is frozen stays so.
    told = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout
    most, frozen = map(int, told.split())
    assert most < 50_000
    assert frozen > 1_000
