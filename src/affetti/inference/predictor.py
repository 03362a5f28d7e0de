"""A trained regressor and audio in; valence, arousal, their intervals and the emotion curve out.

The recording is cut into windows of the model's clip length, a second apart; each window gives a point of the curve,
at its centre, and the song's value is their mean. Silent windows (:func:`affetti.signal.audio.is_silent`) are left out,
and counted. A recording shorter than a window is repeated to fill it. The
interval is that of one clip (of the regressor that ships with affetti, of a recording's mean), calibrated on songs like
those the model was trained on; on other music it may be too narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affetti.config import structure
from affetti.emotion import AXES, SCALES, Scale
from affetti.errors import AffettiError, InputError, StorageError, UsageError
from affetti.execution import Executor, ShardTask, ranges
from affetti.folders import Listing
from affetti.inference.song_inputs import NOTHING, GivenInputs, SongInputs
from affetti.inference.window_regressors import (
    TorchWindowRegressor,
    WindowEmbedder,
    WindowRegressor,
    open_regressor,
)
from affetti.models.generators.conditioning import Fields
from affetti.progress import Progress, silent
from affetti.results import BaseResult
from affetti.scratch import ScratchFolder
from affetti.signal import audio
from affetti.signal.audio_files import list_audio
from affetti.storage import is_folder, read_json, write_json

MIN_SECONDS = 1.0
"""Shortest recording, seconds."""
FILES_PER_RANGE = 8
"""Files that an executor's workers predict at a time."""
BATCH_WINDOWS = 32
"""Windows of a batch: bounds the memory that a long recording takes."""


@dataclass(frozen=True)
class CurvePoint:
    """The prediction of one window."""

    time: float
    """Its centre, seconds."""
    valence: float | None
    """In [-1, 1]; None: the window is silent."""
    arousal: float | None


@dataclass(frozen=True)
class SongPrediction(BaseResult):
    """The emotion of one recording; where it could not be read, ``error`` says why and all else is None."""

    path: str | None = None
    """The file; None: predicted from a waveform."""
    valence: float | None = None
    """In [-1, 1], the mean of the curve."""
    arousal: float | None = None
    valence_ci: list[float] | None = None
    """Calibrated interval ``[low, high]``; None: the regressor is not calibrated."""
    arousal_ci: list[float] | None = None
    interval_level: float | None = None
    """Nominal coverage of the intervals, such as 0.9."""
    scale: str | None = None
    """Scale of the labels the regressor was trained on, such as ``1..9``."""
    valence_original: float | None = None
    """Valence on that scale."""
    valence_original_ci: list[float] | None = None
    arousal_original: float | None = None
    arousal_original_ci: list[float] | None = None
    curve: list[CurvePoint] | None = None
    """Emotion over time."""
    inputs: list[str] | None = None
    """What it was predicted from besides sound; None: sound alone."""
    sound_valence: float | None = None
    """Where there are such inputs, the mean of what sound alone predicts."""
    sound_arousal: float | None = None
    silent: int | None = None
    """Windows of the curve that are silent, and left out of the mean."""
    error: str | None = None
    """Why the recording could not be predicted."""
    regressor: str | None = None
    """What the regressor that ships with affetti is, and how well it agrees with listeners; None: another was used."""


def find_audio(path: Path) -> Listing:
    """``path`` itself or, for a folder, the audio files below it, see :func:`affetti.signal.audio_files.list_audio`.

    Raises:
        InputError: a folder holds no audio.
        StorageError: a folder cannot be read.
    """
    if not is_folder(path):
        return Listing((path,))
    listing = list_audio(path)
    if not listing.files and not listing.unreadable:
        kinds = ", ".join(sorted(audio.AUDIO_SUFFIXES))
        raise InputError("no audio files in this folder", where=path, hint=f"it should hold {kinds}")
    return listing


def list_recordings(paths: Sequence[Path]) -> tuple[tuple[Path, ...], tuple[AffettiError, ...]]:
    """The audio files of ``paths``, which are files and folders of them, and what is wrong with the others.

    Raises:
        UsageError: there is no path.
    """
    if not paths:
        raise UsageError("no audio given", where="AUDIO", hint="name audio files or folders of them")
    files: list[Path] = []
    errors: list[AffettiError] = []
    for path in paths:
        try:
            listing = find_audio(path)
        except (InputError, StorageError) as error:
            errors.append(error)
            continue
        files += listing.files
        errors += listing.unreadable
    return tuple(files), tuple(errors)


