"""``affetti train``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from affetti.cli.flags import LongFlags, parse, resolve
from affetti.cli.output import print_plan, print_result
from affetti.cli.progress import show_progress
from affetti.training.registry import FAMILIES, GENERATORS, REGRESSORS

if TYPE_CHECKING:
    from affetti.results import Estimate
    from affetti.training.result import Agreement, Alignment, CurveAgreement, InitialWeights, TrainResult

    ModelName = str
else:
    kinds = f"A generator ({', '.join(GENERATORS)}) or a regressor ({', '.join(REGRESSORS)})."
    ModelName = Annotated[Literal[tuple(FAMILIES)], tyro.conf.arg(help=kinds)]


@dataclass(frozen=True)
class Flags(LongFlags):
    """Train a generator or a regressor on one fold's training clips."""

    model: tyro.conf.Positional[ModelName]
    corpus: Path | None = None
    """The corpus."""
    out: Path | None = None
    """The run folder."""
    fold: int | None = None
    """Fold that is held out (default 0)."""
    preset: Annotated[str | None, tyro.conf.arg(name="front-end")] = None
    """Refuse a corpus of any other front-end, by its name."""
    steps: int | None = None
    """Updates (default: the preset's)."""
    batch_size: int | None = None
    """Clips per update (default: the preset's)."""
    checkpoint_every: int | None = None
    """Steps between checkpoints (default 500)."""
    set: tuple[str, ...] = field(default=())
    """Settings of the model, such as width=128, widths=64,128 or method=svr."""
    teacher: Path | None = None
    """With student: the run of a vit or another student to learn from."""
    init: str | None = None
    """Of any model but baseline: a run of the same model and front-end whose weights and settings training begins with;
    shipped: weights that ship with affetti, of student. none (default): random weights."""
    align: Path | None = None
    """With flow: the run of a flow to fine-tune so that it prefers real clips to its own; same corpus and fold."""
    beta: float | None = None
    """With --align: weight of staying near that run (default: 200, 1000 or 5000, whichever validation songs prefer)."""
    features: str | None = None
    """With baseline: what it predicts from, as score --features names it; those without weights may be joined by +.
    auto (default): statistics, harmony, handcrafted, or the first joined by either, whichever predicts validation songs
    best, if the corpus has audio."""
    labels: Literal["song", "window"] | None = None
    """What clips are labelled by: song (default), the corpus' labels; window, the ratings over time in each clip."""
    augment: str | None = None
    """With student or vit: augmentations of the training clips, joined by + (default specaugment): specaugment,
    mixup, c-mixup, time-stretch, pitch-shift …; none leaves them out, and a student then takes all its steps."""
    patience: int | None = None
    """With a generator: evaluations without better coverage after which training ends (0: never;
    default: the preset's)."""
    inputs: str | None = None
    """With baseline, student or vit: what it predicts from, joined by commas: mel (default), lyrics, genre,
    instruments; mel,lyrics adds words by late fusion and reports their gain."""
    text: str | None = None
    """Embedder of lyrics: hashed (default), or a sentence-transformers model by name or folder."""
    fields: str | None = None
    """With a generator: what it is conditioned on, joined by commas, such as emotion,genre (default: all of emotion,
    spread, mode, genre, instruments, section, position and lyrics that its training clips can teach)."""
    without: str | None = None
    """With a generator: what it is not conditioned on, such as genre,section."""
    device: str | None = None
    """cpu (default), cuda, mps or auto."""
    precision: Literal["32", "bf16"] | None = None
    """32 (default), or bf16 on devices with fast bfloat16."""
    devices: int | None = None
    """Devices of each node that share each batch (default 1); on one node the command starts itself once for each."""
    nodes: int | None = None
    """Nodes that train together (default 1); start the command on all by torchrun or srun."""
    tensorboard: bool = False
    """Log for TensorBoard too, into the run's folder tensorboard/."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "train")
    known = ("corpus_hash", "teacher_weights", "init_weights", "align_weights", "settings")
    settings = resolve(flags, {"fold": 0, "seed": 0, "device": "cpu", "checkpoint_every": 500}, flags.config, known)
    from affetti.errors import UsageError

    for name in ("corpus", "out"):
        if name not in settings:
            raise UsageError(f"--{name} is missing", hint="see affetti train --help")
    model_settings = _model_settings(flags)
    model, corpus, out = settings.pop("model"), Path(settings.pop("corpus")), Path(settings.pop("out"))
    _require_preset(corpus, settings.pop("preset", None))
    settings.pop("set", None)
    from affetti import api

    if flags.dry_run:
        print_plan(api.train.plan(model, corpus, out, settings=model_settings, **settings), flags.json)
        return 0
    from affetti.progress import silent
    from affetti.training.device import is_main_process

    first = is_main_process(settings.get("devices") or 1, settings.get("nodes") or 1)
    with show_progress() as progress:
        receiver = progress if first else silent
        result = api.train.run(model, corpus, out, settings=model_settings, progress=receiver, **settings)
    if first:
        print_result(result.to_dict(), flags.json, _text(result, out))
    return 0


def _require_preset(corpus: Path, preset: str | None) -> None:
    if preset is None:
        return
    from affetti.corpus import Corpus
    from affetti.presets import front_end

    Corpus.open(corpus).require_front_end(front_end(preset), f"--front-end {preset}")


def _model_settings(flags: Flags) -> dict[str, Any]:
    """Settings of the model: those of a run's config.json, then ``--set``."""
    from affetti import config
    from affetti.errors import UsageError

    saved = config.read(flags.config).get("settings", {}) if flags.config is not None else {}
    given: dict[str, Any] = {}
    for text in flags.set:
        key, equals, value = text.partition("=")
        if not (key and equals and value):
            raise UsageError(f"{text!r} is not a setting", where="--set", hint="write name=value")
        given[key] = [_value(part) for part in value.split(",")] if "," in value else _value(value)
    return saved | given


