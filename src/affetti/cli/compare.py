"""``affetti compare``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from affetti.cli.flags import EngineFlags, LongFlags, parse, resolve, take_engine
from affetti.cli.output import note, print_plan, print_result
from affetti.cli.progress import show_progress
from affetti.emotion import AXES
from affetti.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from affetti.studies.augmentation.results import (
        ArmResult,
        ContrastResult,
        Measure,
        MethodRow,
        PublishedProtocol,
        StudyResult,
    )

SECONDS_PER_UNIT = {"s": 1.0, "m": 60.0, "h": 3_600.0}
COLUMN_WIDTH = 13
"""Width of a column of the table of methods."""
NOTHING = "–"
"""Stands for what was not measured."""


@dataclass(frozen=True)
class Flags(EngineFlags, LongFlags):
    """Measure what synthetic data adds to a good recipe: regressors with and without it, on unseen real songs."""

    corpus: Path
    """The real corpus."""
    out: Path
    """Folder of the study."""
    models: tuple[Path, ...] = field(default=())
    """Runs of generators to use, each for the fold it was trained for (default: gan and flow are trained here). Runs
    of one kind that differ in fields are arms of their own, such as flow and flow_without_genre."""
    arms: tuple[str, ...] = field(default=())
    """Arms to run (default eight): all, or of null, real-again, mixup, c-mixup, time-stretch, pitch-shift, gan, flow,
    waveform, composed, composer, best …; sets take :SETTING=VALUE, @RATIO, -aligned, -filtered, -hard, -gaps,
    -only, -pretrained, -pretrained-equal, -shuffled; generators _without_FIELD or _with_FIELD; joined by +. Each is on
    top of the recipe; plain-NAME is without it."""
    contrast: tyro.conf.UseAppendAction[tuple[tuple[str, str], ...]] = field(default=())
    """Two arms whose difference is wanted, such as flow gan; may be repeated. The first is the primary contrast."""
    augment: str | None = None
    """The recipe: augmentations of all arms but the plain ones, joined by + (default specaugment; none: no recipe)."""
    clips: tuple[str, ...] = field(default=())
    """Clips of another generator, as NAME=CORPUS; NAME is then an arm, and takes @RATIO and the rest."""
    trained_on: str | None = None
    """What the generators of --clips were trained on: a CSV with a column song_id, or undeclared."""
    generator_runs: int | None = None
    """Runs of each generator per fold (default 3, or as many as there are seeds, or as models are given)."""
    folds: int | None = None
    """Folds to test on, where no models are given (default 1)."""
    seeds: int | None = None
    """Regressors per arm (default 3; 5 or more for a verdict)."""
    ratio: float | None = None
    """Synthetic clips per real training clip (default 1; the study's 2.3)."""
    train_fractions: str | None = None
    """Learning curve over the amount of real songs, in percent, such as 10,20,50,100: everything is trained on each."""
    sampling: tuple[str, ...] = field(default=())
    """A sampling parameter of generators and its values, such as guidance=1,1.5,2,3: quality, diversity and gain at
    each value."""
    training_steps: str | None = None
    """Updates of generators, such as 100,400,1600: quality and gain against training time."""
    regressor: str | None = None
    """What every arm trains: student (default), baseline (ridge regression), vit, or a frozen encoder with a head:
    encoder:ast, encoder:mert, encoder:clap, encoder:muq, encoder:omar-rq, encoder:FOLDER, or encoder:FEATURES as score
    names them, such as encoder:handcrafted."""
    head: Literal["linear", "mlp"] | None = None
    """Head of a frozen encoder: linear (default, ridge regression) or mlp (one hidden layer)."""
    budget: str | None = None
    """Time limit of the study, such as 30m: arms that do not fit are left out and listed."""
    published_protocol: bool = False
    """Also rerun the study as it was published (mixed test set: not a valid evaluation)."""
    steps: int | None = None
    """Half of the updates that an arm may take (default: the preset's)."""
    batch_size: int | None = None
    """Clips per update (default: the preset's)."""
    labels: Literal["song", "window"] | None = None
    """What clips are labelled by: song (default), the corpus' labels; window, the ratings over time in each clip."""
    device: str | None = None
    """Where networks are trained and sampled: cpu, cuda, mps or auto (default cpu)."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "compare")
    settings = resolve(flags, {"folds": 1, "seeds": 3, "ratio": 1.0, "seed": 0}, flags.config, ("corpus_hash",))
    take_engine(settings)
    corpus, out = Path(settings.pop("corpus")), Path(settings.pop("out"))
    settings |= _parse(settings)
    from affetti import api

    if flags.dry_run:
        print_plan(api.compare.plan(corpus, out, **settings), flags.json)
        return 0
    with show_progress() as progress:
        result = api.compare.run(corpus, out, progress=progress, **settings)
    for line in result.notes:
        note(f"note: {line}")
    print_result(result.to_dict(), flags.json, text(result))
    return 0


def _parse(settings: dict[str, Any]) -> dict[str, Any]:
    """Lists and times out of what was typed."""
    parsed: dict[str, Any] = {}
    if settings.get("train_fractions") is not None:
        percentages = _numbers(settings["train_fractions"], "--train-fractions")
        parsed["train_fractions"] = tuple(value / 100 for value in percentages)
    if settings.get("training_steps") is not None:
        parsed["training_steps"] = tuple(
            int(value) for value in _numbers(settings["training_steps"], "--training-steps")
        )
        if min(parsed["training_steps"]) < 1:
            raise UsageError(f"{settings['training_steps']} updates", where="--training-steps", hint="give 1 or more")
    if settings.get("budget") is not None:
        parsed["budget"] = _seconds(settings["budget"])
    pairs: list[tuple[str, float]] = []
    for typed in settings.pop("sampling", ()):
        name, _, values = typed.partition("=")
        pairs += [(name, value) for value in _numbers(values, "--sampling")]
    clips: list[tuple[str, str]] = []
    for typed in settings.pop("clips", ()):
        name, equals, path = typed.partition("=")
        if not (name and equals and path):
            raise UsageError(f"{typed!r} is not a set of clips", where="--clips", hint="write NAME=CORPUS")
        clips.append((name, path))
    listed = {"sampling": tuple(pairs), "clips": tuple(clips), "contrasts": settings.pop("contrast", ())}
    return parsed | {name: values for name, values in listed.items() if values}


def _numbers(typed: str, flag: str) -> list[float]:
    try:
        return [float(value) for value in typed.split(",")]
    except ValueError:
        hint = "give such as guidance=1,2,3" if flag == "--sampling" else "give numbers with commas between"
        raise UsageError(f"{typed!r} is no list of numbers", where=flag, hint=hint) from None


def _seconds(typed: str) -> float:
    """Seconds of ``90s``, ``30m``, ``1.5h``, or a bare number of minutes."""
    unit = SECONDS_PER_UNIT.get(typed[-1:].lower())
    try:
        return float(typed[:-1]) * unit if unit else float(typed) * 60.0
    except ValueError:
        raise UsageError(f"{typed!r} is no time", where="--budget", hint="give such as 90s, 30m or 2h") from None


def text(result: StudyResult) -> str:
    """The study for a terminal."""
    test = result.test
    lines = [
        *([] if result.primary is None else [result.primary.sentence]),
        (f"tested on {test.n} real clips of {test.songs} songs never seen, {_seeds(result)}folds {list(result.folds)}"),
        *_table(result.arms, result.measure, result.regressor.describe()),
        *(_table(result.ridge, result.measure, "ridge")[1:] if result.ridge else ()),
        *_contrasts(result.contrasts),
        *(_table(result.by_song, "ccc", "small network, means of songs")[1:] if result.by_song else []),
    ]
    lines += [f"best, fold {row.fold}: {row.arm or 'none'} (chosen on validation songs)" for row in result.best]
    lines += _methods(result.hierarchy)
    for row in result.training_steps:
        lines.append(
            f"{row.kind} trained {row.updates} updates in {row.seconds:.0f} s: quality {_number(row.quality, 0)}"
        )
    for point in result.curve:
        arms = ", ".join(f"{arm.name} {arm.delta:+.3f}" for arm in point.arms if arm.name != "real")
        lines.append(f"{100 * point.train_fraction:g} % of the songs ({point.songs}): {arms}")
    if result.published_protocol is not None:
        lines += _published(result.published_protocol)
    if result.left_out:
        left = ", ".join(f"{row.name} ({row.seconds:.0f} s)" for row in result.left_out)
        lines.append(f"left out, to stay within the budget: {left}")
    if result.detectable:
        lines.append(f"the smallest gain that such a study would find 4 times of 5: {result.detectable:.3f}")
    return "\n".join(lines)


def _seeds(result: StudyResult) -> str:
    return f"{result.seeds} seeds, " if result.regressor.seeded else ""


def _table(rows: Sequence[ArmResult], measure: Measure, name: str) -> list[str]:
    """The line of heads, the name of the regressor, and a line an arm."""
    width = max([16, *(len(row.name) for row in rows)])
    head = "CCC" if measure == "ccc" else "right"
    lines = [
        f"{'arm':<{width + 2}}{head:>7}{'95 % interval':>18}{'difference':>12}{'95 %, all arms':>20}  verdict",
        f"{name}:",
    ]
    for row in rows:
        value, interval = (row.ccc, row.ci) if measure == "ccc" else (row.accuracy, row.accuracy_ci)
        lines.append(
            f"  {row.name:<{width}}{_number(value, 3):>7}{_interval(interval):>18}{row.delta:>+12.3f}"
            f"{_interval(row.delta_ci_simultaneous or row.delta_ci, '+'):>20}  {row.verdict or ''}"
        )
    return lines


def _contrasts(rows: Sequence[ContrastResult]) -> list[str]:
    """The differences of other pairs of arms."""
    names = [f"{row.arm} less {row.reference}" for row in rows]
    width = max([0, *map(len, names)])
    lines = [
        f"  {name:<{width}}{row.delta:>+9.3f}{_interval(row.delta_ci_simultaneous or row.delta_ci, '+'):>20}  "
        f"{row.verdict or ''}"
        for name, row in zip(names, rows, strict=True)
    ]
    return ["contrasts:", *lines] if lines else []


def _methods(rows: Sequence[MethodRow]) -> list[str]:
    """What each method adds: measured, with what the study claims for its quality."""
    if not rows:
        return []
    width = max([16, *(len(row.name) for row in rows)])
    heads = ("quality", "claimed", "information", "CCC v", "CCC a", "slope a", "diversity", "difference")
    lines = [f"{'method':<{width + 2}}" + "".join(f"{head:>{COLUMN_WIDTH}}" for head in heads)]
    for row in rows:
        agreements = [row.emotion.get(axis) for axis in AXES]
        ccc = [_number(None if on_axis is None else on_axis.ccc.value, 2) for on_axis in agreements]
        arousal = row.emotion.get("arousal")
        cells = (
            _number(row.quality, 0),
            NOTHING if row.claimed is None else row.claimed.quality,
            "no original" if row.information is None else f"{row.information:.0f} %",
            *ccc,
            _number(None if arousal is None else arousal.slope.value, 2),
            _number(row.diversity, 2),
            NOTHING if row.delta is None else f"{row.delta:+.3f}",
        )
        lines.append(f"  {row.name:<{width}}" + "".join(f"{cell:>{COLUMN_WIDTH}}" for cell in cells))
    return lines


def _number(value: float | None, digits: int) -> str:
    return NOTHING if value is None else f"{value:.{digits}f}"


def _interval(ci: tuple[float, float] | None, sign: Literal["", "+"] = "") -> str:
    return NOTHING if ci is None else f"[{ci[0]:{sign}.3f}, {ci[1]:{sign}.3f}]"


def _published(result: PublishedProtocol) -> list[str]:
    test = result.test
    ours = "not run" if result.honest_gain is None else f"{result.honest_gain:+.3f}"
    mixed = f"{result.mixed.value:.3f} ({test.synthetic} of {test.test} test clips synthetic)"
    return [
        f"as published (NOT honest: {result.why}):",
        f"  real clips alone {result.real.value:.3f}, with {result.generator} {mixed}: gain {result.gain:+.3f}",
        f"  on the real part of those test clips {result.mixed_on_real.value:.3f}; our own protocol: {ours}",
    ]
