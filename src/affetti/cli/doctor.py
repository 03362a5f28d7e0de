"""``affetti doctor``."""

from __future__ import annotations

from dataclasses import dataclass

from affetti.cli.flags import emit, parse


@dataclass(frozen=True)
class Flags:
    """Tell what works here, what is missing, and the command that mends it."""

    json: bool = False
    """Print one JSON document to stdout, nothing else."""


def run(arguments: list[str]) -> int:
    """Run the verb; exit code 2 when something needed is broken."""
    flags = parse(Flags, arguments, "doctor")
    from affetti import api

    document = api.doctor.run()
    lines = [
        f"{'ok' if c['ok'] else 'MISSING' if c['needed'] else 'absent':<8} {c['name']}: {c['detail']}"
        for c in document["checks"]
    ]
    lines += [f"         mend: {c['mend']}" for c in document["checks"] if not c["ok"]]
    emit(document, flags.json, "\n".join(lines))
    return 0 if document["ok"] else 2
