"""``affetti train``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import tyro

from affetti.cli.flags import Long, emit, parse, settled
from affetti.cli.progress import shown


@dataclass(frozen=True)
class Flags(Long):
    """Train a generator (gan, waveform, flow) or a regressor (vit, student, baseline) on one fold's training clips."""

    model: tyro.conf.Positional[Literal["gan", "waveform", "flow", "vit", "student", "baseline"]]
    """What to train."""
    corpus: Path | None = None
    """The corpus."""
    out: Path | None = None
    """The run folder."""
    fold: int | None = None
    """Fold that stays unseen (default 0)."""
    preset: str | None = None
    """Refuse a corpus of another preset than this."""
    steps: int | None = None
    """Updates (default: the preset's)."""
    batch_size: int | None = None
    """Clips an update (default: the preset's)."""
    checkpoint_every: int | None = None
    """Steps between checkpoints (default 500)."""
    set: tuple[str, ...] = field(default=())
    """Settings of the model, such as width=128, widths=64,128 or method=svr."""
    teacher: Path | None = None
    """With student: the run of a vit or another student to learn from."""
    features: str | None = None
    """With baseline: what it reads, as score --features names it (default statistics)."""
    patience: int | None = None
    """With a generator: looks without better coverage after which training ends (0: never; default: the preset's)."""
    text: str | None = None
    """Embedder of lyrics: hashed (default), or a sentence-transformers model by name or folder."""
    device: str | None = None
    """cpu (default), cuda, mps or auto."""
    precision: Literal["32", "bf16"] | None = None
    """32 (default), or bf16 on devices that are quick at it."""
    devices: int | None = None
    """Devices that share each batch (default 1); the command starts itself once for each."""
    tensorboard: bool = False
    """Log for TensorBoard too, into the run's folder tensorboard/."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "train")
    known = ("corpus_hash", "teacher_weights", "settings")
    settings = settled(flags, {"fold": 0, "seed": 0, "device": "cpu", "checkpoint_every": 500}, flags.config, known)
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
        document = api.train.plan(model, corpus, out, settings=model_settings, **settings)
        emit(document, flags.json, document["plan"])
        return 0
    from affetti.progress import silent
    from affetti.training.device import is_main_process

    first = is_main_process(settings.get("devices") or 1)
    with shown() as progress:
        told = progress if first else silent
        document = api.train.run(model, corpus, out, settings=model_settings, progress=told, **settings)
    if first:
        emit(document, flags.json, _text(document, out))
    return 0


def _require_preset(corpus: Path, preset: str | None) -> None:
    if preset is None:
        return
    from affetti.corpus import Corpus
    from affetti.presets import front_end

    Corpus.open(corpus).require_front_end(front_end(preset), f"--preset {preset}")


def _model_settings(flags: Flags) -> dict[str, Any]:
    """Settings of the model: those of a run's config.json, then ``--set``."""
    from affetti import config
    from affetti.errors import UsageError

    filed = config.read(flags.config).get("settings", {}) if flags.config is not None else {}
    given: dict[str, Any] = {}
    for text in flags.set:
        key, equals, value = text.partition("=")
        if not (key and equals and value):
            raise UsageError(f"{text!r} is not a setting", where="--set", hint="write name=value")
        given[key] = [_value(part) for part in value.split(",")] if "," in value else _value(value)
    return filed | given


def _value(text: str) -> int | float | str:
    """A number where it is one, else a word."""
    try:
        return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
    except ValueError:
        return text


def _text(document: dict[str, Any], out: Path) -> str:
    n = document["n"]
    made = f"{document['parameters']:,} parameters, {document['steps']} steps"
    if not document["parameters"]:
        made = "in closed form"
    lines = [f"{document['model']}: {made} on {n['train']} clips, {document['seconds']:.0f} s, in {out}"]
    if "calibration" in document:
        calibration = document["calibration"]
        half, promised = calibration["half_width"], calibration["coverage"]
        lines.append(
            f"{100 * promised:.0f} % intervals: valence ±{half['valence']:.2f}, arousal ±{half['arousal']:.2f}, "
            f"from {calibration['songs']} validation songs"
        )
        for name, found in document["test"].items():
            lines.append(f"{name}: {_measures(found)}; on {n['test']} clips of songs never seen")
        quadrants, covered = document["quadrants"], document["coverage"]
        inside = ", ".join(f"{axis} {100 * found['value']:.0f} %" for axis, found in covered.items())
        lines.append(f"quadrant right: {_with_interval(quadrants['accuracy'])}; inside the interval: {inside}")
        short = [axis for axis, found in covered.items() if found["ci"][1] < promised]
        if short:
            lines.append(
                f"caution: of {' and '.join(short)} the intervals hold less than they promise; do not rely on them"
            )
        lines.append(f"next: affetti predict --model {out} song.mp3")
    else:
        lines += [f"alarm at {told}" for told in document["alarms"]]
        lines.append(f"next: affetti generate --model {out} --n 64 --out synthetic")
    return "\n".join(lines)


def _measures(found: dict[str, Any]) -> str:
    names = {"ccc": "CCC", "r2": "R²", "rmse": "RMSE"}
    told = ", ".join(f"{name} {_with_interval(found[key])}" for key, name in names.items() if found[key] is not None)
    share = (found["ccc"] or {}).get("of_ceiling")
    return told if share is None else f"{told}; {100 * share['value']:.0f} % of the CCC that its labels can bear"


def _with_interval(measure: dict[str, Any]) -> str:
    return f"{measure['value']:.3f} [{measure['ci'][0]:.3f}, {measure['ci'][1]:.3f}]"
