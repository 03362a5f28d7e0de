"""``affetti doctor``."""

from __future__ import annotations

from dataclasses import dataclass

from affetti.cli.flags import parse
from affetti.cli.output import print_result


@dataclass(frozen=True)
class Flags:
    """Report what works on this machine, what is missing, and the command that fixes it."""

    engine: str | None = None
    """Check this engine too: ray (its nodes, their versions, whether they see this folder) or slurm."""
    address: str | None = None
    """With --engine ray: an existing cluster (default: one started for the check)."""
    json: bool = False
    """Print one JSON document to stdout, nothing else."""


def run(arguments: list[str]) -> int:
    """Run the verb; exit code 2 when something needed is broken."""
    flags = parse(Flags, arguments, "doctor")
    from affetti import api
    from affetti.execution import make_engine

    result = api.doctor.run(make_engine(flags.engine or "local", address=flags.address))
    lines = [
        f"{'ok' if check.ok else 'MISSING' if check.needed else 'absent':<8} {check.name}: {check.detail}"
        for check in result.checks
    ]
    lines += [f"         fix {check.name}: {check.fix}" for check in result.checks if not check.ok]
    print_result(result.to_dict(), flags.json, "\n".join(lines))
    return 0 if result.ok else 2
