"""Machines that fail: a full or read-only disk, files that vanish, a jumping clock, few open files, little memory.

A command runs under the fault and must end with its result or with a line that says what failed. Then it runs again on
a sound machine, and must give the same bytes as a command that met no fault. Full and read-only disks are small
temporary file systems and need root.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from faults import kills
from faults.case import Case
from faults.command import Ended, run
from faults.content import content, difference

FAULTS = ("vanishing files", "clock", "open files", "memory", "slow disk", "two at once")
FAULTS_OF_ROOT = ("full disk", "read-only")


def prepare(folder: Path) -> None:
    """What the commands read is what the kills read."""
    kills.prepare(folder)


def case(seed: int, folder: Path) -> Case:
    """One command under one fault, and again without it."""
    rng = random.Random(seed)
    possible = (*FAULTS, *FAULTS_OF_ROOT) if os.geteuid() == 0 else FAULTS
    fault = possible[seed % len(possible)]
    kind = rng.choice(list(kills.COMMANDS))
    unbroken = kills.whole(kind, folder)
    name = f"machine-{seed}"
    out = folder / name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    command = kills.command(kind, out)
    limit = 600 + 30 * unbroken.seconds
    with _disk(fault, out, rng):
        ended = _under(fault, command, folder, limit, rng, unbroken.seconds)
        wrong = ended.fault or _unexplained(ended)
        if fault == "full disk" and not wrong:
            (out / "filler").unlink(missing_ok=True)
        again = run(command, folder, limit=limit) if fault not in ("read-only", "vanishing files") else None
        if again is not None and not wrong:
            wrong = again.fault or (None if again.code == 0 else f"exit {again.code}: {again.err.strip()[-200:]}")
            wrong = wrong or difference(unbroken.content, content(out), frozenset(unbroken.unstable))
    shutil.rmtree(out, ignore_errors=True)
    return Case("machine", f"{fault}: {kind}", seed, wrong, ended.code == 2)


def _unexplained(ended: Ended) -> str | None:
    return None if ended.code in (0, 2) else f"exit code {ended.code}: {ended.err.strip()[-200:]}"


@contextmanager
def _disk(fault: str, out: Path, rng: random.Random) -> Generator[None]:
    """A file system of its own for what the command writes, where the fault is one of the disk."""
    if fault not in ("full disk", "read-only"):
        yield
        return
    size = 64 << 20
    subprocess.run(["/usr/bin/mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(out)], check=True)
    try:
        if fault == "full disk":
            free = int(10 ** rng.uniform(0, 6.5))
            (out / "filler").write_bytes(bytes(max(size - free - (1 << 13), 0)))
        else:
            subprocess.run(["/usr/bin/mount", "-o", "remount,ro", str(out)], check=True)
        yield
    finally:
        subprocess.run(["/usr/bin/umount", "-l", str(out)], check=True)


def _under(fault: str, command: list[str], folder: Path, limit: float, rng: random.Random, seconds: float) -> Ended:
    if fault == "vanishing files":
        return _vanishing(command, folder, limit, rng, seconds)
    if fault == "two at once":
        second: list[Ended] = []
        # The other is a process of its own from the start: a fork from a thread may stop at a lock that nobody holds.
        other = subprocess.Popen(
            [sys.executable, "-m", "affetti", *command],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(rng.uniform(0, 4))
        first = run(command, folder, limit=limit)
        err = other.communicate(timeout=limit)[1]
        second.append(Ended(other.returncode, "", err, 0.0, 0.0, 0.0))
        return next((ended for ended in second if ended.fault or ended.code not in (0, 2)), first)
    return run(command, folder, limit=limit, inside=_inside(fault, rng.randrange(2**32)))


def _inside(fault: str, seed: int) -> Callable[[], None] | None:
    """What happens in the process of the command before it begins."""
    rng = random.Random(seed)

    def clock() -> None:
        real = time.time
        time.time = lambda: real() + rng.choice([-1, 1]) * rng.uniform(0, 3e7)

    def slow() -> None:
        sync, rename = os.fsync, os.replace

        def slow_sync(file: int) -> None:
            time.sleep(0.3 * rng.random())
            sync(file)

        def slow_rename(source: str, target: str) -> None:
            time.sleep(0.3 * rng.random())
            rename(source, target)

        os.fsync, os.replace = slow_sync, slow_rename  # type: ignore[assignment]

    limits = {
        "open files": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40)),
        "memory": lambda: resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30)),
        "clock": clock,
        "slow disk": slow,
    }
    return limits.get(fault)


def _vanishing(command: list[str], folder: Path, limit: float, rng: random.Random, seconds: float) -> Ended:
    """The command reads copies, of which some are removed while it runs."""
    copy = folder / "vanishing"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for name in (kills.TREE, kills.CORPUS, kills.RUN, kills.MADE, kills.SCORE):
        shutil.copytree(folder / name, copy / name)
    names = (kills.TREE, kills.CORPUS, kills.RUN, kills.MADE, kills.SCORE)
    given = {piece for part in command for piece in (part, part.partition("/")[0], part.partition(":")[2])}
    read = [name for name in names if name in given]
    files = [path for name in read for path in (copy / name).rglob("*") if path.is_file()]

    def remove() -> None:
        time.sleep(rng.uniform(0, seconds))
        for path in rng.sample(files, min(len(files), rng.randint(1, 3))):
            path.unlink(missing_ok=True)

    remover = threading.Thread(target=remove)
    remover.start()
    try:
        return run(command, copy, limit=limit)
    finally:
        remover.join()
        shutil.rmtree(copy, ignore_errors=True)
