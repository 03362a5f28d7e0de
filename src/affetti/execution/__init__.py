"""Work spread over processes: :func:`executor` makes the executor that ``--engine`` and ``--workers`` name."""

from __future__ import annotations

from affetti.errors import UsageError
from affetti.execution.base import Engine, Executor, Job, RangeTask, ShardTask, ranges
from affetti.execution.local import LocalEngine, LocalExecutor, cpu_count
from affetti.execution.ray import RayEngine
from affetti.execution.slurm import SlurmEngine

ENGINES: dict[str, type[LocalEngine] | type[RayEngine] | type[SlurmEngine]] = {
    "local": LocalEngine,
    "ray": RayEngine,
    "slurm": SlurmEngine,
}
"""What ``--engine`` accepts, and the type of its options."""
FLAGS = {"address": "ray", "resources": "ray", "slurm": "slurm"}
"""Flags of the command line that belong to one engine."""

__all__ = [
    "ENGINES",
    "Engine",
    "Executor",
    "Job",
    "LocalEngine",
    "LocalExecutor",
    "RangeTask",
    "RayEngine",
    "ShardTask",
    "SlurmEngine",
    "cpu_count",
    "executor",
    "is_local",
    "make_engine",
    "ranges",
]


def executor(engine: str | Engine = "local", workers: int | None = None) -> Executor:
    """The executor of an engine.

    Args:
        engine: ``local``, processes on this machine; ``ray``; ``slurm``; or one of these with its options, such as
            ``RayEngine(address="auto")``.
        workers: how many ranges or jobs at once; by default on this machine as many as this process may use cores, on
            a Ray cluster as many as fit, under SLURM :data:`affetti.execution.slurm.ARRAY_TASKS`.

    Raises:
        UsageError: there is no such engine, or ``workers`` is less than 1.
        MissingDependencyError: the library or program that the engine needs is not installed.

    Example:
        >>> executor("local", 2).workers
        2
    """
    if workers is not None and workers < 1:
        raise UsageError(f"{workers} workers", where="--workers", hint="give 1 or more")
    return (make_engine(engine) if isinstance(engine, str) else engine).executor(workers)


def is_local(engine: str | Engine) -> bool:
    """Whether an engine is this machine."""
    return engine == "local" or isinstance(engine, LocalEngine)


def make_engine(
    name: str = "local", *, address: str | None = None, resources: str | None = None, slurm: str | None = None
) -> Engine:
    """The engine that the flags of the command line name.

    Args:
        name: one of :data:`ENGINES`.
        address: of a Ray cluster.
        resources: of each range or job on a Ray cluster, such as ``cpus=1,gpus=0.25``.
        slurm: options of SLURM, such as ``partition=cpu,time=60``.

    Raises:
        UsageError: there is no such engine, an option is invalid, or belongs to another engine.

    Example:
        >>> make_engine("ray", address="auto", resources="cpus=2")
        RayEngine(address='auto', cpus=2.0, gpus=0.0)
    """
    if name not in ENGINES:
        raise UsageError(f"there is no engine {name!r}", where="--engine", hint=f"choose from {', '.join(ENGINES)}")
    given = {"address": address, "resources": resources, "slurm": slurm}
    for flag, value in given.items():
        if value is not None and FLAGS[flag] != name:
            hint = f"add --engine {FLAGS[flag]}, or leave it out"
            raise UsageError(f"is for the engine {FLAGS[flag]}, not {name}", where=f"--{flag}", hint=hint)
    if name == "ray":
        return RayEngine.parse(address, resources)
    return SlurmEngine.parse(slurm) if name == "slurm" else LocalEngine()
