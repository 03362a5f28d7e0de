"""Work of the page in worker processes, behind a bounded queue.

The event loop never computes: a job goes to a pool of processes (pebble's, which ends a process whose task takes too
long and replaces one that died). A job's folder holds the lines of progress that its task appends; whoever listens
follows that file. When the queue is full a job is refused at once.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import secrets
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import BrokenExecutor, Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from pebble import ProcessExpired, ProcessPool

from affetti.errors import InputError, WorkerError
from affetti.web.errors import QueueFullError
from affetti.web.limits import MAX_WAITING

POLL_SECONDS = 0.05
"""How often a file of events is looked at while somebody listens."""
MAX_FINISHED = 200
"""Finished jobs whose result can still be asked for."""


@dataclass
class Job:
    """A task in a worker process."""

    id: str
    kind: str
    future: Future[Any]
    events: Path
    """Lines of progress, a JSON object each; may not exist yet."""
    finish: Callable[[Any], dict[str, Any]]
    """Turns the task's result into what the page receives; called once."""
    _document: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def state(self) -> str:
        """``waiting``, ``running``, ``done`` or ``failed``."""
        if not self.future.done():
            return "running" if self.future.running() else "waiting"
        failed = self.future.cancelled() or self.future.exception() is not None
        return "failed" if failed else "done"

    def when_done(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` when the task has ended, however it did."""

        def ended(_future: Future[Any]) -> None:
            callback()

        self.future.add_done_callback(ended)

    async def result(self) -> dict[str, Any]:
        """Wait for the result.

        Raises:
            AffettiError: what the task raised; or it took too long, or its process died.
        """
        try:
            value = await asyncio.shield(asyncio.wrap_future(self.future))
        except TimeoutError:
            raise InputError("took too long and was ended", hint="give a shorter or simpler one") from None
        except ProcessExpired:
            raise InputError("ended the process that computed it", hint="try another request or file") from None
        except BrokenExecutor:
            raise WorkerError("the processes that compute were killed", hint="send it again") from None
        except MemoryError:
            raise InputError("needs more memory than it may take", hint="give a shorter one") from None
        except asyncio.CancelledError:
            if not self.future.cancelled():  # it is the request that was cancelled
                raise
            raise WorkerError("was cancelled", hint="send it again") from None
        if self._document is None:
            self._document = self.finish(value)
        return self._document

    async def lines(self) -> AsyncGenerator[dict[str, Any]]:
        """The task's progress as it comes, until it ends."""
        position, end = 0, asyncio.wrap_future(self.future)
        end.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # else asyncio logs it
        while True:
            ended = self.future.done()
            if self.events.exists():
                with self.events.open("rb") as file:
                    file.seek(position)
                    text = file.read()
                whole = text[: text.rfind(b"\n") + 1]
                position += len(whole)
                for line in whole.splitlines():
                    yield json.loads(line)
            if ended:
                return
            await asyncio.wait([end], timeout=POLL_SECONDS)


class JobQueue:
    """A bounded queue of jobs for worker processes."""

    def __init__(
        self, workers: int, folder: Path, initialiser: Callable[..., object], arguments: tuple[Any, ...]
    ) -> None:
        self.folder = folder
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._new_pool = partial(
            ProcessPool,
            max_workers=workers,
            context=multiprocessing.get_context("spawn"),
            initializer=initialiser,
            initargs=arguments,
        )
        self._pool = self._new_pool()

    def submit(
        self,
        kind: str,
        task: Callable[..., Any],
        arguments: tuple[Any, ...],
        seconds: float,
        finish: Callable[[Any], dict[str, Any]],
        name: str | None = None,
    ) -> Job:
        """Queue ``task(*arguments)``, which may take ``seconds``; ``name`` is its id, by default a new one.

        Raises:
            QueueFullError: :data:`~affetti.web.limits.MAX_WAITING` jobs wait or run.
        """
        self.require_room()
        if not self._pool.active:  # pebble gives up a pool in which an idle worker was killed
            self._pool.stop()
            Thread(target=self._pool.join, daemon=True).start()  # waits for its other workers to end
            self._pool = self._new_pool()
        name = name or new_id()
        future: Future[Any] = self._pool.schedule(task, args=arguments, timeout=seconds)
        job = Job(name, kind, future, self.events_file(name), finish)
        self._jobs[name] = job
        self._forget()
        return job

    def require_room(self) -> None:
        """Raise QueueFullError where :meth:`submit` would; before anything is prepared for a job."""
        if self.pending() >= MAX_WAITING:
            raise QueueFullError

    def events_file(self, name: str) -> Path:
        """Where the task of job ``name`` appends its progress."""
        return self.folder / f"{name}.events"

    def pending(self, kind: str | None = None) -> int:
        """Jobs, of ``kind`` where it is given, that wait or run."""
        return sum(not job.future.done() and kind in (None, job.kind) for job in self._jobs.values())

    def get(self, name: str) -> Job | None:
        """The job of this id; None: there is none, or it ended long ago."""
        return self._jobs.get(name)

    def warm_up(self) -> bool:
        """Start the worker processes, which prepare themselves; whether they run."""
        return self._pool.active  # pebble starts its processes when first asked

    def stop(self) -> None:
        """End all jobs and their processes."""
        self._pool.stop()
        self._pool.join()

    def _forget(self) -> None:
        """Forget the oldest finished jobs beyond :data:`MAX_FINISHED`."""
        finished = [name for name, job in self._jobs.items() if job.future.done()]
        for name in finished[: max(0, len(finished) - MAX_FINISHED)]:
            self._jobs.pop(name).events.unlink(missing_ok=True)


def new_id() -> str:
    """An id that cannot be guessed."""
    return secrets.token_urlsafe(16)
