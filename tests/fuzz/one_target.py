"""Fuzzes one target with atheris; started by `run.py`.

Arguments: the target, the file that lists which inputs were slowest, and libFuzzer's own.
"""

import gc
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["tokenward"]):
    from fuzz.corpus import written
    from fuzz.targets import TARGETS

SLOWEST = 10  # inputs that are listed


def main() -> None:
    target, record = TARGETS[sys.argv[1]], Path(sys.argv[2])
    slowest: list[tuple[float, bytes]] = []

    def one(data: bytes) -> None:
        if len(slowest) == SLOWEST and target.seconds(data) <= slowest[-1][0]:
            return
        again = min(target.seconds(data) for _ in range(3))  # the machine may have been busy
        if len(slowest) < SLOWEST or again > slowest[-1][0]:
            slowest.append((again, data))
            slowest.sort(reverse=True)
            del slowest[SLOWEST:]
            record.write_text(written(data for _, data in slowest))

    for seed in target.seeds:
        target.run(seed)
    gc.collect()
    gc.freeze()
    atheris.Setup([sys.argv[0], *sys.argv[3:]], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
