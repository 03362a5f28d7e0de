"""Work under SLURM, as array jobs that submitit submits.

The ranges that are not done are dealt to the tasks of one array job, each of which computes many: Python and torch take
seconds to start. Ranges whose task failed, timed out or was preempted are submitted again, up to three times. Ctrl-C
cancels the jobs (``scancel``). A command that is killed, or whose terminal closes, leaves them in the queue; the same
command, called again, waits for them instead of submitting anew. Logs and submitit's files are in ``.slurm`` beside the
results until all ranges are done.

When not to use: for work of less than minutes.
"""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, cast

from affetti.errors import MissingDependencyError, StorageError, UsageError, WorkerError
from affetti.execution.base import Job, RangeTask, ranges
from affetti.execution.remote import (
    JobOrder,
    Outcome,
    RangeOrder,
    Setting,
    Span,
    Tries,
    last_line,
    parse_options,
    require_folder,
    require_library,
    require_saved,
    wait_for,
)
from affetti.execution.slurm_state import JOB_NAME, job_state, queued_jobs
from affetti.progress import Progress, silent
from affetti.storage import read_json, write_json

T = TypeVar("T")
Cluster = Literal["slurm", "local", "debug"]
ARRAY_TASKS = 32
"""Tasks of an array job, unless ``--workers`` says otherwise."""
TIME = re.compile(r"(\d+-\d+(:\d+){0,2}|\d+(:\d+){0,2})")
"""A time limit as SLURM takes it."""
FOLDER = ".slurm"
"""The folder of logs, beside the results."""
POLL_SECONDS = {"slurm": 2.0, "local": 0.2, "debug": 0.0}
"""Between two looks at the files of results."""
QUEUE_SECONDS = (4.0, 60.0)
"""Between two questions to SLURM, at least and at most: half of the time since the jobs were submitted."""


@dataclass(frozen=True)
class SlurmEngine:
    """Array jobs; see :class:`affetti.execution.base.Engine`. None leaves an option to the site."""

    name: ClassVar[str] = "slurm"

    partition: str | None = None
    time: str = "60"
    """Time limit of each array task, in minutes or as ``HH:MM:SS``."""
    cpus: int = 1
    """Cores of each array task; a job has as many threads."""
    mem: str | None = None
    """Memory of each array task, such as ``8G``."""
    gres: str | None = None
    """Generic resources, such as ``gpu:1``."""
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    cluster: Cluster = "slurm"
    """``local`` runs the array tasks as processes of this machine, to try things out; ``debug`` in this process."""

    @classmethod
    def parse(cls, text: str | None) -> SlurmEngine:
        """The engine of ``--slurm``.

        Raises:
            UsageError: an option is unknown, or its value invalid.
        """
        if text is None:
            return cls()
        known = [field.name for field in fields(cls)]
        options: dict[str, Any] = parse_options(text, known, "--slurm", "partition=cpu,time=60,gres=gpu:1")
        if options.get("cluster", "slurm") not in POLL_SECONDS:
            hint = f"choose from {', '.join(POLL_SECONDS)}"
            raise UsageError(f"cluster={options['cluster']}", where="--slurm", hint=hint)
        if not TIME.fullmatch(options.get("time", "60")):
            hint = "give minutes, HH:MM:SS or DAYS-HH:MM:SS"
            raise UsageError(f"time={options['time']}", where="--slurm", hint=hint)
        if "cpus" in options:
            if not options["cpus"].isdigit() or int(options["cpus"]) < 1:
                raise UsageError(f"cpus={options['cpus']}", where="--slurm", hint="give a whole number of 1 or more")
            options["cpus"] = int(options["cpus"])
        return cls(**options)

    def executor(self, workers: int | None) -> SlurmExecutor:
        """The executor; by default with :data:`ARRAY_TASKS` workers."""
        require_library("submitit", "slurm")
        for program in ("sbatch", "srun") if self.cluster == "slurm" else ():
            if shutil.which(program) is None:
                raise MissingDependencyError(
                    f"{program} is not on the PATH",
                    where="--engine slurm",
                    hint="run the command on a SLURM login node",
                )
        return SlurmExecutor(self, ARRAY_TASKS if workers is None else workers)

    def minutes(self) -> int:
        """The time limit in minutes, rounded up; :attr:`time` may have days too, as ``1-12:00:00`` or ``1-12``.

        Example:
            >>> [SlurmEngine(time=text).minutes() for text in ("90", "90:30", "1:30:00", "1-0", "1-12:00:30")]
            [90, 91, 90, 1440, 2161]
        """
        days, dash, clock = self.time.rpartition("-")
        parts = [int(part) for part in clock.split(":")]
        # With days the first number is of hours; without, one is of minutes and two are of minutes and seconds.
        hours, minutes, seconds = [*parts, 0, 0][:3] if dash or len(parts) == 3 else [0, *parts, 0][:3]
        return 1440 * int(days or 0) + 60 * hours + minutes + (seconds > 0)

    def parameters(self) -> dict[str, Any]:
        """The options as submitit calls them."""
        if self.cluster != "slurm":
            return {"timeout_min": self.minutes()}
        given = {"partition": self.partition, "mem": self.mem, "gres": self.gres, "account": self.account}
        given |= {"qos": self.qos, "constraint": self.constraint}
        named = {f"slurm_{name}": value for name, value in given.items() if value is not None}
        limit = int(self.time) if self.time.isdigit() else self.time
        return {**named, "slurm_time": limit, "cpus_per_task": self.cpus, "name": JOB_NAME}


