"""A trained generator and an emotion over time in, a synthetic corpus of whole songs out.

Each song is one track: its clips, of which the corpus has log-mels and labels, cover it whole, one after the other, and
have its ``song_id``. Beside them lie ``dynamic.parquet``, the emotion requested every half second, ``sections.parquet``
where sections were requested, and with sound ``songs/`` with a file a song, from which the clips in ``audio/`` are cut.

Songs are made by the methods of :mod:`affetti.inference.long_form`: joint denoising where the generator allows it, else
cross-fades; the corpus' provenance says which.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.corpus import Corpus
from affetti.corpus.annotations import Section
from affetti.corpus.window_labels import FILE
from affetti.corpus.writer import CorpusWriter, MelTask
from affetti.emotion import AXES
from affetti.errors import UsageError
from affetti.execution import Executor, LocalExecutor
from affetti.inference.conditions import condition_columns, requested_condition
from affetti.inference.generation import (
    MAX_CLIPS,
    GenerationSettings,
    corpus_meta,
    loaded,
    vocoder_for,
)
from affetti.inference.long_form import Return, Windows, cross_fade, fading_windows, joint_song, latent_windows, vocode
from affetti.inference.song_request import SongRequest, SongSettings, resolve_song
from affetti.models.base import VelocityGenerator, resolve_sampling
from affetti.models.generators.conditioning import EMOTION, Fields
from affetti.output_lock import releases_outputs
from affetti.presets import FrontEnd
from affetti.progress import Progress, silent
from affetti.signal import audio
from affetti.signal.front_ends import spectrogram
from affetti.storage import atomic_write, require_space
from affetti.training import run as runs
from affetti.training.device import choose_device
from affetti.training.text_embedders import HashedText, text_embedder

Method = Literal["joint denoising", "cross-fades"]
RATING_SECONDS = 0.5
"""Step of ``dynamic.parquet``."""


@dataclass(frozen=True)
class SongLayout:
    """Where the windows and the clips of a song lie; the same for all songs of a request."""

    front: FrontEnd
    frames: int
    """Frames of a song."""
    window_starts: tuple[float, ...]
    """Seconds, of the windows that it is made of."""
    clip_frames: tuple[int, ...]
    """First frame of each of its clips."""
    returns: tuple[Return, ...] = ()
    """Of sections, where windows are denoised together."""

    @classmethod
    def of(cls, trained: runs.TrainedModel, seconds: float, sections: Sequence[Section] = ()) -> SongLayout:
        """The layout of a song of ``seconds`` by a model; at least a clip long."""
        front, model = trained.front_end, trained.generator
        returns: tuple[Return, ...] = ()
        frames = max(front.frames, 1 + int(seconds * front.sample_rate) // front.hop_length)
        if isinstance(model, VelocityGenerator):
            starts = latent_windows(model, frames, front.frames).starts
            first_frames = [model.frames_per_column * start for start in starts]
            per_second = front.sample_rate / front.hop_length / model.frames_per_column
            returns = Return.of_sections(sections, per_second)
        else:
            first_frames = list(fading_windows(frames, front.frames).starts)
        # Clips overlap by a frame or more: a clip of F frames lasts F - 1 steps between frames, and a little.
        clips = Windows.cover(frames, front.frames, 1).starts
        return cls(front, frames, tuple(cls.seconds(front, it) for it in first_frames), clips, returns)

    @staticmethod
    def seconds(front: FrontEnd, frame: int) -> float:
        """When a frame is."""
        return frame * front.hop_length / front.sample_rate

    @property
    def clip_starts(self) -> tuple[float, ...]:
        """Seconds, of the clips."""
        return tuple(self.seconds(self.front, frame) for frame in self.clip_frames)

    @property
    def duration(self) -> float:
        """Of a song, seconds, to within a frame."""
        return self.seconds(self.front, self.frames - 1)


@dataclass(frozen=True)
class SongTask(MelTask):
    """Generate a range of songs, and file the log-mels of their clips as a shard, and their sound."""

    model: Path
    conditions: Tensor
    """Of each window ``[N, K]``."""
    seconds: float
    settings: GenerationSettings
    sections: tuple[Section, ...] = ()
    weights_sha256: str = ""
    """Of the model, as in :class:`affetti.inference.generation.GenerateTask`."""

    def inputs(self) -> tuple[Path, ...]:
        """The run of the model."""
        return (self.model,)

    def __call__(self, start: int, stop: int) -> None:
        """Generate songs ``start`` to ``stop``."""
        trained = loaded(self.model, self.settings.device, self.weights_sha256)
        layout = SongLayout.of(trained, self.seconds, self.sections)
        parts = [self._song(trained, layout, number) for number in range(start, stop)]
        self.save(start, stop, np.concatenate(parts))

    def _song(self, trained: runs.TrainedModel, layout: SongLayout, number: int) -> NDArray[np.float16]:
        """The log-mels of a song's clips; its sound is written where it is requested or made."""
        front, to_mel = layout.front, spectrogram(layout.front)
        made = make_song(trained, layout, self.conditions, self.settings, number)
        sound = song_sound(trained, made, self.settings) if trained.sounds or self.settings.with_audio else None
        clips: list[NDArray[np.float16]] = []
        samples = front.samples if trained.sounds else front.hop_length * (front.frames - 1)
        for place, frame in enumerate(layout.clip_frames):
            own = None
            if sound is not None:
                own = sound[frame * front.hop_length :][:samples]
                name = clip_name(trained.kind, number, place)
                audio.save(self.out / "audio" / f"{name}.flac", own, front.sample_rate)
            mel = made[:, frame : frame + front.frames] if own is None or not trained.sounds else to_mel(own)
            clips.append(torch.maximum(mel, mel.amax() - front.top_db).numpy().astype(np.float16))
        if sound is not None:
            audio.save(self.out / "songs" / f"{song_name(trained.kind, number)}.flac", sound, front.sample_rate)
        return np.stack(clips)


