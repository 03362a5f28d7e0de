"""What worker processes do for the page: compose, sample, decode and predict.

Each function takes plain values and a folder, files what it makes there, and returns a typed result. The same functions
of the other rooms are called as by the command line, so that what one hears and sees is what ``affetti generate`` and
``affetti predict`` file for the same settings.

A worker has a limit of memory beyond what it starts with: a file that asks for more ends its own request alone.
"""

from __future__ import annotations

import json
import os
import resource
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.compose.cues import valence_arousal
from affetti.compose.curve import CurveSettings, compose_along
from affetti.compose.renderer import render, save_midi
from affetti.compose.target_cues import cue_effects
from affetti.embedders.registry import make_embedder
from affetti.emotion import EmotionCurve
from affetti.errors import InputError
from affetti.inference.generation import GenerationSettings
from affetti.inference.predictor import CurvePoint, SongPrediction, predict_waveform
from affetti.inference.window_regressors import WindowRegressor, open_regressor
from affetti.signal import audio
from affetti.signal.audio import OnSamples
from affetti.web import pictures
from affetti.web.clips import open_generator, sample_clip, sample_song
from affetti.web.limits import DECODE_SECONDS, MAX_SONG_SECONDS, WORKER_BYTES

SAMPLE_RATE = 22_050
"""Of composed sound, Hz."""
NICENESS = 10
"""Of workers: the server, which answers everybody, goes first where processors are few."""


