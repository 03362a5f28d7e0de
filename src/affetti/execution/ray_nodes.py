"""What the nodes of a Ray cluster have: versions, and whether they see a file of this machine.

When not to use: while work is in progress, whose workers already refuse other versions and paths that are not shared.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from affetti.execution.remote import last_line, require_library
from affetti.provenance import versions


@dataclass(frozen=True)
class NodeReport:
    """What a node of a cluster has."""

    node: str
    versions: dict[str, str]
    """Of affetti, torch, numpy and Python; empty where affetti cannot be imported."""
    sees: bool
    """Whether it sees a file that was written here."""
    error: str | None = None
    """Why it could not be asked."""


def inspect_nodes(ray: Any, marker: Path, seconds: float = 60.0) -> list[NodeReport]:
    """Ask every living node for its versions and whether it sees the file ``marker``."""
    strategy = require_library("ray.util.scheduling_strategies", "ray").NodeAffinitySchedulingStrategy
    ask = ray.remote(_inspect)
    asked = {
        ask.options(num_cpus=0, max_retries=0, scheduling_strategy=strategy(node_id=node["NodeID"], soft=False)).remote(
            str(marker.resolve())
        ): node["NodeManagerHostname"]
        for node in ray.nodes()
        if node["Alive"]
    }
    ended, _ = ray.wait(list(asked), num_returns=len(asked), timeout=seconds)
    reports: list[NodeReport] = []
    for reference, name in asked.items():
        if reference not in ended:
            reports.append(NodeReport(name, {}, False, f"no answer in {seconds:g} s"))
            continue
        try:
            reports.append(NodeReport(name, *ray.get(reference)))
        except ray.exceptions.RayError as error:
            reports.append(NodeReport(name, {}, False, last_line(str(error))))
    return reports


def _inspect(marker: str) -> tuple[dict[str, str], bool]:
    return versions(), Path(marker).exists()
