"""``affetti demo``: compose, train, generate, score, compare, audit and report, on a small corpus.

Every stage is a verb with a folder of its own that can be resumed: a demo that was interrupted goes on from there when
it is called again. Its numbers are of a small corpus and small models; they are examples, not a benchmark.
"""

from __future__ import annotations

import resource
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import ClassVar

from affetti.api import audit as audit_verb
from affetti.api import compare, prepare, report, score
from affetti.api.plan import Plan
from affetti.errors import UsageError
from affetti.execution import executor
from affetti.output_lock import releases_outputs
from affetti.progress import Progress, silent
from affetti.results import BaseResult
from affetti.storage import read_json, reserve_output, write_json
from affetti.studies.scorecard.result import RelativeResponse, Scorecard
from affetti.training.parallel import RunSpec, train_runs
from affetti.training.registry import LINEAR_REGRESSOR, SMALL_REGRESSOR, SPECTROGRAM_GENERATORS, family
from affetti.training.train import TrainSettings


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    clips: int
    folds: int
    steps: int | None
    """Updates of every network; the preset's by default."""
    seeds: int
    questions: tuple[str, ...] = ()
    """Questions of the audit; all by default."""


@dataclass(frozen=True)
class ConditioningShare:
    """Slope and correlation of predicted on requested emotion, each as a share of real music's."""

    slope: float
    correlation: float
    slope_ci: tuple[float, float] | None = None
    """95 % interval, which holds the error of both sides."""
    correlation_ci: tuple[float, float] | None = None


@dataclass(frozen=True)
class DemoScore:
    """How good the clips of a generator are."""

    quality: float
    """Quality Score, 0 to 100."""
    quality_ci: tuple[float, float]
    published: float
    """The same by the formula of the study."""
    relative: dict[str, ConditioningShare | None]
    """By axis: how closely the clips follow the requested emotion, as a share of what real music reaches."""


@dataclass(frozen=True)
class DemoArm:
    """An arm of the augmentation study."""

    name: str
    ccc: float
    ci: tuple[float, float]
    delta: float
    """Difference from the arm that it is compared with."""
    delta_ci: tuple[float, float]
    verdict: str


@dataclass(frozen=True)
class DemoResult(BaseResult):
    """A finished demo."""

    verb: ClassVar[str | None] = "demo"

    report: str
    """The page."""
    scores: dict[str, DemoScore]
    """By generator."""
    primary: str
    """The primary contrast of the augmentation study, in one sentence."""
    arms: tuple[DemoArm, ...]
    claims: dict[str, int]
    """How many claims of the study got each verdict."""
    seconds: dict[str, float]
    """By stage."""
    peak_memory_gb: float
    summary: str
    """All of it in words."""


@dataclass(frozen=True, kw_only=True)
class DemoPlan(Plan):
    """A demo that would be run."""

    verb: ClassVar[str | None] = "demo"

    out: str
    clips: int
    exists: bool
    """Whether the folder is there, so that the demo would be resumed."""


SIZES = {
    "full": Size(1_920, 5, None, 3),
    # A score needs 8 test songs, and a song gives 8 clips.
    "small": Size(160, 2, 20, 1, ("structure", "ceiling")),
}
GENERATORS = SPECTROGRAM_GENERATORS
REGRESSORS = (SMALL_REGRESSOR, LINEAR_REGRESSOR)
BYTES = 200_000_000
"""Size of the folder, about."""
DURATION = {
    "full": (600.0, "about 10 minutes on 2 cores, more on busy ones"),
    "small": (90.0, "a minute or two on 2 cores"),
}
"""Seconds that a demo takes, about, and in words."""