def initialise(regressor: Path | None) -> None:
    """Prepare a worker process: load what every task needs, so that the first click is fast, then limit its memory."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server ends its workers itself
    os.nice(NICENESS)
    torch.set_num_threads(1)
    if regressor is not None:
        _regressor(regressor)
    render(compose_along(EmotionCurve((0.0,), ((0.0, 0.0),)), 4.0), SAMPLE_RATE)
    pages = Path("/proc/self/statm")
    if pages.exists():  # Linux alone has it
        size = int(pages.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + WORKER_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))


@dataclass(frozen=True)
class SectionOfPiece:
    """A section of a composed piece."""

    start: float
    """Seconds."""
    duration: float
    valence: float
    """Emotion that its cues give, in [-1, 1]."""
    arousal: float


@dataclass(frozen=True)
class Piece:
    """A composed piece whose sound and MIDI have been filed."""

    seconds: float
    cues: dict[str, Any]
    """Cues of its middle section."""
    effects: dict[str, tuple[float, float]]
    """How much each of these cues shifts valence and arousal, see :func:`~affetti.compose.target_cues.cue_effects`."""
    sections: list[SectionOfPiece]


def compose_piece(curve: EmotionCurve, seconds: float, settings: CurveSettings, sound: Path) -> Piece:
    """Compose a piece along ``curve``; files ``sound`` and, beside it, the same as MIDI."""
    song = compose_along(curve, seconds, settings)
    audio.save(sound, render(song, SAMPLE_RATE), SAMPLE_RATE)
    save_midi(song, sound.with_suffix(".mid"))
    middle = song.sections[len(song.sections) // 2].cues
    sections = [SectionOfPiece(s.start, s.duration, *valence_arousal(s.cues)) for s in song.sections]
    return Piece(song.duration, asdict(middle), cue_effects(middle), sections)


def sample_sound(model: Path, emotion: tuple[float, float], settings: GenerationSettings, sound: Path) -> float:
    """Sample a clip of a generator, see :func:`~affetti.web.clips.sample_clip`; files ``sound``.

    Returns:
        Its length, seconds.
    """
    clip = sample_clip(open_generator(model), emotion, settings)
    audio.save(sound, clip.waveform, clip.sample_rate)
    return len(clip.waveform) / clip.sample_rate


def sample_song_sound(
    model: Path, curve: EmotionCurve, seconds: float, settings: GenerationSettings, events: Path, sound: Path
) -> float:
    """Sample a song along ``curve``, see :func:`~affetti.web.clips.sample_song`; files ``sound``.

    Its progress is appended to ``events``, a JSON object a line.

    Returns:
        Its length, seconds.
    """

    def progress(stage: str, done: int, total: int) -> None:
        _append(events, {"type": "progress", "stage": stage, "done": done, "total": total})

    song, sample_rate = sample_song(model, curve, seconds, settings, progress)
    audio.save(sound, song, sample_rate)
    return len(song) / sample_rate


@dataclass(frozen=True)
class Analysis:
    """What is shown of a sound."""

    seconds: float
    peaks: list[float]
    """See :func:`affetti.web.pictures.peaks`."""
    picture: pictures.Picture
    prediction: SongPrediction | None
    """None: no regressor was given, or it cannot predict this sound."""
    reason: str | None = None
    """Why there is no prediction, where a regressor was given."""


def analyse_sound(sound: Path, regressor: Path | None) -> Analysis:
    """Log-mel, waveform and predicted emotion of a sound that was filed here."""
    waveform = audio.load(sound, SAMPLE_RATE).numpy()
    prediction, reason = None, None
    if regressor is not None:
        model = _regressor(regressor)
        own = waveform if model.sample_rate == SAMPLE_RATE else audio.load(sound, model.sample_rate).numpy()
        try:
            prediction = predict_waveform(model, own)
        except InputError as error:
            reason = error.what
    return Analysis(
        len(waveform) / SAMPLE_RATE, pictures.peaks(waveform), pictures.picture(waveform), prediction, reason
    )


def predict_upload(upload: Path, regressor: Path | None, events: Path, sound: Path) -> Analysis:
    """Decode an uploaded recording, file it as ``sound`` for playing, and predict it.

    Parts of its picture while it is decoded, its length, and points of its curve are appended to ``events`` as they
    come, a JSON object a line.

    Raises:
        InputError: it cannot be decoded, is too long, too short or silent.
    """
    model = None if regressor is None else _regressor(regressor)
    painter = pictures.Painter(lambda part: _append(events, {"type": "part"} | asdict(part)))
    # What is only for show runs beside decoding and prediction, which leave the interpreter free most of the time.
    with ThreadPoolExecutor(1) as beside:
        waveform = _decoded(upload, SAMPLE_RATE, lambda start, samples: beside.submit(painter.add, start, samples))
        own = waveform if model is None or model.sample_rate == SAMPLE_RATE else _decoded(upload, model.sample_rate)
        upload.unlink()
        seconds, peaks = len(waveform) / SAMPLE_RATE, pictures.peaks(waveform)
        picture, filed = beside.submit(painter.end), beside.submit(audio.save, sound, waveform, SAMPLE_RATE)
        _append(events, {"type": "sound", "seconds": seconds, "peaks": peaks})

        def on_points(points: list[CurvePoint]) -> None:
            _append(events, {"type": "points", "points": [asdict(point) for point in points]})

        prediction = None if model is None else predict_waveform(model, own, on_points=on_points)
        filed.result()
        return Analysis(seconds, peaks, picture.result(), prediction)


def _decoded(upload: Path, sample_rate: int, on_samples: OnSamples | None = None) -> NDArray[np.float32]:
    """Samples of an upload at ``sample_rate``, Hz.

    Raises:
        InputError: see :func:`affetti.signal.audio.load`; the upload's path is left out of the message.
    """
    signal.setitimer(signal.ITIMER_PROF, DECODE_SECONDS)  # ends this process: no exception gets through a decoder
    try:
        hours = MAX_SONG_SECONDS / 3600
        return audio.load(upload, sample_rate, max_hours=hours, on_samples=on_samples).numpy()
    except InputError as error:
        raise InputError(error.what, hint=error.hint) from error
    except MemoryError as error:
        raise InputError("needs more memory than a recording may", hint="give a shorter recording") from error
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _append(events: Path, event: dict[str, Any]) -> None:
    with events.open("a", encoding="utf-8") as file:
        file.write(json.dumps(event) + "\n")


@lru_cache(maxsize=2)
def _regressor(path: Path) -> WindowRegressor:
    runtime = "onnx" if path.suffix == ".onnx" else "torch"
    return open_regressor(path, runtime, "cpu", make_embedder)
