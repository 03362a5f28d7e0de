"""Work on a Ray cluster: an existing one, or one started on this machine for the run.

A task is put into Ray's object store once and fetched by each worker; ranges are sent as numbers. As many ranges are
submitted as the cluster has room for, twice over, so that memory does not grow with their number. A range or job whose
worker or node dies is run again. A range that takes far longer than the others did, once there is room, is run a second
time (Dean & Ghemawat 2004): the first result counts, and the other copy is ended. Results go through files, on a path
that all nodes share.

When not to use: for work on one machine, where :mod:`affetti.execution.local` starts sooner.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import sys
import threading
import uuid
from collections import deque
from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, TypeVar

from affetti.errors import UsageError, WorkerError
from affetti.execution.base import Job, RangeTask, ranges
from affetti.execution.local import cpu_count
from affetti.execution.remote import (
    JobOrder,
    Outcome,
    RangeOrder,
    Setting,
    Tries,
    last_line,
    parse_options,
    require_folder,
    require_library,
    require_saved,
)
from affetti.execution.stragglers import InProgress
from affetti.progress import Progress, silent

T = TypeVar("T")
log = logging.getLogger(__name__)
OBJECT_STORE = 100 * 1024**2
"""Bytes of the object store of a cluster that is started for the run: it holds tasks, never audio."""
CONNECT_SECONDS = 5.0
CANCEL_SECONDS = 60.0
"""Seconds that work may take to stop, and jobs to save, after Ctrl-C."""
END_SECONDS = 10.0
"""Seconds that a second copy may take to be killed."""


@dataclass(frozen=True)
class RayEngine:
    """A Ray cluster; see :class:`affetti.execution.base.Engine`."""

    name: ClassVar[str] = "ray"

    address: str | None = None
    """``auto``, ``HOST:PORT`` or ``ray://HOST:PORT``; None starts a cluster on this machine for the run."""
    cpus: float = 1.0
    """Cores that each range or job is given; a job has as many threads."""
    gpus: float = 0.0
    """GPUs, or the share of one, that each is given."""

    @classmethod
    def parse(cls, address: str | None, resources: str | None) -> RayEngine:
        """The engine of ``--address`` and ``--resources``.

        Raises:
            UsageError: a resource is unknown, or no number.
        """
        options: dict[str, str] = {}
        if resources is not None:
            options = parse_options(resources, ("cpus", "gpus"), "--resources", "cpus=1,gpus=0.25")
        numbers: dict[str, float] = {}
        for name, value in options.items():
            try:
                numbers[name] = float(value)
            except ValueError:
                numbers[name] = -1.0
            if not 0 <= numbers[name] < float("inf"):
                raise UsageError(f"{name}={value}", where="--resources", hint="give a number of 0 or more")
        return cls(address, **numbers)

    def executor(self, workers: int | None) -> RayExecutor:
        """The executor; by default with as many workers as the cluster has room for."""
        require_library("ray", "ray")
        return RayExecutor(self, workers)

    def connect(self) -> Any:
        """Ray, connected to the cluster, or to the one that this process is connected to already.

        Raises:
            MissingDependencyError: Ray is not installed.
            UsageError: the address is invalid, or nothing answers there.
            WorkerError: the cluster cannot be used, such as for another version of Ray.
        """
        ray = require_library("ray", "ray")
        if ray.is_initialized():
            return ray
        options: dict[str, Any] = {"log_to_driver": False, "configure_logging": True, "logging_level": logging.ERROR}
        if self.address is None:
            # "local": without it Ray joins a cluster that happens to run on this machine.
            options |= {
                "address": "local",
                "num_cpus": cpu_count(),
                "object_store_memory": OBJECT_STORE,
                "include_dashboard": False,
            }
        else:
            require_answer(self.address)
            options |= {"address": self.address}
        try:
            with _handlers_kept():
                ray.init(**options)
        except ConnectionError as error:
            raise no_answer(str(self.address), last_line(str(error))) from error
        except Exception as error:
            where = "--engine ray" if self.address is None else f"--address {self.address}"
            reason = last_line(str(error)) or type(error).__name__
            hint = "check that driver and cluster have the same Ray and Python: affetti doctor --engine ray"
            raise WorkerError(f"Ray cannot be used ({reason})", where=where, hint=hint) from error
        return ray

    def require_resources(self, ray: Any) -> None:
        """Raise :class:`UsageError` where no node has the resources that each range is to be given."""
        for name, needed in (("CPU", self.cpus), ("GPU", self.gpus)):
            most = max((node["Resources"].get(name, 0.0) for node in ray.nodes() if node["Alive"]), default=0.0)
            if needed > most:
                raise UsageError(
                    f"{needed:g} {name}s for each range, the largest node has {most:g}",
                    where="--resources",
                    hint="give fewer",
                )

    def slots(self, ray: Any) -> int:
        """How many ranges or jobs the cluster has room for."""
        resources = ray.cluster_resources()
        room = [resources.get(name, 0.0) / n for name, n in (("CPU", self.cpus), ("GPU", self.gpus)) if n > 0]
        return max(1, int(min(room, default=1.0)))