def make_song(
    trained: runs.TrainedModel,
    layout: SongLayout,
    conditions: Tensor,
    settings: GenerationSettings,
    number: int,
    progress: Progress = silent,
) -> Tensor:
    """Song ``number``: its log-mel ``[M, F]`` in dB, or its samples ``[T]`` where that is what the model makes."""
    front, model, seed, sampling = layout.front, trained.generator, settings.seed, settings.sampling
    batch = settings.batch_size
    if isinstance(model, VelocityGenerator):
        given = conditions.to(trained.device)
        parts = (model, given, layout.frames, front.frames, seed, number, sampling, batch, progress)
        return joint_song(*parts, returns=layout.returns)
    windows = fading_windows(layout.frames, front.frames)
    if trained.sounds:
        windows = windows.times(front.hop_length, front.samples)
    return cross_fade(model, conditions, windows, seed, number, sampling, batch, progress)


def song_sound(trained: runs.TrainedModel, made: Tensor, settings: GenerationSettings) -> Tensor:
    """The sound ``[T]`` of what :func:`make_song` made; one that exceeds ±1 is scaled down."""
    if not trained.sounds:
        vocoder = vocoder_for(trained, settings.vocoder, choose_device(settings.device))
        made = vocode(torch.maximum(made, made.amax() - trained.front_end.top_db), vocoder)
    return made / made.abs().amax().clamp_min(1.0)


def song_method(trained: runs.TrainedModel) -> Method:
    """How songs of a generator are made."""
    return "joint denoising" if isinstance(trained.generator, VelocityGenerator) else "cross-fades"


