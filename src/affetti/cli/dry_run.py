"""``--dry-run``: what a verb would read and write, how large, and about how long it would take.

Nothing is written where the user asked. Times are extrapolated from a probe: a few tracks, steps or clips, worked off
in a temporary folder or in memory on this machine.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from affetti import presets, verbs
from affetti.corpus import Corpus, splits
from affetti.corpus import audit as label_audit
from affetti.corpus.build import refuse, unusable
from affetti.corpus.ceiling import ceiling
from affetti.corpus.loaders import load as load_source
from affetti.corpus.track import Options, Track, Windows
from affetti.errors import InputError, UsageError
from affetti.execution.local import cpu_count
from affetti.models.generators.conditioning import Fields
from affetti.presets import FrontEnd
from affetti.signal.mel import MelSpectrogram
from affetti.studies.audit.audit import QUESTIONS, require_fitting, require_questions
from affetti.studies.augmentation.study import plan_study
from affetti.training import fit as fitting
from affetti.training import run as runs
from affetti.training.loop import Clips, LoopConfig
from affetti.training.registry import family
from affetti.training.text_embedders import HASHED
from affetti.training.waveform_clips import sound_clips

PROBE_STEPS = 8
PROBE_TRACKS = 5
AUDIT, AUDIT_QUICK = 12.0, 3.0
"""Minutes that an audit may take on two cores, of the composed corpus at ``tiny``."""
AUDIT_BYTES = 20_000_000
"""Sounds and pictures that an audit files, about."""


def prepare(source: Sequence[str], out: Path | None, settings: dict[str, Any]) -> dict[str, Any]:
    """Plan a corpus: its labels are read and audited, and a few tracks decoded."""
    front = presets.front_end(settings["preset"])
    verbs.require_composed(source, settings.get("clips"))
    wanted, each = verbs.composed_size(front, settings.get("clips"))
    known = {field.name for field in dataclasses.fields(Options)}
    loaded = load_source(
        source,
        Options(**{name: value for name, value in settings.items() if name in known}),
        clips=wanted,
        clips_per_song=each,
        keys=settings.get("keys", 1),
        seed=settings["seed"],
    )
    splits.published_split(settings.get("split", "folds"), loaded.official)
    labels = label_audit.table(loaded, front.seconds)
    if settings.get("strict"):
        refuse(unusable(loaded))
    skipped = [{"path": path, "reason": reason} for path, reason in loaded.refused]
    probe = loaded.tracks[:: max(1, len(loaded.tracks) // PROBE_TRACKS)][:PROBE_TRACKS]
    found, seconds, broken = _heard(probe, front, settings.get("windows", "centre"), settings.get("pad", False))
    if probe and len(broken) == len(probe):
        tried = f"none of {len(probe)} tracks of {loaded.name} that were tried, of {len(loaded.tracks)}, can be read"
        raise InputError(f"{tried}, the first: {broken[0]['reason']}", where=broken[0]["path"])
    share = len(loaded.tracks) / max(1, len(probe))
    seconds *= share / (settings.get("workers") or cpu_count())
    # A composed track knows how many clips it gives; of others, a few are asked.
    composed = loaded.dataset.name == "composed"
    clips = sum(track.clips for track in loaded.tracks) if composed else round(found * share)
    size = 2 * clips * front.n_mels * front.frames
    return {
        "verb": "prepare",
        "dry_run": True,
        "clips": clips,
        "songs": len({track.song_id for track in loaded.tracks}),
        "labelled": len({track.song_id for track in loaded.labelled}),
        "skipped": skipped + broken,
        "labels": {"audit": label_audit.audit(loaded, front.seconds), "ceiling": ceiling(labels)},
        "notes": list(loaded.notes),
        "bytes": size,
        "seconds": round(seconds, 1),
        "plan": f"no sound of {loaded.name} is here: prepare would refuse; labels alone were read"
        if not loaded.tracks
        else f"would read {len(loaded.tracks)} tracks of {loaded.name} (licence: {loaded.dataset.licence}) "
        f"and write {'' if composed else 'about '}{clips} clips, {_plan(size, seconds, out)}",
    }


def train(
    kind: str, corpus: Path, out: Path, settings: dict[str, Any], model_settings: dict[str, Any]
) -> dict[str, Any]:
    """Plan a training run: a few steps are taken in memory."""
    opened = Corpus.open(corpus)
    part = opened.fold(settings["fold"])
    budget = presets.budget(opened.meta["preset"], kind)
    steps, batch = settings.get("steps", budget.steps), settings.get("batch_size", budget.batch_size)
    LoopConfig(steps, batch, settings["seed"])  # refuses what the loop could not run
    clips, fields = fitting.labelled_clips(opened, part.train), Fields()
    if kind in runs.GENERATORS:
        clips, fields = fitting.training_clips(opened, part.train, settings.get("text", HASHED))
    made = runs.make(kind, opened.front_end.shape, model_settings, fields)
    if family(kind).sound:
        clips = sound_clips(opened, clips.labels, part.train, made.config.window)  # type: ignore[arg-type, union-attr]
    parameters = sum(value.numel() for value in made.parameters())
    fitting.require_enough(clips, batch, kind)
    setup, step = _probe(kind, opened, clips, batch, model_settings, fields)
    seconds = setup + step * steps
    how = "in closed form" if family(kind).objective is None else f"for {steps} steps of {batch}"
    size = 4 * 9 * parameters  # float32: weights, and two checkpoints of weights, average and two moments
    return {
        "verb": "train",
        "dry_run": True,
        "n": {"train": len(part.train), "validation": len(part.validation), "test": len(part.test)},
        "steps": steps,
        "bytes": size,
        "seconds": round(seconds, 1),
        "plan": f"would train {kind} {how} on {len(part.train)} clips of {corpus} and write "
        + _plan(size, seconds, out),
    }


def generate(model: Path, n: int, out: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Plan a synthetic corpus: two clips are generated in memory."""
    trained = runs.load(model)
    if trained.kind not in runs.GENERATORS:
        raise UsageError(
            f"a {trained.kind} does not generate", where=model, hint=f"give a run of {' or '.join(runs.GENERATORS)}"
        )
    front = trained.front_end
    seconds = _seconds(lambda: trained.model.sample(torch.zeros(2, 2), 0)) / 2 * n  # type: ignore[operator]
    seconds /= settings.get("workers") or cpu_count()
    size = 2 * n * front.n_mels * front.frames
    return {
        "verb": "generate",
        "dry_run": True,
        "clips": n,
        "bytes": size,
        "seconds": round(seconds, 1),
        "plan": f"would generate {n} clips with {model} and write {_plan(size, seconds, out)}",
    }