@dataclass(frozen=True)
class RayExecutor:
    """A Ray cluster; see :class:`affetti.execution.base.Executor`."""

    engine: RayEngine = RayEngine()
    limit: int | None = None
    """Ranges or jobs at once; None: as many as the cluster has room for."""

    @property
    def workers(self) -> int:
        """How many ranges or jobs are worked on at once."""
        if self.limit is not None:
            return self.limit
        if self.engine.address is None:
            return max(1, int(cpu_count() / max(self.engine.cpus, 1.0)))
        return self.engine.slots(self.engine.connect())

    def map_ranges(self, task: RangeTask, n: int, chunk: int, *, stage: str = "", progress: Progress = silent) -> None:
        """See :meth:`affetti.execution.base.Executor.map_ranges`."""
        remaining = [span for span in ranges(n, chunk) if not task.done(*span)]
        n_done = n - sum(stop - start for start, stop in remaining)
        progress(stage, n_done, n)
        if not remaining:
            return
        ray = self._connect()
        order, key = ray.put(RangeOrder.of(task, "ray")), uuid.uuid4().hex
        run = self._remote(ray, _run_range, stage or "ranges")

        def finished(span: Any, outcome: Outcome[Any]) -> None:
            nonlocal n_done
            require_saved(task, span, outcome.node)
            n_done += span[1] - span[0]
            progress(stage, n_done, n)

        # In a list, Ray passes the reference on instead of the object: a worker fetches it once.
        calls: dict[Hashable, Callable[[], Any]] = {span: partial(run.remote, key, [order], span) for span in remaining}
        names: dict[Hashable, str] = {span: f"rows {span[0]} to {span[1]}" for span in remaining}
        self._run(ray, calls, names, finished, repeatable=True)

    def run_jobs(self, jobs: Sequence[Job[T]], progress: Progress = silent) -> list[T]:
        """See :meth:`affetti.execution.base.Executor.run_jobs`."""
        if not jobs:
            return []
        ray = self._connect()
        queue = _queue_here(ray)
        run = self._remote(ray, _run_job, "jobs")
        threads = max(1, int(self.engine.cpus))
        orders = [JobOrder(job, Setting("ray"), threads) for job in jobs]
        results: dict[int, Any] = {}

        def finished(number: Any, outcome: Outcome[Any]) -> None:
            require_folder(jobs[number].out, outcome.node)
            results[number] = outcome.result

        def report() -> None:
            with contextlib.suppress(ray.exceptions.RayError):  # progress that is lost costs no work
                for step in queue.get_nowait_batch(queue.qsize()):
                    progress(*step)

        calls: dict[Hashable, Callable[[], Any]] = {
            number: partial(run.remote, order, queue) for number, order in enumerate(orders)
        }
        names: dict[Hashable, str] = {number: job.name for number, job in enumerate(jobs)}
        try:
            self._run(ray, calls, names, finished, report)
            report()
        finally:
            queue.shutdown(force=True)
        return [results[number] for number in range(len(jobs))]

    def _connect(self) -> Any:
        ray = self.engine.connect()
        self.engine.require_resources(ray)
        return ray

    def _remote(self, ray: Any, function: Callable[..., Any], name: str) -> Any:
        """``function`` as work of the cluster; what fails is tried again here, which counts the tries."""
        return ray.remote(function).options(
            num_cpus=self.engine.cpus, num_gpus=self.engine.gpus, max_retries=0, name=f"affetti {name}"
        )

    def _run(
        self,
        ray: Any,
        calls: Mapping[Hashable, Callable[[], Any]],
        names: Mapping[Hashable, str],
        finished: Callable[[Any, Outcome[Any]], None],
        report: Callable[[], None] = lambda: None,
        repeatable: bool = False,
    ) -> None:
        """Submit all ``calls``, so many at a time, and again what fails.

        Args:
            ray: the library, connected.
            calls: what submits each piece of work.
            names: what messages call it.
            finished: receives the outcome of each that succeeded.
            report: called now and then.
            repeatable: whether two copies of a piece of work may run at the same time.
        """
        waiting, progress = deque(calls), InProgress()
        tries = Tries()
        slots = self._slots(ray)
        try:
            while waiting or progress.copies:
                while waiting and len(progress.copies) < (self.limit or 2 * slots):
                    key = waiting.popleft()
                    progress.add(key, calls[key]())
                if repeatable and not waiting and len(progress.copies) < slots:
                    for key in progress.stragglers()[: slots - len(progress.copies)]:
                        log.warning("%s takes long and is run a second time; the first result counts", names[key])
                        progress.add(key, calls[key]())
                ended, _ = ray.wait(list(progress.copies), num_returns=1, timeout=1.0)
                report()
                for reference in ended:
                    key, outcome = progress.remove(reference), _outcome(ray, reference)
                    if outcome.error is None:
                        _end(ray, progress.remove_copies(key))
                        finished(key, outcome)
                    else:
                        tries.add(key, names[key], outcome)
                        if key not in progress.copies.values():
                            waiting.append(key)
                        slots = self._slots(ray)
        except BaseException:
            _cancel(ray, list(progress.copies))
            raise

    def _slots(self, ray: Any) -> int:
        """How many pieces of work run at once."""
        return min(self.limit or sys.maxsize, self.engine.slots(ray))