@dataclass(frozen=True)
class SongsRequest:
    """What is requested of songs, resolved against the model, before anything is written."""

    trained: runs.TrainedModel
    n: int
    """Songs."""
    settings: GenerationSettings
    given: SongSettings
    song: SongRequest
    layout: SongLayout
    conditions: Tensor
    """Of each window ``[N, K]``."""
    common: NDArray[np.float64]
    """What all windows are to have besides emotion, section and position ``[K]``."""

    @property
    def clips(self) -> int:
        """Of the corpus."""
        return self.n * len(self.layout.clip_frames)

    @property
    def method(self) -> Method:
        """How songs are made."""
        return song_method(self.trained)

    @property
    def signature(self) -> str:
        """A hash of all that the corpus depends on."""
        s, song = self.settings, asdict(self.song)
        parts: list[Any] = [self.trained.meta.weights_sha256, self.conditions.nan_to_num(9.0).tolist(), song]
        parts += ["songs", dict(s.sampling), s.seed, s.batch_size, s.with_audio, s.vocoder]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def resolve_songs(model: Path, n: int, settings: GenerationSettings, given: SongSettings) -> SongsRequest:
    """Load the model and check what is requested against it, with the arguments of :func:`generate_songs`.

    Raises:
        AffettiError: what :func:`generate_songs` says, but for what depends on its folder.
    """
    if n < 1:
        raise UsageError(f"{n} songs", where="--n", hint="give 1 or more")
    if settings.batch_size < 1:
        raise UsageError(f"a batch of {settings.batch_size}", where="--batch-size", hint="give 1 or more")
    for name in ("section", "position"):
        if settings.conditions.get(name) is not None:
            raise UsageError("follows from the place in a song", where=f"--{name}", hint="leave it out, or use --form")
    if settings.filter_by is not None:
        raise UsageError("songs are not filtered", where="--filter", hint="leave it out")
    loaded.cache_clear()  # the run may have been trained anew since this process last loaded it
    trained = loaded(model, settings.device)
    resolve_sampling(settings.sampling, trained.generator.sampling_parameters)
    song = resolve_song(given, settings.emotions, trained.front_end.seconds)
    fields = trained.fields
    _require_learnt(song, fields, given)
    text = text_embedder(trained.meta.text) if fields.lines else HashedText()
    common = requested_condition(fields, text, **settings.conditions)
    vocoder_for(trained, settings.vocoder, choose_device(settings.device))
    layout = SongLayout.of(trained, song.seconds, song.sections)
    conditions = window_conditions(song, layout.window_starts, layout.front.seconds, fields, common)
    request = SongsRequest(trained, n, settings, given, song, layout, conditions, common)
    if request.clips > MAX_CLIPS:
        what = f"{n} songs of {len(layout.clip_frames)} clips"
        raise UsageError(what, where="--n", hint=f"request at most {MAX_CLIPS} clips")
    return request


def window_conditions(
    song: SongRequest, starts: tuple[float, ...], seconds: float, fields: Fields, common: NDArray[np.float64]
) -> Tensor:
    """The condition ``[N, K]`` of each window of a song.

    Its emotion is the mean of the curve over the window, its section the one that covers most of it, its position its
    start over that of the last window, as in the training clips.

    Args:
        song: what is requested.
        starts: of the windows, seconds.
        seconds: length of a window.
        fields: of the model.
        common: condition ``[K]`` of what all windows have besides; NaN elsewhere.
    """
    rows = np.tile(common, (len(starts), 1))
    columns = fields.columns
    for row, start in zip(rows, starts, strict=True):
        emotion = song.curve.mean(start, start + seconds)
        row[columns[EMOTION]] = emotion.valence, emotion.arousal
        label = song.annotations.section_at(start, start + seconds)
        if "section" in columns and label in fields.sections:
            row[columns["section"]] = fields.sections.index(label)
        if "position" in columns and starts[-1] > 0:
            row[columns["position"]] = start / starts[-1]
    return fields.require_valid(torch.tensor(rows, dtype=torch.float32))


def _require_learnt(song: SongRequest, fields: Fields, given: SongSettings) -> None:
    """Refuse sections that the model has not learnt."""
    unknown = sorted({it.label for it in song.sections} - set(fields.sections))
    if not unknown or not song.sections_required:
        return
    where = "--form" if given.form is not None else str(given.curve)
    if not fields.sections:
        raise UsageError("the model has learnt no sections", where=where, hint="leave the sections out")
    hint = f"it knows {', '.join(fields.sections)}"
    raise UsageError(f"the model has not learnt the section {unknown[0]!r}", where=where, hint=hint)


