"""Run one affetti command in a process of its own that need not import anything, and see how it ends.

The process is forked from this one, which has imported affetti: a command starts in milliseconds, so that thousands
fit into minutes. Linux alone.
"""

from __future__ import annotations

import atexit
import importlib
import os
import pkgutil
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import affetti

CLUSTERS = ("affetti.execution.ray", "affetti.execution.slurm", "affetti.__main__")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int | None
    """Exit code; negative for a signal, None where it was killed at its time limit."""
    out: str
    err: str
    seconds: float
    peak_mb: float
    """Most memory that the process held beyond what it had at its start, in MB; of those that ended by themselves."""
    processor_seconds: float
    """Processor time of the process."""

    @property
    def fault(self) -> str | None:
        """What no command may do, whatever it is given; None where it ended as it should."""
        if self.code is None:
            return "hung"
        if "Traceback (most recent call last)" in self.err:
            return f"traceback: {self.err.strip().splitlines()[-1][-200:]}"
        if self.code < 0:
            return f"died of signal {-self.code}"
        if self.code == 2 and not self.err.strip():
            return "refused without a word"
        return None


def import_all() -> None:
    """Import every module of affetti, so that a forked process has them."""
    import torch

    torch.set_num_threads(1)
    for module in pkgutil.walk_packages(affetti.__path__, "affetti."):
        if module.name not in CLUSTERS:
            importlib.import_module(module.name)


def run(
    arguments: Sequence[str],
    folder: Path,
    *,
    limit: float = 120.0,
    kill_after: float | None = None,
    processor_limit: int | None = None,
    inside: Callable[[], None] | None = None,
) -> Ended:
    """Run ``affetti ARGUMENTS`` in ``folder``.

    Args:
        arguments: what stands after ``affetti``.
        folder: the working directory.
        limit: seconds until it counts as hung and is killed.
        kill_after: seconds of processor time after which it is killed with SIGKILL, with all its children.
        processor_limit: seconds of processor time until it counts as hung and is killed; ``limit`` counts as well.
        inside: called in the new process before the command; sets limits, for example.
    """
    reading = {kind: os.pipe() for kind in ("out", "err")}
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        if processor_limit is not None:
            resource.setrlimit(resource.RLIMIT_CPU, (processor_limit, processor_limit + 5))
        _be_the_command(arguments, folder, reading["out"][1], reading["err"][1], inside)
    for _, end in reading.values():
        os.close(end)
    os.set_blocking(reading["out"][0], False)
    os.set_blocking(reading["err"][0], False)
    texts, status, usage = {"out": b"", "err": b""}, None, None
    deadline, hung = began + limit, False
    try:
        while status is None:
            select.select([end for end, _ in reading.values()], [], [], 0.005)
            _read(reading, texts)
            done, ended, usage = os.wait4(pid, os.WNOHANG)
            if done:
                status = ended
            elif time.monotonic() > deadline or (kill_after is not None and processor_seconds(pid) >= kill_after):
                hung = time.monotonic() > deadline
                _end_group(pid)
                os.kill(pid, signal.SIGKILL)
                deadline, kill_after = float("inf"), None
        _read(reading, texts)
    finally:
        for end, _ in reading.values():
            os.close(end)
        _end_group(pid)  # its children
    peak = 0.0 if usage is None else usage.ru_maxrss / 1024
    code = os.waitstatus_to_exitcode(status)
    return Ended(
        None if hung or code == -signal.SIGXCPU else code,
        texts["out"].decode("utf-8", "replace"),
        texts["err"].decode("utf-8", "replace"),
        time.monotonic() - began,
        max(0.0, peak - held_mb()),
        0.0 if usage is None else usage.ru_utime + usage.ru_stime,
    )


def processor_seconds(pid: int | None = None) -> float:
    """Processor time of a process, by default this one; 0 if it has ended."""
    try:
        fields = Path(f"/proc/{pid or 'self'}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2]
    except OSError:
        return 0.0
    user, system = fields.split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _read(reading: dict[str, tuple[int, int]], texts: dict[str, bytes]) -> None:
    for kind, (end, _) in reading.items():
        try:
            while piece := os.read(end, 1 << 16):
                texts[kind] += piece
        except BlockingIOError:
            continue


def _end_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def held_mb(pid: int | None = None) -> float:
    """Memory that a process holds now, by default this one, in MB; 0 if it has ended."""
    try:
        pages = int(Path(f"/proc/{pid or 'self'}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * resource.getpagesize() / 2**20


def _be_the_command(
    arguments: Sequence[str], folder: Path, out: int, err: int, inside: Callable[[], None] | None
) -> None:
    code: object = 1
    try:
        os.setsid()
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115 - of the new process
        if inside is not None:
            inside()
        from affetti.cli.main import main

        code = main(list(arguments))
    except SystemExit as error:
        code = error.code
    except BaseException:
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                code = 1
        os._exit(exit_code(code))


def exit_code(code: object) -> int:
    """What the system is told for what ``sys.exit`` was given."""
    return code if isinstance(code, int) else (0 if code is None else 1)