@dataclass(frozen=True)
class SlurmExecutor:
    """Array jobs under SLURM; see :class:`affetti.execution.base.Executor`."""

    engine: SlurmEngine = SlurmEngine()
    workers: int = ARRAY_TASKS
    """Tasks of an array job."""

    def map_ranges(self, task: RangeTask, n: int, chunk: int, *, stage: str = "", progress: Progress = silent) -> None:
        """See :meth:`affetti.execution.base.Executor.map_ranges`."""
        spans = ranges(n, chunk)
        remaining = {span for span in spans if not task.done(*span)}
        progress(stage, _rows(spans) - _rows(remaining), n)
        if not remaining:
            return
        queue = Queue(self.engine, task.saved_in() / FOLDER)
        order, tries = RangeOrder.of(task, "slurm"), Tries()

        def show() -> None:
            remaining.difference_update([span for span in remaining if task.done(*span)])
            progress(stage, _rows(spans) - _rows(remaining), n)

        with queue.cancelled_on_error():
            submitted = queue.reclaim(remaining)
            while remaining:
                begun = {span for job in submitted for span in job.spans}
                left = sorted(remaining - begun)
                groups = [left[first :: self.workers] for first in range(min(self.workers, len(left)))]
                submitted += queue.submit(order, groups)
                ended = queue.wait(show)
                submitted.clear()
                for job, outcome in ended:
                    if outcome.error is None:
                        for span in job.spans:
                            require_saved(task, span, outcome.node)
                    elif not job.reclaimed or outcome.final:
                        for span in [span for span in job.spans if not task.done(*span)]:
                            tries.add(span, f"rows {span[0]} to {span[1]}", outcome, job.log)
                show()
        queue.remove()

    def run_jobs(self, jobs: Sequence[Job[T]], progress: Progress = silent) -> list[T]:
        """See :meth:`affetti.execution.base.Executor.run_jobs`; ``progress`` receives how many jobs are done."""
        if not jobs:
            return []
        results: dict[int, Any] = {}
        queue, tries = Queue(self.engine, jobs[0].out.parent / FOLDER), Tries()
        orders = [_Silent(JobOrder(job, Setting("slurm"), self.engine.cpus)) for job in jobs]
        progress("jobs", 0, len(jobs))
        with queue.cancelled_on_error():
            while len(results) < len(jobs):
                for number in range(len(jobs)):
                    if number not in results:
                        queue.submit(orders[number], [[(number, number + 1)]])
                for job, outcome in queue.wait():
                    number = job.spans[0][0]
                    if outcome.error is None:
                        require_folder(jobs[number].out, outcome.node)
                        results[number] = outcome.result
                    else:
                        tries.add(number, jobs[number].name, outcome, job.log)
                progress("jobs", len(results), len(jobs))
        queue.remove()
        return [results[number] for number in range(len(jobs))]


@dataclass(frozen=True)
class _Silent:
    """A job as an array task calls it."""

    order: JobOrder[Any]

    def __call__(self, _spans: Sequence[Span]) -> Outcome[Any]:
        return self.order(silent)


@dataclass(frozen=True)
class ArrayTask:
    """A task of an array job."""

    job: Any
    """submitit's."""
    spans: tuple[Span, ...]
    reclaimed: bool = False
    """Whether an earlier call of the command submitted it."""

    @property
    def log(self) -> Path:
        """Its standard error."""
        return Path(self.job.paths.stderr)

    def has_result(self) -> bool:
        """Whether its result, or the error that it raised, is seen here."""
        return Path(self.job.paths.result_pickle).exists()

    def outcome(self, cluster: Cluster) -> Outcome[Any]:
        """How it ended; where it left no result, its state and the last line of its log."""
        if cluster == "slurm" and not wait_for(self.has_result):  # submitit would wait for ever without accounts
            return self._without_result(job_state(self.job.job_id) or "not in the queue", "no log")
        try:
            return cast(Outcome[Any], self.job.result())
        except Exception as error:
            state = "FAILED" if cluster == "slurm" else str(self.job.state)
            return self._without_result(state, last_line(str(error)) or type(error).__name__)

    def _without_result(self, state: str, reason: str) -> Outcome[Any]:
        with contextlib.suppress(OSError):
            reason = last_line(self.log.read_text(encoding="utf-8", errors="replace")) or reason
        what = f"array task {self.job.job_id} ended without a result ({state}: {reason})"
        return Outcome("of SLURM", WorkerError(what))