def compare(corpus: Path, out: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Plan a study: arms and models are checked, generators and one regressor trained for a few steps in memory."""
    workers = settings.pop("workers", None) or cpu_count()
    asked = verbs.study_settings(**settings)
    found = plan_study(Corpus.open(corpus), asked, workers)
    fits = ""
    if asked.budget is not None:
        fits = f"; of this, what fits {asked.budget:.0f} s would be run"
        if found["least_seconds"] > asked.budget:
            fits = f"; real and real-longer alone take {found['least_seconds']:.0f} s: {asked.budget:.0f} s are too few"
    counted = f"{found['units']} regressors ({len(found['arms'])} arms: {', '.join(found['arms'])})"
    return {
        "verb": "compare",
        "dry_run": True,
        **found,
        "plan": f"would train {counted} on {corpus} and write {_plan(found['bytes'], found['seconds'], out)}{fits}",
    }


def audit(corpus: Path, out: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Plan an audit: questions, models and studies are checked; times are of two cores."""
    opened = Corpus.open(corpus)
    names = require_questions(tuple(settings.get("only", ())))
    models, studies = (tuple(Path(path) for path in settings.get(key, ())) for key in ("models", "studies"))
    require_fitting(opened, models, studies)
    minutes = (AUDIT_QUICK if settings.get("quick") else AUDIT) * len(names) / len(QUESTIONS)
    told = f"would ask {len(names)} questions ({', '.join(names)}) of {corpus} ({len(opened)} clips)"
    return {
        "verb": "audit",
        "dry_run": True,
        "questions": list(names),
        "models": [str(path) for path in models],
        "studies": [str(path) for path in studies],
        "bytes": AUDIT_BYTES,
        "seconds": 60.0 * minutes,
        "plan": f"{told} and write {_plan(AUDIT_BYTES, 60.0 * minutes, out)}",
    }


def _heard(
    tracks: Sequence[Track], front: FrontEnd, windows: Windows, pad: bool
) -> tuple[int, float, list[dict[str, str]]]:
    """Clips that these tracks give, the seconds it takes, and which of them cannot be heard."""
    to_mel = MelSpectrogram(front)
    clips, broken = 0, []
    began = time.perf_counter()
    for track in tracks:
        try:
            waveform = track.sound.waveform(front.sample_rate)
        except InputError as error:
            broken.append({"path": track.path, "reason": error.what})
            continue
        seconds = max(len(waveform) / front.sample_rate, front.seconds if pad else 0.0)
        starts = track.starts(seconds, front.seconds, windows)
        clips += len(starts)
        with torch.inference_mode():
            for _ in starts:
                to_mel(torch.from_numpy(waveform[: front.samples].copy()))
    return clips, time.perf_counter() - began, broken


def _probe(
    kind: str, corpus: Corpus, clips: Clips, batch: int, settings: dict[str, Any], fields: Fields = Fields()
) -> tuple[float, float]:
    """Seconds to set a training run up, and seconds a step: the difference of a run of one step and a longer one."""

    def fit(steps: int) -> float:
        model = runs.make(kind, corpus.front_end.shape, settings, fields)
        return _seconds(lambda: fitting.fit(kind, model, clips, LoopConfig(steps, batch, 0)))

    fit(1)  # the first call also imports and warms up
    short = fit(1)
    if kind == "baseline":
        return short, 0.0
    return short, max(0.0, fit(1 + PROBE_STEPS) - short) / PROBE_STEPS


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _plan(size: int, seconds: float, out: Path | None) -> str:
    there = " (which exists: finished work is kept, begun work goes on)" if out is not None and out.exists() else ""
    where = "" if out is None else f" to {out}{there}"
    length = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    return f"about {size / 1e6:.0f} MB{where} in about {length}"
