"""``affetti compare``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from affetti.cli.flags import Long, emit, parse, settled
from affetti.cli.progress import shown


@dataclass(frozen=True)
class Flags(Long):
    """Learn whether synthetic data helps: regressors trained with and without it, tested on real songs never seen."""

    corpus: Path
    """The real corpus."""
    out: Path
    """Folder of the study."""
    models: tuple[Path, ...] = field(default=())
    """Runs of generators to use, each for the fold it was trained for (default: gan and flow are trained here)."""
    arms: tuple[str, ...] = field(default=())
    """Arms to run (default all): real, real-longer, specaugment, gan, flow, gan-shuffled, flow-shuffled."""
    folds: int | None = None
    """Folds to test on, where no models are given (default 1)."""
    seeds: int | None = None
    """Regressors an arm (default 3; 5 or more for a verdict)."""
    ratio: float | None = None
    """Synthetic clips per real training clip (default 1)."""
    steps: int | None = None
    """Updates of the arm real (default: the preset's)."""
    batch_size: int | None = None
    """Clips an update (default: the preset's)."""
    workers: int | None = None
    """Processes (default: one a core)."""
    engine: Literal["local"] = "local"
    """Where the work runs."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "compare")
    settings = settled(flags, {"folds": 1, "seeds": 3, "ratio": 1.0, "seed": 0}, flags.config)
    settings.pop("engine")
    corpus, out = Path(settings.pop("corpus")), Path(settings.pop("out"))
    if flags.dry_run:
        from affetti.cli.dry_run import compare

        document = compare(corpus, out, settings)
        emit(document, flags.json, document["plan"])
        return 0
    from affetti import verbs

    with shown() as progress:
        document = verbs.compare(corpus, out, progress=progress, **settings)
    emit(document, flags.json, _text(document))
    return 0


def _text(document: dict[str, Any]) -> str:
    test = document["test"]
    lines = [
        (
            f"tested on {test['n']} real clips of {test['songs']} songs never seen, "
            f"{document['seeds']} seeds, folds {document['folds']}"
        ),
        f"{'arm':<18}{'CCC':>7}{'95 % interval':>18}{'difference':>12}{'95 % interval':>20}  verdict",
    ]
    for table, name in ((document["arms"], "small network"), (document["ridge"], "ridge")):
        lines.append(f"{name}:")
        for row in table:
            (low, high), (d_low, d_high) = row["ci"], row["delta_ci"]
            lines.append(
                f"  {row['name']:<16}{row['ccc']:>7.3f}{f'[{low:.3f}, {high:.3f}]':>18}{row['delta']:>+12.3f}"
                f"{f'[{d_low:+.3f}, {d_high:+.3f}]':>20}  {row.get('verdict', '')}"
            )
    return "\n".join(lines)
