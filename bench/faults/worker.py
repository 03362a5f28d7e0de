"""A process that runs one affetti command after another, so that a small one takes milliseconds.

Each command has its own output, working directory and environment, a limit of processor time, and a limit of memory
beyond what the process held before. A command that hangs, crashes or takes too much costs only the process: the next
command gets a new one.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from faults.command import Ended, exit_code, held_mb, processor_seconds

COMMANDS = 200
"""After so many a process is replaced, and that its memory has not grown is checked."""
WALL_SECONDS = 300.0
"""For a command that waits without using the processor."""
POLL_SECONDS = 0.1


class Worker:
    """Runs commands; one at a time."""

    def __init__(self, seconds: float, memory_mb: float) -> None:
        """Args: the limits of a command: processor time, and memory beyond what the process held before."""
        self._seconds, self._memory_mb = seconds, memory_mb
        self._pid = self._to = self._from = -1
        self._done, self._first_mb = 0, 0.0
        self.growth_mb = 0.0
        """By how much the memory of a process has grown between a tenth and all of its commands, MB."""

    def run(self, arguments: Sequence[str], folder: Path) -> Ended:
        """Run ``affetti ARGUMENTS`` in ``folder``."""
        if self._pid < 0:
            self._start()
        began, held = time.monotonic(), held_mb(self._pid)
        os.write(self._to, json.dumps({"arguments": list(arguments), "folder": str(folder)}).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            if select.select([self._from], [], [], POLL_SECONDS)[0]:
                piece = os.read(self._from, 1 << 20)
                if not piece:
                    return self._died(time.monotonic() - began)
                answer += piece
            elif held_mb(self._pid) - held > 2 * self._memory_mb or time.monotonic() - began > WALL_SECONDS:
                taken = max(0.0, held_mb(self._pid) - held)
                self.close()
                return Ended(None if taken < self._memory_mb else 0, "", "", time.monotonic() - began, taken, 0.0)
        found = json.loads(answer)
        self._done += 1
        if self._done == COMMANDS // 10:
            self._first_mb = held_mb(self._pid)
        if self._done == COMMANDS:
            self.growth_mb = held_mb(self._pid) - self._first_mb
            self.close()
        return Ended(seconds=time.monotonic() - began, **found)

    def close(self) -> None:
        """End the process."""
        if self._pid >= 0:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            os.close(self._to)
            os.close(self._from)
            self._pid, self._done = -1, 0

    def _start(self) -> None:
        to_read, self._to = os.pipe()
        self._from, from_write = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._to)
            os.close(self._from)
            _serve(to_read, from_write, self._seconds)
        os.close(to_read)
        os.close(from_write)

    def _died(self, seconds: float) -> Ended:
        code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        os.close(self._to)
        os.close(self._from)
        self._pid, self._done = -1, 0
        return Ended(None if code == -signal.SIGXCPU else code, "", "", seconds, 0.0, self._seconds)


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def _serve(requests: int, answers: int, seconds: float) -> None:
    """The new process: run commands until it is killed, or the one who asks is gone."""
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        with os.fdopen(requests, encoding="utf-8") as lines:
            for line in lines:
                found = _one(seconds=seconds, **json.loads(line))
                os.write(answers, json.dumps(found).encode() + b"\n")
    finally:
        os._exit(0)


def _one(arguments: list[str], folder: str, seconds: float) -> dict[str, Any]:
    """One command, with all that it may have changed in the process set back."""
    from affetti.cli.main import main

    environment = dict(os.environ)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    texts = [os.memfd_create(name) for name in ("out", "err")]
    for number, text in enumerate(texts, start=1):
        os.dup2(text, number)
    sys.stdin, sys.stdout, sys.stderr = open(0, closefd=False), _text(1), _text(2)  # noqa: SIM115 - of the process
    os.chdir(folder)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
    held, used = _peak_mb(), processor_seconds()
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(used + seconds) + 1, hard))
    code: object = 1
    try:
        with warnings.catch_warnings():
            code = main(arguments)
    except SystemExit as error:
        code = error.code
    except BaseException:
        traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = 1
    used = processor_seconds() - used
    peak = max(0.0, _peak_mb() - held)
    os.environ.clear()
    os.environ.update(environment)
    for number, handler in handlers.items():
        signal.signal(number, handler)
    logging.captureWarnings(False)
    out, err = (os.pread(text, 1 << 22, 0).decode("utf-8", "replace") for text in texts)
    for text in texts:
        os.close(text)
    return {"code": exit_code(code), "out": out, "err": err, "peak_mb": peak, "processor_seconds": used}


def _text(number: int) -> Any:
    return open(number, "w", encoding="utf-8", closefd=False)
