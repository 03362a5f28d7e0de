"""The whole thing at once: compose, train, generate, score, compare, audit, report.

Every stage is a verb with its own folder, done mark and resumption: interrupt it anywhere, call it again, and it goes
on where it was. Its numbers are of a small corpus and small models; they show the way, they are no benchmark.
"""

from __future__ import annotations

import resource
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from affetti.api import audit as audit_verb
from affetti.api import compare, prepare, report, score
from affetti.errors import UsageError
from affetti.execution.local import cpu_count
from affetti.progress import Progress, silent
from affetti.storage import read_json, reserve_output, write_json
from affetti.training.parallel import RunSpec, train_runs
from affetti.training.train import TrainSettings


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    clips: int
    folds: int
    flow_steps: int | None
    gan_steps: int | None
    student_steps: int | None
    seeds: int
    questions: tuple[str, ...] = ()
    """What the audit asks; everything by default."""


SIZES = {
    "full": Size(1_920, 5, None, None, None, 3),
    # A score needs 8 test songs, and a song gives 8 clips.
    "small": Size(160, 2, 20, 20, 20, 1, ("structure", "ceiling")),
}
GENERATORS = ("gan", "flow")


def run(
    out: str | Path = "affetti-demo",
    *,
    size: str = "full",
    seed: int = 0,
    workers: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Run the demo into ``out``.

    Args:
        out: folder for everything; the report is ``report.html`` in it.
        size: ``full`` takes minutes; ``small`` shows only that everything runs.
        seed: of everything random.
        workers: processes; default one a core.
        progress: told of every stage.

    Returns:
        the summary that ``affetti demo --json`` prints.

    Raises:
        UsageError: an unknown size.
        StorageError: the folder holds something else.
    """
    if size not in SIZES:
        raise UsageError(f"unknown size {size!r}", where="--size", hint=f"choose from {', '.join(SIZES)}")
    out, chosen = Path(out), SIZES[size]
    workers = cpu_count() if workers is None else workers
    reserve_output(out, {"verb": "demo", "size": size, "seed": seed, **asdict(chosen)})
    if (out / "result.json").exists() and (out / "report.html").exists():
        return read_json(out / "result.json")
    clock = _Clock(out)

    with clock("prepare"):
        prepare.run(
            "composed",
            out / "corpus",
            clips=chosen.clips,
            folds=chosen.folds,
            seed=seed,
            workers=workers,
            progress=progress,
        )
    with clock("train"):
        steps = {"flow": chosen.flow_steps, "gan": chosen.gan_steps, "student": chosen.student_steps, "baseline": None}
        specs = [
            RunSpec(kind, out / "corpus", 0, out / "runs" / kind, TrainSettings(steps=steps[kind], seed=seed))
            for kind in ("flow", "gan", "student", "baseline")
        ]
        train_runs(specs, workers, progress)
    with clock("generate and compare"):
        study = compare.run(
            out / "corpus",
            out / "study",
            models=[out / "runs" / kind for kind in GENERATORS],
            arms=("specaugment", *GENERATORS, f"{GENERATORS[-1]}-shuffled"),
            seeds=chosen.seeds,
            steps=chosen.student_steps,
            seed=seed,
            workers=workers,
            progress=progress,
        )
    with clock("score"):
        scores = {kind: _score(out, kind, seed, progress) for kind in GENERATORS}
    with clock("audit"):
        audited = audit_verb.run(
            out / "corpus",
            out / "audit",
            models=[out / "runs" / kind for kind in GENERATORS],
            studies=[out / "study"],
            only=chosen.questions,
            quick=True,
            seed=seed,
            workers=workers,
            progress=progress,
        )
    with clock("report"):
        sources = [out / "corpus", *(out / "runs" / kind for kind in ("gan", "flow", "student", "baseline"))]
        sources += [*(out / "scores" / kind for kind in GENERATORS), out / "study", out / "audit"]
        report.run(sources, out / "report.html", title="affetti demo", progress=progress)
    document = {
        "verb": "demo",
        "report": str(out / "report.html"),
        "scores": {kind: _short(score) for kind, score in scores.items()},
        "arms": [
            {key: row[key] for key in ("name", "ccc", "ci", "delta", "delta_ci", "verdict")} for row in study["arms"]
        ],
        "claims": dict(Counter(finding.verdict for finding in audited.findings)),
        "seconds": clock.seconds,
        "peak_memory_gb": _peak_memory(),
    }
    document["summary"] = _summary(document)
    write_json(out / "result.json", document)
    return document


def plan(
    out: str | Path = "affetti-demo",
    *,
    size: str = "full",
    seed: int = 0,
    workers: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """What the demo would write and about how long it takes, with the arguments of :func:`run`."""
    out = Path(out)
    if size not in SIZES:
        raise UsageError(f"unknown size {size!r}", where="--size", hint=f"choose from {', '.join(SIZES)}")
    minutes = {"full": "about 15 minutes on 2 cores, more on busy ones", "small": "a minute or two on 2 cores"}[size]
    text = (
        f"would write about 0.2 GB to {out} and take {minutes}; reads nothing but the soundfont; "
        f"the report: {out / 'report.html'}"
    )
    return {"plan": text, "out": str(out), "clips": SIZES[size].clips, "exists": out.exists()}


def _score(out: Path, kind: str, seed: int, progress: Progress) -> dict[str, Any]:
    """Score a generator on the fold it has not seen; done once."""
    done = out / "scores" / kind / "result.json"
    if done.exists():
        return read_json(done)
    return score.run(
        out / "corpus",
        out / "study" / "synthetic" / f"{kind}-f0",
        fold=0,
        regressor=out / "runs" / "student",
        out=out / "scores" / kind,
        seed=seed,
        progress=progress,
    )


class _Clock:
    """Seconds by stage, over all sessions of a demo that was interrupted."""

    def __init__(self, out: Path) -> None:
        self.path = out / "seconds.json"
        self.seconds: dict[str, float] = read_json(self.path) if self.path.exists() else {}

    def __call__(self, stage: str) -> _Clock:
        self.stage, self.began = stage, time.perf_counter()
        return self

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        spent = time.perf_counter() - self.began
        self.seconds[self.stage] = round(self.seconds.get(self.stage, 0.0) + spent, 1)
        write_json(self.path, self.seconds)


def _peak_memory() -> float:
    """Largest resident set of this process and of any one child, added, GB."""
    unit = 1 if sys.platform == "darwin" else 1024
    sets = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return round(sum(sets) * unit / 1e9, 2)


def _short(score: dict[str, Any]) -> dict[str, Any]:
    conditioning = score["conditioning"] or {}
    return {
        "quality": score["quality"]["score"],
        "quality_ci": score["quality"]["ci"],
        "published": score["quality"]["published"]["score"],
        "relative": {axis: found["relative"] for axis, found in conditioning.items()},
    }


def _summary(document: dict[str, Any]) -> str:
    lines: list[str] = []
    for kind, card in document["scores"].items():
        low, high = card["quality_ci"]
        line = (
            f"{kind}: quality {card['quality']:.0f} of 100 [{low:.0f}, {high:.0f}] "
            f"(the study's formula says {card['published']:.0f})"
        )
        arousal = card["relative"].get("arousal")
        if arousal:
            line += (
                f"; arousal slope {arousal['slope']:.2f} and correlation {arousal['correlation']:.2f} of real music's"
            )
        lines.append(line)
    for row in document["arms"]:
        low, high = row["delta_ci"]
        lines.append(
            f"{row['name']}: CCC {row['ccc']:.3f}, difference {row['delta']:+.3f} "
            f"[{low:+.3f}, {high:+.3f}]: {row['verdict']}"
        )
    claims = ", ".join(f"{count} {verdict}" for verdict, count in sorted(document["claims"].items()))
    lines.append(f"claims of the published study, on this corpus: {claims}")
    lines.append(f"report: {document['report']} ({sum(document['seconds'].values()):.0f} s in all)")
    return "\n".join(lines)
