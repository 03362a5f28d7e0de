"""``affetti audit SONG...``: what each representation keeps of single recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from affetti.api.plan import Plan, describe_cost
from affetti.api.recordings_output import reserve_folder, save_with_page
from affetti.embedders.registry import make_embedder
from affetti.errors import AffettiError, InputError, UsageError
from affetti.inference.predictor import list_recordings
from affetti.inference.window_regressors import WindowRegressor, open_regressor
from affetti.output_lock import releases_outputs
from affetti.presets import FrontEnd
from affetti.progress import Progress, silent
from affetti.provenance import versions
from affetti.report.audio_examples import one_thread
from affetti.report.wording import plural
from affetti.studies.audit.recordings.excerpt import (
    SECONDS,
    check_settings,
    load_recording,
    middle,
)
from affetti.studies.audit.recordings.result import RecordingAudit, RecordingsResult
from affetti.studies.audit.recordings.stages import audit_excerpt
from affetti.weights import SHIPPED

SECONDS_EACH, BYTES_EACH = 0.5, 700_000
"""Time that a second of a recording takes on one core, and the sounds and pictures of it."""


@dataclass(frozen=True, kw_only=True)
class RecordingsPlan(Plan):
    """An audit of recordings that would be made."""

    verb: ClassVar[str | None] = "audit-recordings"

    recordings: int
    """How many files there are."""


@releases_outputs
def run(
    audio: Sequence[str | Path] | str | Path,
    out: str | Path | None = None,
    *,
    model: str | Path | None = SHIPPED,
    preset: str = "paper",
    seconds: float = SECONDS,
    device: str = "cpu",
    progress: Progress = silent,
) -> RecordingsResult:
    """Measure what each representation keeps of recordings; labels and a corpus are not needed.

    Args:
        audio: audio files, or folders of them. One that cannot be read has ``error`` set and does not stop the others.
        out: a new folder for the sounds of every stage and a page that shows and plays them; by default none.
        model: a regressor, which predicts the emotion of the sound that comes back of every stage; by default the one
            that ships with affetti, None for none.
        preset: front-end of the log-mels; its hop must be at most a quarter of the window.
        seconds: length of what is audited, the middle of each recording.
        device: where the regressor runs.
        progress: receives the number of recordings done.

    Raises:
        UsageError: no recording, an unknown preset, a model that does not predict.
        InputError: no recording can be used.
        StorageError: ``out`` holds other work.
    """
    front, files, errors = check(audio, preset, seconds)
    regressor = None if model is None else open_regressor(model, "torch", device, make_embedder)
    folder = None if out is None else Path(out)
    if folder is not None:
        reserve_folder(folder, RecordingsResult.verb, files, model, front, seconds)
    audits = [RecordingAudit(str(error.where), error=error.what) for error in errors]
    failures = list(errors)
    for number, path in enumerate(files):
        progress("recordings", number, len(files))
        try:
            prefix = "" if len(files) == 1 else f"{number + 1}-"
            audits.append(_audit(path, front, seconds, regressor, folder, prefix))
        except InputError as error:
            failures.append(error)
            audits.append(RecordingAudit(str(path), error=error.what))
    progress("recordings", len(files), len(files))
    if len(failures) == len(audits):
        if len(failures) == 1:
            raise failures[0]
        raise InputError(f"none of {len(failures)} recordings can be audited, the first: {failures[0]}")
    result = RecordingsResult(
        recordings=tuple(audits),
        preset=preset,
        requested_seconds=float(seconds),
        model=None if model is None else str(model),
        page=None,
        versions=versions(),
    )
    return result if folder is None else save_with_page(result, folder, "Audit of recordings", progress)


def plan(
    audio: Sequence[str | Path] | str | Path,
    out: str | Path | None = None,
    *,
    model: str | Path | None = SHIPPED,
    preset: str = "paper",
    seconds: float = SECONDS,
    device: str = "cpu",
    progress: Progress = silent,
) -> RecordingsPlan:
    """Plan an audit of recordings, with the arguments of :func:`run`; files are listed and not read."""
    _, files, _ = check(audio, preset, seconds)
    if model is not None:
        open_regressor(model, "torch", device, make_embedder)
    folder, count = None if out is None else Path(out), len(files)
    size, time = (0 if folder is None else count * BYTES_EACH), count * seconds * SECONDS_EACH
    return RecordingsPlan(
        recordings=count,
        bytes=size,
        seconds=time,
        plan=f"would audit {plural(count, 'recording')}, {seconds:g} s of each, "
        f"and write {describe_cost(size, time, folder)}",
    )


def check(
    audio: Sequence[str | Path] | str | Path, preset: str, seconds: float
) -> tuple[FrontEnd, tuple[Path, ...], tuple[AffettiError, ...]]:
    """The front-end, the files to be audited, and what is wrong with paths that are none; raises as :func:`run`."""
    paths = [audio] if isinstance(audio, str | Path) else list(audio)
    front = check_settings(preset, seconds)
    if 4 * front.hop_length > front.linear_n_fft:
        raise UsageError(
            f"{preset} steps {front.hop_length} samples, more than a quarter of its window",
            where="--front-end",
            hint="choose paper, paper45 or full-band: their complex STFT can be inverted",
        )
    listed, errors = list_recordings([Path(path) for path in paths])
    files = tuple(dict.fromkeys(listed))
    if not files and len(errors) == 1:
        raise errors[0]
    return front, files, errors


def _audit(
    path: Path, front: FrontEnd, seconds: float, regressor: WindowRegressor | None, folder: Path | None, prefix: str
) -> RecordingAudit:
    with one_thread():
        return audit_excerpt(middle(load_recording(path, front), front, seconds), front, regressor, folder, prefix)
