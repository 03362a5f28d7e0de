"""Look for faults that nobody has reported: kills, bad inputs, failing machines, load, hostile requests.

    python bench/campaign.py kills|inputs|machine|load|requests [--minutes M | --cases N] [--seed S] [--folder DIR]
    python bench/campaign.py PART --only SEED [SEED ...]       # repeat single cases
    python bench/campaign.py table [--folder DIR]              # what was tried so far, and what was found

Cases are numbered by their seed, from ``--seed`` upward; those in ``DIR/cases.jsonl`` are not tried again, so that a
campaign adds up over calls. Ends with exit code 1 and the seed of each case in which something was lost, made up, hung
or ended in a traceback. Linux alone; some faults of the machine need root, and say so where they cannot be made.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from faults import case as cases
from faults import inputs, kills, load, machine, requests
from faults.command import import_all

PARTS = {"kills": kills, "inputs": inputs, "machine": machine, "load": load, "requests": requests}


def campaign(part: str, minutes: float, most: int, seed: int, folder: Path, only: list[int]) -> list[cases.Case]:
    """Try cases until the time is over or their number is reached; returns those of this call that ended badly."""
    file = folder / "cases.jsonl"
    tried = {case.seed for case in cases.read(file) if case.part == part}
    numbers = iter(only) if only else (number for number in itertools.count(seed) if number not in tried)
    until, bad = time.monotonic() + 60 * minutes, []
    for number in itertools.islice(numbers, most):
        case = PARTS[part].case(number, folder)
        if not only:
            cases.append(file, case)
        if case.fault:
            bad.append(case)
            print(f"{part} {case.kind}, seed {case.seed}: {case.fault}", flush=True)
        if not only and time.monotonic() > until:
            break
    return bad


def table(folder: Path) -> None:
    """Print what was tried, and what was found."""
    held = list(cases.read(folder / "cases.jsonl"))
    tried = Counter((case.part, case.kind) for case in held)
    refused = Counter((case.part, case.kind) for case in held if case.refused)
    tries = Counter[tuple[str, str]]()
    for case in held:
        tries[case.part, case.kind] += case.tries
    bad = Counter((case.part, case.kind) for case in held if case.fault)
    seeds = {part: [case.seed for case in held if case.part == part] for part, _ in tried}
    print("| part | what | cases | kills or requests | refused in one line | faults |\n|---|---|---|---|---|---|")
    for key in sorted(tried):
        print(f"| {key[0]} | {key[1]} | {tried[key]} | {tries[key]} | {refused[key]} | {bad[key]} |")
    for part, numbers in seeds.items():
        print(f"{part}: {len(numbers)} cases, seeds {min(numbers)} to {max(numbers)}")


def main() -> int:
    """Run a part, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=[*PARTS, "table"])
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("campaign"))
    parser.add_argument("--only", type=int, nargs="+", default=[])
    parser.add_argument("--clips", type=int, default=load.clips, help="of the load")
    parser.add_argument("--clients", type=int, default=0, help="that click beside the requests, such as 100")
    given = parser.parse_args()
    if given.clients and given.part != "requests":
        parser.error("--clients is of the requests")
    load.clips = given.clips
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if given.part == "table":
        table(folder)
        return 0
    import_all()
    PARTS[given.part].prepare(folder)
    clients = requests.beside(given.clients, 60 * given.minutes) if given.clients else nullcontext()
    with clients:
        bad = campaign(given.part, given.minutes, given.cases, given.seed, folder, given.only)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