class Queue:
    """The array tasks of one call, submitted and not ended."""

    def __init__(self, engine: SlurmEngine, folder: Path) -> None:
        self.engine, self.folder = engine, folder.resolve()
        self._submitit = require_library("submitit", "slurm")
        self._tasks: list[ArrayTask] = []
        self._submitted = self._asked = time.monotonic()

    @property
    def _record(self) -> Path:
        """Which jobs were submitted for which ranges, for the next call."""
        return self.folder / "jobs.json"

    def submit(self, order: Any, groups: Sequence[Sequence[Span]]) -> list[ArrayTask]:
        """Submit one array task for each group of ranges.

        Raises:
            UsageError: SLURM refuses the options, such as an unknown partition.
        """
        if not groups:
            return []
        try:
            executor = self._submitit.AutoExecutor(folder=self.folder, cluster=self.engine.cluster)
            executor.update_parameters(**self.engine.parameters())
            with contextlib.redirect_stderr(io.StringIO()):  # submitit prints what it raises
                jobs = executor.map_array(order, [list(group) for group in groups])
        except OSError as error:
            raise StorageError(f"cannot be used ({error.strerror})", where=self.folder) from error
        except Exception as error:
            lines = [line.removeprefix("sbatch: error: ") for line in str(error).split("\n") if line.strip()]
            reason = "; ".join(lines) or type(error).__name__
            hint = "see sinfo, and correct the options"
            raise UsageError(f"SLURM refuses the job ({reason})", where="--slurm", hint=hint) from error
        tasks = [ArrayTask(job, tuple(group)) for job, group in zip(jobs, groups, strict=True)]
        self._tasks += tasks
        self._submitted = time.monotonic()
        self._save()
        return tasks

    def reclaim(self, remaining: set[Span]) -> list[ArrayTask]:
        """The array tasks of a call that was killed, as far as they are about ranges that remain."""
        kind = {"slurm": "SlurmJob", "local": "LocalJob"}.get(self.engine.cluster)
        if kind is None or not self._record.is_file():
            return []
        make = getattr(self._submitit, kind)
        found: list[ArrayTask] = []
        for entry in read_json(self._record):
            spans = tuple((int(start), int(stop)) for start, stop in entry["spans"])
            left = tuple(span for span in spans if span in remaining)
            if entry["cluster"] == self.engine.cluster and left:
                found.append(ArrayTask(make(self.folder, entry["job"]), left, reclaimed=True))
        self._tasks += found
        return found

    def wait(self, show: Callable[[], None] = lambda: None) -> list[tuple[ArrayTask, Outcome[Any]]]:
        """Wait until all have ended; one whose error is final ends the wait."""
        ended: list[tuple[ArrayTask, Outcome[Any]]] = []
        while self._tasks:
            for task in self._ended():
                self._tasks.remove(task)
                ended.append((task, task.outcome(self.engine.cluster)))
                if ended[-1][1].final:
                    return [ended[-1]]
            show()
            if self._tasks:
                time.sleep(POLL_SECONDS[self.engine.cluster])
        self._save()
        return ended

    def _ended(self) -> list[ArrayTask]:
        """Those that have a result, or that SLURM does not have in its queue any more."""
        if self.engine.cluster != "slurm":
            return [task for task in self._tasks if task.job.done()]
        now, (least, most) = time.monotonic(), QUEUE_SECONDS
        queued: set[str] | None = None
        if now - self._asked >= min(most, max(least, (now - self._submitted) / 2)):
            queued, self._asked = queued_jobs(), now
        return [it for it in self._tasks if it.has_result() or (queued is not None and it.job.job_id not in queued)]

    @contextlib.contextmanager
    def cancelled_on_error(self) -> Generator[None]:
        """Cancel what is in the queue when the block raises: on Ctrl-C, or after an error."""
        try:
            yield
        except BaseException:
            for task in self._tasks:
                with contextlib.suppress(Exception):
                    task.job.cancel(check=False)
            self._tasks.clear()
            with contextlib.suppress(Exception):
                self._save()
            raise

    def remove(self) -> None:
        """Remove logs and records, when all is done."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _save(self) -> None:
        cluster = self.engine.cluster
        write_json(self._record, [{"cluster": cluster, "job": it.job.job_id, "spans": it.spans} for it in self._tasks])


def _rows(spans: Sequence[Span] | set[Span]) -> int:
    return sum(stop - start for start, stop in spans)