@dataclass(frozen=True)
class PredictTask(ShardTask):
    """Predicts a range of files and saves their predictions, and the errors of those that cannot be read."""

    folder: Path
    files: tuple[Path, ...]
    model: str | Path
    hop: float
    runtime: str
    device: str
    make_embedder: Callable[[str], WindowEmbedder] | None
    given: GivenInputs

    def inputs(self) -> tuple[Path, ...]:
        """The folder of the results, the model, and the folders of the first and last file."""
        return (self.folder, Path(self.model), self.files[0].parent, self.files[-1].parent)

    def shard(self, start: int, stop: int) -> Path:
        """The file of the range."""
        return self.folder / f"{start:07d}-{stop:07d}.json"

    def __call__(self, start: int, stop: int) -> None:
        """Predict files ``start`` to ``stop``."""
        regressor = _opened(self.folder, self.model, self.runtime, self.device, self.make_embedder)
        saved: list[dict[str, Any]] = []
        for path in self.files[start:stop]:
            result = predict_file(regressor, path, self.hop, self.given)
            if isinstance(result, InputError):
                saved.append({"error": [result.what, result.where, result.hint]})
            else:
                saved.append({"prediction": result.to_dict()})
        write_json(self.shard(start, stop), saved)

    def results(self, start: int, stop: int) -> list[SongPrediction | InputError]:
        """The predictions of the range that were saved, and the errors."""
        path = self.shard(start, stop)
        results: list[SongPrediction | InputError] = []
        for entry in read_json(path):
            if "error" in entry:
                what, where, hint = entry["error"]
                results.append(InputError(what, where=where, hint=hint))
            else:
                results.append(structure(entry["prediction"], SongPrediction, path))
        return results


@lru_cache(maxsize=1)
def _opened(
    _call: Path, model: str | Path, runtime: str, device: str, make_embedder: Callable[[str], WindowEmbedder] | None
) -> WindowRegressor:
    """The regressor of one call, which has a folder of its own; it may be trained anew before the next."""
    return open_regressor(model, runtime, device, make_embedder)


def predict_file(
    regressor: WindowRegressor, path: Path, hop: float = 1.0, given: GivenInputs = NOTHING
) -> SongPrediction | InputError:
    """Predict one file; the error where it cannot be read."""
    try:
        waveform = audio.load(path, regressor.sample_rate).numpy()
        song = given.of(path) if given.names else None
        return predict_waveform(regressor, waveform, hop, path, song=song)
    except InputError as error:
        return error


def predict_files(
    model: str | Path,
    paths: Sequence[Path],
    *,
    hop: float = 1.0,
    runtime: str = "torch",
    device: str = "cpu",
    make_embedder: Callable[[str], WindowEmbedder] | None = None,
    given: GivenInputs = NOTHING,
    executor: Executor | None = None,
    progress: Progress = silent,
) -> list[SongPrediction]:
    """Predict each file. A recording that cannot be read has ``error`` set and does not stop the others.

    Args:
        model: a run folder, a model of the Hub, an ONNX file, or ``shipped``.
        paths: audio files and folders of them.
        hop: seconds between points of the curve.
        runtime: ``torch``, or ``onnx`` for an ONNX file.
        device: where a PyTorch model runs.
        make_embedder: gives the embedder, by name, of a baseline that predicts from an embedding.
        given: words, genre and instruments, for a regressor that was trained on them.
        executor: where files are predicted; in this process by default.
        progress: receives the number of files done.

    Raises:
        UsageError: the model is not a regressor or was not trained on what is given, or no file was named.
        InputError: no file can be used.
    """
    regressor = open_regressor(model, runtime, device, make_embedder)
    if not 0 < hop < float("inf"):
        raise UsageError(f"a hop of {hop:g} s", where="--hop", hint="give a positive number of seconds")
    files, unusable = list_recordings(paths)
    errors = list(unusable)
    results = [SongPrediction(error.where, error=error.what) for error in errors]
    if given.names:
        trained = regressor.trained if isinstance(regressor, TorchWindowRegressor) else None
        accepted, fields = ((), Fields()) if trained is None else (trained.meta.inputs, trained.fields)
        given.check(accepted, fields, len(files))
        given.require_readable()
    if executor is None:
        for number, path in enumerate(files):
            _collect(predict_file(regressor, path, hop, given), path, results, errors)
            progress("predict", number + 1, len(files))
    elif files:
        scratch = ScratchFolder()
        try:
            task = PredictTask(scratch.path, tuple(files), model, hop, runtime, device, make_embedder, given)
            executor.map_ranges(task, len(files), FILES_PER_RANGE, stage="predict", progress=progress)
            for start, stop in ranges(len(files), FILES_PER_RANGE):
                for path, result in zip(files[start:stop], task.results(start, stop), strict=True):
                    _collect(result, path, results, errors)
        finally:
            scratch.remove()
    if len(errors) == len(results):
        if len(errors) == 1:
            raise errors[0]
        raise InputError(f"none of {len(errors)} recordings can be read, the first: {errors[0]}")
    return results


def _collect(
    result: SongPrediction | InputError, path: Path, results: list[SongPrediction], errors: list[AffettiError]
) -> None:
    if isinstance(result, InputError):
        errors.append(result)
        result = SongPrediction(str(path), error=result.what)
    results.append(result)


