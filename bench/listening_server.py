"""Does a listening study lose answers? 100 robots at once, and a server that is killed 200 times.

    python bench/listening_server.py [--listeners 100] [--kills 200] [--task rate]

Robots take part in a study over HTTP (see ``listening_robots.py``). Once nothing happens to the server: how long an
answer takes until it is stored. Then the server is ended by SIGKILL at random moments and started again, while other
robots take part: every answer that was acknowledged has to be in the store once, nothing else may be, and every clip
has to have as many listeners as any other, give or take one.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import cast

import numpy as np

from affetti.studies.listening.ratings import RatingStore
from affetti.studies.listening.study import TASKS, Task
from listening_robots import RobotStudy, StudyServer, make_study, run_robots

CONDITIONS = 24


def balance(folder: Path) -> tuple[int, int]:
    """Fewest and most listeners of a clip."""
    with RatingStore.open(folder) as store:
        table = store.table()
        clips = [clip.id for clip in store.study.clips]
    counts = table.drop_duplicates(["listener", "trial", "clip"])["clip"].value_counts()
    return int(min(counts.get(clip, 0) for clip in clips)), int(max(counts.get(clip, 0) for clip in clips))


def report(name: str, study: RobotStudy, folder: Path) -> int:
    """Print what became of a study; returns the number of faults."""
    answers = sum(len(robot.acknowledged) for robot in study.robots)
    wrong = study.wrong(folder)
    least, most = balance(folder)
    print(f"{name}: {len(study.robots)} listeners, {answers} answers, {study.kills} kills, {study.seconds:.0f} s")
    print(f"  acknowledged and not there once, or there and not acknowledged: {len(wrong)}")
    print(f"  listeners of a clip: {least} to {most}")
    for line in wrong[:5]:
        print("  ", line)
    return len(wrong) + (most - least > 1)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listeners", type=int, default=100)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--task", choices=TASKS, default="rate")
    arguments = parser.parse_args()
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, kills in (("undisturbed", 0), ("killed", arguments.kills)):
            place = Path(folder) / name
            make_study(place, cast(Task, arguments.task), conditions=CONDITIONS, seconds=0.1)
            server = StudyServer(place)
            study = run_robots(server, arguments.listeners, kills)
            server.stop()
            faults += report(name, study, place)
            if not kills:
                seconds = 1000 * np.array([value for robot in study.robots for value in robot.seconds])
                middle, slow = np.quantile(seconds, [0.5, 0.99])
                print(f"  from an answer to its acknowledgement: median {middle:.0f} ms, 99th percentile {slow:.0f} ms")
    raise SystemExit(min(faults, 1))


if __name__ == "__main__":
    main()
