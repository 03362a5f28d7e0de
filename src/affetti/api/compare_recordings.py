"""``affetti audit A B --pair``: how alike two recordings are, and where a regressor puts them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from affetti.api.plan import Plan, describe_cost
from affetti.api.recordings_output import reserve_folder, save_with_page
from affetti.embedders.registry import make_embedder
from affetti.inference.window_regressors import open_regressor
from affetti.output_lock import releases_outputs
from affetti.progress import Progress, silent
from affetti.provenance import versions
from affetti.studies.audit.recordings import pair
from affetti.studies.audit.recordings.excerpt import SECONDS, check_settings, load_recording
from affetti.studies.audit.recordings.result import PairResult
from affetti.weights import SHIPPED

PAIR_BYTES, PAIR_SECONDS = 3_000_000, 0.1
"""Sounds and pictures of a pair, and the time that a second of it takes."""
IDENTICAL, CONFUSED = 0.9, 0.7
"""Pearson's r above which the study's script (section 12.2) calls spectrograms identical, or instruments confused."""


@releases_outputs
def run(
    first: str | Path,
    second: str | Path,
    out: str | Path | None = None,
    *,
    model: str | Path | None = SHIPPED,
    preset: str = "paper",
    seconds: float = SECONDS,
    device: str = "cpu",
    progress: Progress = silent,
) -> PairResult:
    """Measure how alike two recordings are: log-mels, notes, level, and the emotion that a regressor predicts.

    Args:
        first: an audio file.
        second: another. Unlike rates are resampled, of unlike lengths as much is compared as both have; ``notes`` say
            so.
        out: a new folder for the sounds and a page that shows and plays them; by default none.
        model: a regressor; by default the one that ships with affetti, None for none.
        preset: front-end of the log-mels.
        seconds: length of what is compared, the middle of the time that both have.
        device: where the regressor runs.
        progress: receives the number of recordings done.

    Raises:
        UsageError: an unknown preset, a model that does not predict.
        InputError: a recording cannot be read, is shorter than a second, or silent where it is compared.
        StorageError: ``out`` holds other work.
    """
    front = check_settings(preset, seconds)
    regressor = None if model is None else open_regressor(model, "torch", device, make_embedder)
    loaded = load_recording(Path(first), front), load_recording(Path(second), front)
    excerpts = pair.same_part(*loaded, front, seconds)
    folder = None if out is None else Path(out)
    if folder is not None:
        reserve_folder(folder, PairResult.verb, (first, second), model, front, seconds)
    progress("pair", 0, 2)
    similarity, notes = pair.compare_waveforms(excerpts[0].waveform, excerpts[1].waveform, front)
    progress("pair", 1, 2)
    described = [
        pair.describe(excerpt, front, regressor, folder, name)
        for excerpt, name in zip(excerpts, ("first", "second"), strict=True)
    ]
    one, other = (recording.emotion for recording in described)
    if one is not None and other is not None:
        similarity = replace(
            similarity,
            valence_difference=other.valence - one.valence,
            arousal_difference=other.arousal - one.arousal,
        )
    r = similarity.correlation
    result = PairResult(
        first=described[0],
        second=described[1],
        seconds=len(excerpts[0].waveform) / front.sample_rate,
        similarity=similarity,
        identical_by_study=None if r is None else r > IDENTICAL,
        confused_by_study=None if r is None else r > CONFUSED,
        preset=preset,
        requested_seconds=float(seconds),
        model=None if model is None else str(model),
        page=None,
        notes=(*pair.differences(*excerpts, front), *notes),
        versions=versions(),
    )
    if folder is not None:
        result = save_with_page(result, folder, "Two recordings", progress)
    progress("pair", 2, 2)
    return result


@dataclass(frozen=True, kw_only=True)
class PairPlan(Plan):
    """A comparison of two recordings that would be made."""

    verb: ClassVar[str | None] = "audit-pair"


def plan(
    first: str | Path,
    second: str | Path,
    out: str | Path | None = None,
    *,
    model: str | Path | None = SHIPPED,
    preset: str = "paper",
    seconds: float = SECONDS,
    device: str = "cpu",
    progress: Progress = silent,
) -> PairPlan:
    """Plan a comparison, with the arguments of :func:`run`; the files are decoded, to see whether they can be used."""
    front = check_settings(preset, seconds)
    if model is not None:
        open_regressor(model, "torch", device, make_embedder)
    progress("pair", 0, 2)
    pair.same_part(load_recording(Path(first), front), load_recording(Path(second), front), front, seconds)
    folder = None if out is None else Path(out)
    size, time = 0 if folder is None else PAIR_BYTES, seconds * PAIR_SECONDS
    return PairPlan(
        bytes=size,
        seconds=time,
        plan=f"would compare {first} with {second}, {seconds:g} s of both, and write "
        f"{describe_cost(size, time, folder)}",
    )