def _value(text: str) -> int | float | str:
    """A number where it is one, else a word."""
    try:
        return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
    except ValueError:
        return text


def _text(result: TrainResult, out: Path) -> str:
    n = result.n
    made = f"{result.parameters:,} parameters, {result.steps} steps" if result.parameters else "in closed form"
    lines = [f"{result.model}: {made} on {n.train} clips, {result.seconds:.0f} s, in {out}"]
    if result.feature_ccc is not None:
        scores = ", ".join(f"{name} {score:.3f}" for name, score in result.feature_ccc.items())
        lines.append(f"predicts from {result.features}, chosen by CCC on validation songs: {scores}")
    if result.alignment is not None:
        lines.append(_alignment(result.alignment))
    if result.initial_weights is not None:
        lines.append(_initial(result.initial_weights))
    calibration, quadrants, coverage = result.calibration, result.quadrants, result.coverage or {}
    if calibration is None or quadrants is None:
        lines += [f"alarm at {alarm}" for alarm in result.alarms or ()]
        lines.append(f"next: affetti generate --model {out} --n 64 --out synthetic")
        return "\n".join(lines)
    half, promised = calibration.half_width, calibration.coverage
    lines.append(
        f"{100 * promised:.0f} % intervals: valence ±{half['valence']:.2f}, arousal ±{half['arousal']:.2f}, "
        f"from {calibration.songs} validation songs"
    )
    for axis, agreement in (result.test or {}).items():
        lines.append(f"{axis}: {_measures(agreement)}; on {n.test} clips of songs that it has not seen")
    for axis, agreement in (result.test_by_song or {}).items():
        within = (result.within_songs or {}).get(axis)
        moves = "" if within is None else f"; within songs r = {_with_interval(within)}"
        lines.append(f"{axis}, means of songs: {_measures(agreement)}{moves}")
    lines += [_curve(axis, curve) for axis, curve in (result.curves or {}).items() if curve is not None]
    inside = ", ".join(f"{axis} {100 * share.value:.0f} %" for axis, share in coverage.items())
    lines.append(f"quadrant right: {_with_interval(quadrants.accuracy)}; inside the interval: {inside}")
    short = [axis for axis, share in coverage.items() if share.ci[1] < promised]
    if short:
        lines.append(
            f"caution: of {' and '.join(short)} the intervals hold less than they promise; do not rely on them"
        )
    if result.fusion is None:
        lines.append(f"next: affetti predict --model {out} song.mp3")
        return "\n".join(lines)
    fusion = result.fusion
    for axis, gain in fusion.gain.items():
        adds = ", ".join(
            f"{name} {_signed(value)}" for name, value in (("CCC", gain.ccc), ("R²", gain.r2)) if value is not None
        )
        lines.append(
            f"{' and '.join(fusion.inputs)} beside sound, {axis}: {adds}; {fusion.n} test clips of {fusion.songs} songs"
        )
    options = " ".join(f"--{name} {name.upper()}" for name in fusion.inputs).replace("LYRICS", "FILE")
    lines.append(f"next: affetti predict --model {out} song.mp3 {options}")
    return "\n".join(lines)


def _curve(axis: str, curve: CurveAgreement) -> str:
    """How well the curves of songs are predicted, beside flat ones."""
    ccc = "" if curve.ccc is None else f"CCC {_with_interval(curve.ccc)}, "
    return (
        f"{axis}, curves of {curve.songs} songs: {ccc}RMSE {_with_interval(curve.rmse)}; flat at the song's mean "
        f"rating {_with_interval(curve.rmse_song_mean)}, at its mean prediction {_with_interval(curve.rmse_flat)}"
    )


def _alignment(alignment: Alignment) -> str:
    """β, and how many validation clips the generator covers."""
    text = f"aligned from {alignment.run} with beta {alignment.beta:g}"
    if alignment.coverage_before is None:
        return text
    each = ", ".join(f"{value:.2f} with {beta}" for beta, value in alignment.coverage.items())
    return f"{text}; coverage of validation clips: {each}; {alignment.coverage_before:.2f} before"


def _initial(initial: InitialWeights) -> str:
    """Whose weights it began with, and which condition fields have them."""
    text = f"began with the weights of {initial.run}, trained on {', then on '.join(initial.sources)}"
    if initial.fields is not None:
        text += f"; condition fields: {', '.join(initial.fields) or 'none'}"
    for fields, what in ((initial.new_fields, "begin as usual"), (initial.left_out_fields, "left out")):
        text += f"; {what}: {', '.join(fields)}" if fields else ""
    return text


def _measures(agreement: Agreement) -> str:
    measures = {"CCC": agreement.ccc, "R²": agreement.r2, "RMSE": agreement.rmse}
    text = ", ".join(f"{name} {_with_interval(value)}" for name, value in measures.items() if value is not None)
    share = None if agreement.ccc is None else agreement.ccc.of_ceiling
    return text if share is None else f"{text}; {100 * share.value:.0f} % of the ceiling of CCC that its labels set"


def _signed(estimate: Estimate) -> str:
    return f"{estimate.value:+.3f} [{estimate.ci[0]:+.3f}, {estimate.ci[1]:+.3f}]"


def _with_interval(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} [{estimate.ci[0]:.3f}, {estimate.ci[1]:.3f}]"
