"""One case of the campaign, and the file that remembers all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """What was tried, and how it ended."""

    part: str
    kind: str
    """Verb, format or fault of the machine."""
    seed: int
    """Repeats it: ``python bench/campaign.py PART --only SEED``."""
    fault: str | None
    """What went wrong, such as ``lost: result.json``; None: nothing."""
    refused: bool = False
    """Whether the command refused its input."""
    tries: int = 1
    """Kills, or requests, of the case."""


def append(file: Path, case: Case) -> None:
    """Add a case to the file."""
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(case)) + "\n")


def read(file: Path) -> Iterator[Case]:
    """The cases of the file; a last line that was cut short by a kill is left out."""
    if not file.exists():
        return
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            yield Case(**json.loads(line))
        except json.JSONDecodeError:
            continue
