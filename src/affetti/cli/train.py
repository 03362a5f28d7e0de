"""``affetti train``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import tyro

from affetti.cli.flags import Long, emit, parse, settled
from affetti.cli.progress import shown


@dataclass(frozen=True)
class Flags(Long):
    """Train a generator (gan, flow) or a regressor (student, baseline) on one fold's training clips."""

    model: tyro.conf.Positional[Literal["gan", "flow", "student", "baseline"]]
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
    """Settings of the model, such as width=128 guidance=2."""
    device: str | None = None
    """cpu (default), cuda, mps or auto."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "train")
    known = ("verb", "corpus_hash", "settings")
    settings = settled(flags, {"fold": 0, "seed": 0, "device": "cpu", "checkpoint_every": 500}, flags.config, known)
    from affetti.errors import UsageError

    for name in ("corpus", "out"):
        if name not in settings:
            raise UsageError(f"--{name} is missing", hint="see affetti train --help")
    model_settings = _model_settings(flags)
    model, corpus, out = settings.pop("model"), Path(settings.pop("corpus")), Path(settings.pop("out"))
    _require_preset(corpus, settings.pop("preset", None))
    settings.pop("set", None)
    if flags.dry_run:
        from affetti.cli.dry_run import train

        document = train(model, corpus, out, settings, model_settings)
        emit(document, flags.json, document["plan"])
        return 0
    from affetti import verbs

    with shown() as progress:
        document = verbs.train(model, corpus, out, settings=model_settings, progress=progress, **settings)
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
        try:
            given[key] = float(value) if "." in value or "e" in value else int(value)
        except ValueError:
            equals = ""
        if not equals:
            raise UsageError(f"{text!r} is not a setting", where="--set", hint="write name=number")
    return filed | given


def _text(document: dict[str, Any], out: Path) -> str:
    n = document["n"]
    lines = [
        (
            f"{document['model']}: {document['parameters']:,} parameters, {document['steps']} steps "
            f"on {n['train']} clips, {document['seconds']:.0f} s, in {out}"
        ),
    ]
    if "calibration" in document:
        half, coverage = document["calibration"]["half_width"], document["calibration"]["coverage"]
        lines.append(
            f"{100 * coverage:.0f} % intervals: valence ±{half['valence']:.2f}, arousal ±{half['arousal']:.2f}"
        )
        for name, found in document["test"].items():
            ccc = found["ccc"]
            lines.append(
                f"{name}: CCC {ccc['value']:.3f} [{ccc['ci'][0]:.3f}, {ccc['ci'][1]:.3f}] "
                f"on {n['test']} clips of songs never seen"
            )
        lines.append(f"next: affetti predict --model {out} song.mp3")
    else:
        lines.append(f"next: affetti generate --model {out} --n 64 --out synthetic")
    return "\n".join(lines)