def _outcome(ray: Any, reference: Any) -> Outcome[Any]:
    """The outcome of work that has ended; where its worker or node died, what Ray says of it."""
    try:
        return ray.get(reference)
    except ray.exceptions.RayError as error:
        kind = type(error).__name__
        reason = last_line(str(error)) if isinstance(error, ray.exceptions.RayTaskError) else kind
        if isinstance(error, ray.exceptions.OutOfMemoryError):
            reason = "killed, out of memory"
        return Outcome("of Ray", WorkerError(f"a worker of Ray died or could not run it ({reason})"))


def _cancel(ray: Any, references: list[Any]) -> None:
    """Interrupt work in progress and wait until it has stopped; a job saves its state."""
    for reference in references:
        with contextlib.suppress(Exception):
            ray.cancel(reference, force=False)
    if references:
        with contextlib.suppress(Exception):
            ray.wait(references, num_returns=len(references), timeout=CANCEL_SECONDS)


def _end(ray: Any, references: list[Any]) -> None:
    """Kill copies of work that is done, and wait until they are gone: what they write would come late."""
    for reference in references:
        with contextlib.suppress(Exception):
            ray.cancel(reference, force=True)
    if references:
        with contextlib.suppress(Exception):
            ray.wait(references, num_returns=len(references), timeout=END_SECONDS)


_orders: dict[str, RangeOrder] = {}
"""In a worker: the task that it works on, by the key of the call of map_ranges."""


def _run_range(key: str, order: list[Any], span: tuple[int, int]) -> Outcome[None]:
    """In a worker: compute one range."""
    if key not in _orders:
        _orders.clear()
        _orders[key] = require_library("ray", "ray").get(order[0])
    return _orders[key]([span])


def _run_job(order: JobOrder[Any], queue: Any) -> Outcome[Any]:
    """In a worker: do one job; its progress goes through the queue."""
    errors = require_library("ray", "ray").exceptions.RayError

    def progress(stage: str, done: int, total: int) -> None:
        with contextlib.suppress(errors):
            queue.put((stage, done, total))

    return order(progress)


def _queue_here(ray: Any) -> Any:
    """A queue for progress on the node of this process, with which alone it ends."""
    strategy = require_library("ray.util.scheduling_strategies", "ray").NodeAffinitySchedulingStrategy
    here = strategy(node_id=ray.get_runtime_context().get_node_id(), soft=True)
    return require_library("ray.util.queue", "ray").Queue(actor_options={"num_cpus": 0, "scheduling_strategy": here})


@contextlib.contextmanager
def _handlers_kept() -> Generator[None]:
    """Ray replaces the handler of SIGTERM, by which the command line ends in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            if handler is not None:
                signal.signal(number, handler)


def require_answer(address: str) -> None:
    """Check that something answers at ``HOST:PORT`` or ``ray://HOST:PORT``: Ray itself would try for minutes.

    Raises:
        UsageError: the address is invalid, or nothing answers.
    """
    if address == "auto":
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        hint = "give auto, HOST:PORT or ray://HOST:PORT"
        raise UsageError(f"{address!r} is no address of a cluster", where="--address", hint=hint)
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise no_answer(address, str(error)) from error


def no_answer(address: str, reason: str) -> UsageError:
    """The error for an address at which there is no cluster."""
    hint = "start a cluster (ray start --head) or leave --address out"
    return UsageError(f"no Ray cluster answers at {address} ({reason})", where="--address", hint=hint)