@releases_outputs
def generate_songs(
    model: Path,
    n: int,
    out: Path,
    settings: GenerationSettings,
    songs: SongSettings,
    *,
    executor: Executor | None = None,
    progress: Progress = silent,
) -> Corpus:
    """Generate ``n`` songs into a synthetic corpus at ``out``.

    Args:
        model: run of a generator.
        n: number of songs, ≥ 1; all follow the same curve, each from noise of its own.
        out: folder of the corpus.
        settings: emotions (one emotion, where no curve is given), conditions, sampling and sound.
        songs: curve, form and length.
        executor: where songs are generated; by default in this process.
        progress: called with the number of songs done.

    Raises:
        UsageError: the model generates nothing or has not learnt a section, settings exclude each other, or a
            condition or sampling parameter is out of range.
        InputError: the curve cannot be used, or is shorter than a window or longer than an hour.
        StorageError: the folder holds other work, or the disk is full.
    """
    request = resolve_songs(model, n, settings, songs)
    front = request.layout.front
    writer = CorpusWriter(out, front, request.signature)
    if writer.finished():
        return Corpus.open(out)
    writer.reserve()
    require_space(out, 4 * request.clips * front.n_bands * front.frames)
    song, weights = request.song, request.trained.meta.weights_sha256
    task = SongTask(out, model, request.conditions, song.seconds, settings, song.sections, weights)
    # One song a range: a song that is filed is not made again, and its bytes depend on no other.
    stage = f"generate songs by {request.trained.kind}"
    (executor or LocalExecutor()).map_ranges(task, n, 1, stage=stage, progress=progress)
    writer.join_shards(task.shards(n, 1), np.ones(request.clips, dtype=bool))
    clips = _manifest(request)
    for name, table in _tables(request).items():
        with atomic_write(out / name) as temporary:
            table.to_parquet(temporary, index=False)
    named = songs.curve or " ".join(songs.curve_from or ()) or settings.emotions
    meta = corpus_meta(request.trained, replace(settings, emotions=named), request.clips, songs=_provenance(request))
    return writer.finish(clips, meta | {"notes": [*meta["notes"], f"songs made by {request.method}"]})


def song_name(kind: str, number: int) -> str:
    """Id of generated song ``number``."""
    return f"{kind}-song-{number:06d}"


def clip_name(kind: str, number: int, place: int) -> str:
    """Id of a clip of generated song ``number``."""
    return f"{song_name(kind, number)}-{place:04d}"


def _manifest(request: SongsRequest) -> pd.DataFrame:
    """The rows of the corpus."""
    trained, layout, kind = request.trained, request.layout, request.trained.kind
    seconds = layout.front.seconds
    rows = window_conditions(request.song, layout.clip_starts, seconds, trained.fields, request.common).double().numpy()
    one = condition_columns(trained.fields, rows)
    labels = [request.song.curve.mean(start, start + seconds) for start in layout.clip_starts]
    one |= {"valence": np.array([it.valence for it in labels]), "arousal": np.array([it.arousal for it in labels])}
    sound = request.settings.with_audio or trained.sounds
    parts = [
        pd.DataFrame(
            {"clip_id": [clip_name(kind, number, place) for place in range(len(rows))], "start": layout.clip_starts}
            | one
        ).assign(song_id=song_name(kind, number), source_path=f"songs/{song_name(kind, number)}.flac" if sound else "")
        for number in range(request.n)
    ]
    lyrics = request.settings.conditions.get("lyrics") or ""
    return pd.concat(parts, ignore_index=True).assign(
        artist="", sha256="", lyrics=lyrics, fold=-1, raters=0, duration=seconds, synthetic=True
    )


def _tables(request: SongsRequest) -> dict[str, pd.DataFrame]:
    """The requested emotion over time, and sections where there are any, by file name."""
    song, names = request.song, [song_name(request.trained.kind, number) for number in range(request.n)]
    seconds = request.layout.clip_starts[-1] + request.layout.front.seconds
    times = np.arange(0.0, seconds, RATING_SECONDS)
    # A rating holds until the next: it is the mean of the curve over that time.
    means = [song.curve.mean(float(time), float(time) + RATING_SECONDS) for time in times]
    one = pd.DataFrame({"time": times} | {axis: [asdict(mean)[axis] for mean in means] for axis in AXES})
    tables = {FILE: pd.concat([one.assign(song_id=name) for name in names], ignore_index=True)}
    sections = [row for name in names for row in song.annotations.tables(name).get("sections", [])]
    return tables | ({"sections.parquet": pd.DataFrame(sections)} if sections else {})


def _provenance(request: SongsRequest) -> Mapping[str, Any]:
    """What ``provenance.songs`` says."""
    given, song = request.given, request.song
    return {
        "n": request.n,
        "method": request.method,
        "curve": given.curve,
        "curve_from": None if given.curve_from is None else list(given.curve_from),
        "form": given.form,
        "seconds": song.seconds,
        "points": [[time, *point] for time, point in zip(song.curve.times, song.curve.points, strict=True)],
        "sections": [asdict(it) for it in song.sections],
    }
