"""What ``affetti doctor --engine`` checks: whether the engine can be used, and what is missing on its nodes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from affetti.errors import AffettiError
from affetti.execution import Engine, RayEngine, is_local, make_engine
from affetti.execution.ray_nodes import NodeReport, inspect_nodes
from affetti.execution.remote import COMPARED
from affetti.provenance import versions

LIBRARIES = {"ray": "ray", "slurm": "submitit"}
"""Package of each engine."""
Line = tuple[str, bool, str, str]
"""Name, whether it works, what was found, and what corrects it."""


def check_engine(engine: str | Engine) -> Iterator[Line]:
    """A line for the engine, and for Ray one for each node."""
    if is_local(engine):
        return
    try:
        chosen = make_engine(engine) if isinstance(engine, str) else engine
        chosen.executor(1)
        library = LIBRARIES[chosen.name]
        yield f"engine {chosen.name}", True, f"{library} {version(library)}", ""
        if isinstance(chosen, RayEngine):
            yield from _ray_cluster(chosen)
    except AffettiError as error:
        yield f"engine {engine if isinstance(engine, str) else engine.name}", False, error.what, error.hint or ""


def _ray_cluster(engine: RayEngine) -> Iterator[Line]:
    ray = engine.connect()
    resources = ray.cluster_resources()
    size = f"{resources.get('CPU', 0):g} cores, {resources.get('GPU', 0):g} GPUs"
    with tempfile.NamedTemporaryFile(dir=Path.cwd(), prefix=".affetti-seen-") as marker:
        reports = inspect_nodes(ray, Path(marker.name))
    where = "started here for the run" if engine.address is None else f"at {engine.address}"
    yield "Ray cluster", True, f"{where}: nodes {len(reports)}, {size}", ""
    for report in reports:
        yield _node(report)


def _node(report: NodeReport) -> Line:
    """What a node lacks."""
    name, here = f"node {report.node}", versions()
    if report.error is not None:
        fix = f"pip install affetti=={here['affetti']} on that node"
        return name, False, f"cannot be asked ({report.error})", fix
    differ = [it for it in COMPARED if report.versions[it] != here[it]]
    if differ:
        found = ", ".join(f"{it} {report.versions[it]} instead of {here[it]}" for it in differ)
        fix = "on that node: pip install " + " ".join(f"{it}=={here[it]}" for it in differ)
        return name, False, found, fix
    if not report.sees:
        detail = f"does not see {Path.cwd()}"
        return name, False, detail, "work in a folder that all nodes share, at the same path"
    return name, True, f"affetti {here['affetti']}, torch {here['torch']}; sees this folder", ""