@releases_outputs
def run(
    out: str | Path = "affetti-demo",
    *,
    size: str = "full",
    seed: int = 0,
    workers: int | None = None,
    progress: Progress = silent,
) -> DemoResult:
    """Run the demo into ``out``.

    Args:
        out: folder for everything; the report is ``report.html`` in it.
        size: ``full`` takes minutes; ``small`` shows only that everything runs.
        seed: of everything random.
        workers: processes; default one per core.
        progress: receives every stage.

    Raises:
        UsageError: an unknown size.
        StorageError: the folder holds something else.
    """
    if size not in SIZES:
        raise UsageError(f"unknown size {size!r}", where="--size", hint=f"choose from {', '.join(SIZES)}")
    out, chosen = Path(out), SIZES[size]
    runner = executor(workers=workers)
    reserve_output(out, {"verb": "demo", "size": size, "seed": seed, **asdict(chosen)})
    if (out / "result.json").exists() and (out / "report.html").exists():
        return DemoResult.open(out)
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
        specs = [
            RunSpec(kind, out / "corpus", 0, out / "runs" / kind, TrainSettings(steps=_steps(kind, chosen), seed=seed))
            for kind in (*reversed(GENERATORS), *REGRESSORS)
        ]
        train_runs(specs, runner, progress)
    with clock("generate and compare"):
        study = compare.run(
            out / "corpus",
            out / "study",
            models=[out / "runs" / kind for kind in GENERATORS],
            arms=("null", *GENERATORS, f"{GENERATORS[-1]}-shuffled"),
            seeds=chosen.seeds,
            steps=chosen.steps,
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
        sources = [out / "corpus", *(out / "runs" / kind for kind in (*GENERATORS, *REGRESSORS))]
        sources += [*(out / "scores" / kind for kind in GENERATORS), out / "study", out / "audit"]
        report.run(sources, out / "report.html", title="affetti demo", progress=progress)
    result = DemoResult(
        report=str(out / "report.html"),
        scores={kind: _demo_score(card) for kind, card in scores.items()},
        primary="" if study.primary is None else study.primary.sentence,
        arms=tuple(
            DemoArm(row.name, row.ccc, row.ci, row.delta, row.delta_ci, row.verdict or "") for row in study.arms
        ),
        claims=dict(Counter(finding.verdict for finding in audited.findings)),
        seconds=clock.seconds,
        peak_memory_gb=_peak_memory(),
        summary="",
    )
    result = replace(result, summary=_summary(result))
    result.save(out)
    return result


def plan(
    out: str | Path = "affetti-demo",
    *,
    size: str = "full",
    seed: int = 0,
    workers: int | None = None,
    progress: Progress = silent,
) -> DemoPlan:
    """What the demo would write and about how long it takes, with the arguments of :func:`run`."""
    out = Path(out)
    if size not in SIZES:
        raise UsageError(f"unknown size {size!r}", where="--size", hint=f"choose from {', '.join(SIZES)}")
    seconds, duration = DURATION[size]
    return DemoPlan(
        out=str(out),
        clips=SIZES[size].clips,
        exists=out.exists(),
        bytes=BYTES,
        seconds=seconds,
        plan=f"would write about {BYTES / 1e9:.1f} GB to {out} and take {duration}; reads nothing but the soundfont; "
        f"the report: {out / 'report.html'}",
    )


def _steps(kind: str, size: Size) -> int | None:
    """Updates of a model; the default where it is fitted in closed form."""
    return size.steps if family(kind).closed_form_name is None else None


def _score(out: Path, kind: str, seed: int, progress: Progress) -> Scorecard:
    """Score a generator on the fold it has not seen; done once."""
    done = out / "scores" / kind
    if (done / "result.json").exists():
        return Scorecard.open(done)
    return score.run(
        out / "corpus",
        out / "study" / "synthetic" / f"{kind}-f0",
        fold=0,
        regressor=out / "runs" / SMALL_REGRESSOR,
        out=done,
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


def _demo_score(card: Scorecard) -> DemoScore:
    axes = {} if card.conditioning is None else card.conditioning.axes()
    relative = {
        name: None if share is None else _conditioning_share(share)
        for name, share in ((name, axis.relative) for name, axis in axes.items())
    }
    return DemoScore(card.quality.score, card.quality.ci, card.quality.published.score, relative)


def _conditioning_share(share: RelativeResponse) -> ConditioningShare:
    return ConditioningShare(share.slope, share.correlation, share.slope_ci, share.correlation_ci)


def _with_interval(value: float, ci: tuple[float, float] | None) -> str:
    return f"{value:.2f}" if ci is None else f"{value:.2f} [{ci[0]:.2f}, {ci[1]:.2f}]"


def _summary(result: DemoResult) -> str:
    lines: list[str] = []
    for kind, card in result.scores.items():
        low, high = card.quality_ci
        line = (
            f"{kind}: quality {card.quality:.0f} of 100 [{low:.0f}, {high:.0f}] "
            f"(by the formula of the study: {card.published:.0f})"
        )
        if arousal := card.relative.get("arousal"):
            slope = _with_interval(arousal.slope, arousal.slope_ci)
            correlation = _with_interval(arousal.correlation, arousal.correlation_ci)
            line += f"; arousal slope {slope} and correlation {correlation} of real music's"
        lines.append(line)
    lines.append(result.primary)
    for arm in result.arms:
        low, high = arm.delta_ci
        lines.append(
            f"{arm.name}: CCC {arm.ccc:.3f}, difference {arm.delta:+.3f} [{low:+.3f}, {high:+.3f}]: {arm.verdict}"
        )
    claims = ", ".join(f"{count} {verdict}" for verdict, count in sorted(result.claims.items()))
    lines.append(f"claims of the study, on this corpus: {claims}")
    lines.append(f"report: {result.report} ({sum(result.seconds.values()):.0f} s in all)")
    return "\n".join(lines)