def predict_waveform(
    regressor: WindowRegressor,
    waveform: NDArray[np.float32],
    hop: float = 1.0,
    where: Path | None = None,
    on_points: Callable[[list[CurvePoint]], None] | None = None,
    song: SongInputs | None = None,
) -> SongPrediction:
    """Predict one waveform ``[T]`` at the regressor's sample rate.

    Args:
        regressor: what predicts.
        waveform: float32 ``[T]``.
        hop: seconds between points of the curve.
        where: its file.
        on_points: receives the points of each batch of sounding windows as soon as they are predicted.
        song: what is known of it besides, for a run that was trained on it.

    Raises:
        UsageError: ``song`` is given to a regressor of sound alone.
        InputError: it is shorter than :data:`MIN_SECONDS`, or silent throughout, or the regressor gives NaN.
    """
    rate = regressor.sample_rate
    if len(waveform) < MIN_SECONDS * rate:
        raise InputError(
            f"{len(waveform) / rate:.2f} s is too short", where=where, hint=f"give at least {MIN_SECONDS:g} s"
        )
    if audio.is_silent(waveform):
        raise InputError("silent (no sample above -80 dBFS)", where=where, hint="give a recording of music")
    length = round(regressor.front_end.seconds * rate)
    if len(waveform) < length:
        waveform = np.resize(waveform, length)
    # Windows a hop apart from the start, and one that ends with the recording.
    last = len(waveform) - length
    starts = np.unique(np.append(np.arange(0, last + 1, max(1, round(hop * rate))), last if last > 0 else 0))
    sounding = np.array([not audio.is_silent(waveform[start : start + length]) for start in starts])
    if not sounding.any():
        raise InputError("silent in every window", where=where, hint="give a recording of music")
    used = starts[sounding]
    points: list[NDArray[np.float32]] = []
    for first in range(0, len(used), BATCH_WINDOWS):
        batch = used[first : first + BATCH_WINDOWS]
        points.append(_predict_windows(regressor, np.stack([waveform[it : it + length] for it in batch]), where))
        if on_points is not None:
            on_points(_curve_points((batch + length / 2) / rate, points[-1]))
    from_sound = predicted = np.concatenate(points)
    half_widths = regressor.half_width.tolist()
    if song is not None:
        fused = _require_fusion(regressor, where)
        spans = [(start / rate, (start + length) / rate) for start in used.tolist()]
        predicted = fused.fuse(from_sound, spans, song)
        half_widths = fused.fused_half_width.tolist()
    curve = np.full((len(starts), len(AXES)), np.nan)
    curve[sounding] = predicted
    times = (starts + length / 2) / rate
    valence, arousal = curve[sounding].mean(axis=0).tolist()
    valence_ci, arousal_ci = _interval(valence, half_widths[0]), _interval(arousal, half_widths[1])
    scale = SCALES.get(regressor.label_scale or "")
    return SongPrediction(
        path=None if where is None else str(where),
        valence=valence,
        arousal=arousal,
        valence_ci=valence_ci,
        arousal_ci=arousal_ci,
        interval_level=regressor.interval_level,
        scale=None if scale is None else regressor.label_scale,
        valence_original=None if scale is None else float(scale.from_unit(valence)),
        valence_original_ci=_on_scale(scale, valence_ci),
        arousal_original=None if scale is None else float(scale.from_unit(arousal)),
        arousal_original_ci=_on_scale(scale, arousal_ci),
        curve=_curve_points(times, curve),
        inputs=None if song is None else song.names,
        sound_valence=None if song is None else float(from_sound[:, 0].mean()),
        sound_arousal=None if song is None else float(from_sound[:, 1].mean()),
        silent=int((~sounding).sum()),
        regressor=regressor.description,
    )


def _predict_windows(
    regressor: WindowRegressor, windows: NDArray[np.float32], where: Path | None
) -> NDArray[np.float32]:
    """Valence and arousal ``[B, 2]`` of windows ``[B, T]``, all finite."""
    points = regressor.predict(windows)
    if not np.isfinite(points).all():
        raise InputError(
            "the regressor gives a value that is not finite",
            where=where,
            hint="its weights are damaged: train or export it again, or give another --model",
        )
    return points


def _require_fusion(regressor: WindowRegressor, where: Path | None) -> TorchWindowRegressor:
    if not isinstance(regressor, TorchWindowRegressor):
        raise UsageError("an ONNX file predicts from sound alone", where=where, hint="give the run folder")
    return regressor


def _curve_points(times: NDArray[np.float64], curve: NDArray[np.floating]) -> list[CurvePoint]:
    """Points of the curve ``[N, 2]``; NaN: the window is silent."""
    return [
        CurvePoint(round(float(time), 3), *(None if np.isnan(value) else float(value) for value in point))
        for time, point in zip(times, curve, strict=True)
    ]


def _interval(value: float, half_width: float) -> list[float] | None:
    """The interval around a value, within [-1, 1]; None where the regressor is not calibrated."""
    if not np.isfinite(half_width):
        return None
    return [max(-1.0, value - half_width), min(1.0, value + half_width)]


def _on_scale(scale: Scale | None, interval: list[float] | None) -> list[float] | None:
    return None if scale is None or interval is None else scale.from_unit(np.array(interval)).tolist()
