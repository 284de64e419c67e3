"""A long walk through random histories and crashes: `make soak MINUTES=20`.

Alternates between batches of random histories (`tests.any_history`), of rows that break and are
mended (`tests.any_quarantine`), and runs killed at a random moment (`tests.crash`), each with a
seed of its own, until the time is up. Stops at the first failure, and says with which seed; ends
with what was gone through.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.any_history import AnyHistory, server_that_crashes
from tests.any_quarantine import AnyQuarantine
from tests.crash import killed_at
from tests.undisturbed import SCENARIOS, Undisturbed, assert_no_half, contents
from tests.world import Stock, folder_for_servers, make_template
from totes import pipeline

HISTORIES = settings(
    max_examples=15,
    stateful_step_count=60,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)

QUARANTINES = settings(HISTORIES, stateful_step_count=12)


def walk(number: int) -> None:
    """Go through some random histories."""
    run_state_machine_as_test(seed(number)(AnyHistory), settings=HISTORIES)
    run_state_machine_as_test(seed(number)(AnyQuarantine), settings=QUARANTINES)


class Crashes:
    """Kills runs at random moments, and compares what the next run makes of it."""

    def __init__(self, stock: Stock, folder: Path) -> None:
        self.folder, self.done = folder, 0
        self.undisturbed = Undisturbed(stock, folder / "undisturbed")

    def crash(self, number: int) -> None:
        dice = random.Random(number)
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        with self.undisturbed.before(dice.choice(SCENARIOS), folder) as (world, outcome):
            for _ in range(dice.randint(1, 3)):  # a run that is to make good may be killed as well
                killed_at(world, dice.randint(1, outcome.moments))
                assert_no_half(world)
                self.done += 1
            world.run()
            assert contents(world) == outcome.contents
            assert pipeline.verify(world.settings).is_well
        shutil.rmtree(folder)


def main() -> None:
    """Walk until the time is up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    folder = folder_for_servers("totes-soak-")
    until = time.monotonic() + options.minutes * 60
    number = options.seed
    try:
        with ExitStack() as stack:
            server = stack.enter_context(server_that_crashes())
            template = make_template(server)
            (folder / "stock").mkdir()
            stock = stack.enter_context(closing(Stock(server, template, folder / "stock")))
            AnyHistory.stock, AnyHistory.server = stock, server
            AnyQuarantine.server, AnyQuarantine.template = server, template
            crashes = Crashes(stock, folder)
            while time.monotonic() < until:
                number += 1
                print(f"seed {number}: {summary(crashes)}", flush=True)
                walk(number)
                for step in range(5):
                    crashes.crash(number * 10 + step)
            print(f"done: {summary(crashes)}")
    finally:
        shutil.rmtree(folder)


def summary(crashes: Crashes) -> str:
    """What has been gone through."""
    return (
        f"{AnyHistory.runs:,} runs, {AnyHistory.checked:,} versions checked, "
        f"{AnyQuarantine.waited:,} rows in quarantine, {crashes.done:,} runs killed, "
        f"{AnyHistory.crashes:,} crashes of the server"
    )


if __name__ == "__main__":
    main()
