"""Tasks and jobs that the tests of the engines run, in a module that workers can import."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from affetti.errors import InputError
from affetti.execution import ShardTask
from affetti.progress import Progress
from affetti.storage import write_text


@dataclass(frozen=True)
class Cubes(ShardTask):
    """Files the cubes of its rows; at the row given it fails, dies, hangs, or saves nothing."""

    folder: Path
    breaks_at: int = -1
    invalid_at: int = -1
    dies_once_at: int = -1
    hangs_once_at: int = -1
    lost_at: int = -1
    reads: Path | None = None
    seconds: float = 0.0

    def inputs(self) -> tuple[Path, ...]:
        return () if self.reads is None else (self.reads,)

    def shard(self, start: int, stop: int) -> Path:
        return self.folder / f"{start}-{stop}.txt"

    def __call__(self, start: int, stop: int) -> None:
        with (self.folder / "calls").open("a", encoding="utf-8") as file:
            file.write(f"{start}\n")
        time.sleep(self.seconds)
        if start == self.breaks_at:
            raise RuntimeError(f"row {start} is cursed")
        if start == self.invalid_at:
            raise InputError(f"row {start} is no number", where=self.folder, hint="correct it")
        if start == self.dies_once_at and not (self.folder / "died").exists():
            (self.folder / "died").touch()
            os._exit(9)
        if start == self.hangs_once_at and not (self.folder / "hung").exists():
            (self.folder / "hung").touch()
            time.sleep(3600.0)
        if start != self.lost_at:
            write_text(self.shard(start, stop), " ".join(str(i**3) for i in range(start, stop)))

    def calls(self) -> list[int]:
        return sorted(int(line) for line in (self.folder / "calls").read_text(encoding="utf-8").split())


@dataclass(frozen=True)
class Triple:
    """A job that triples its number."""

    out: Path
    number: int

    @property
    def name(self) -> str:
        return f"triple {self.number}"

    def __call__(self, progress: Progress) -> int:
        progress(self.name, 1, 1)
        self.out.mkdir(parents=True, exist_ok=True)
        if self.number < 0:
            raise InputError(f"number {self.number}", where=self.out, hint="give 0 or more")
        return 3 * self.number


CUBES = {"0-4.txt": "0 1 8 27", "4-8.txt": "64 125 216 343", "8-10.txt": "512 729"}


def shards(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.txt")}
