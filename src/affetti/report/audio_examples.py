"""Example clips with spectrograms and players: nine emotions, each with a real clip and one clip of every generator.

What is shown is handed in (:class:`Examples`). All clips of a grid share one colour scale and are played the same way,
from their log-mel by mel inversion and Griffin-Lim, real ones too: a difference is then that of the clips, not of the
vocoder. They are brought to the same loudness, so that the louder one has no advantage. Images are PNG and sounds MP3,
which every browser plays; both are data URIs.
"""

from __future__ import annotations

import base64
import io
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from affetti.corpus import Corpus
from affetti.corpus.store import audio_file
from affetti.presets import FrontEnd
from affetti.progress import Progress
from affetti.report.band_axis import band_marks, picture_name
from affetti.report.drawing import Axis, Canvas, tick
from affetti.report.wording import signed
from affetti.rows import evenly_spaced
from affetti.signal import audio
from affetti.signal.loudness import MIN_SECONDS, match_loudness
from affetti.signal.vocoder import GriffinLim
from affetti.storage import is_file

RANGE_DB = 70.0
"""Range of the colour scale."""
MAX_SECONDS = 600.0
"""Seconds of sound in a grid; with more or longer clips, each is cut shorter, so that the page stays small."""
MAX_CLIP_SECONDS = 10.0
"""Seconds of sound of a clip that is shown alone."""
MAX_COLUMNS = 480
"""Columns of an image; longer clips are averaged down to so many."""
EMOTION_WORDS = (("tense", "excited", "happy"), ("gloomy", "neutral", "pleasant"), ("sad", "quiet", "calm"))
"""By row, from high arousal to low, and by column, from low valence to high."""


@dataclass(frozen=True)
class ExampleClip:
    """A clip with its spectrogram and player."""

    name: str
    """``real``, or the name of the generator."""
    detail: str
    mel: NDArray[np.float32]
    """dB ``[M, F]``."""
    waveform: Tensor | None = None
    """``[T]`` in [-1, 1], of a model that makes sound."""


@dataclass(frozen=True)
class Examples:
    """Clips of nine emotions."""

    emotions: NDArray[np.float64]
    """Valence and arousal ``[9, 2]`` in [-1, 1], row by row from high arousal to low."""
    columns: tuple[tuple[ExampleClip, ...], ...]
    """Nine clips each: real ones where there are any, then those of each generator."""
    front_end: FrontEnd
    generators: tuple[str, ...]
    held_out: bool
    """Whether no generator was trained on a song of the real clips."""


@dataclass(frozen=True)
class Tile:
    """One clip as an image and a sound."""

    name: str
    detail: str
    image: Markup
    sound: str
    """A data URI; empty where there is none."""


@dataclass(frozen=True)
class ExampleCell:
    """The clips of one emotion."""

    word: str
    valence: float
    arousal: float
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class ExampleGrid:
    """What the template ``listening.html`` needs of nine emotions."""

    cells: tuple[ExampleCell, ...]
    low_db: float
    high_db: float
    sound_seconds: float
    """Length of a sound."""
    image_seconds: float
    """Length of an image."""
    held_out: bool
    generators: tuple[str, ...]


def draw_examples(examples: Examples, progress: Progress) -> ExampleGrid:
    """Draw the clips and make their sounds."""
    front, columns = examples.front_end, examples.columns
    high = _top_db([clip.mel for clip in columns[0]])
    seconds = min(front.seconds, MAX_SECONDS / (len(examples.emotions) * len(columns)))
    clips = [column[number] for number in range(len(examples.emotions)) for column in columns]
    played = sounds([clip.mel for clip in clips], front, seconds, progress, [clip.waveform for clip in clips])
    emotions = examples.emotions
    # Words of the plane name the cells only where the nine emotions lie on all sides of its centre.
    centred = bool((emotions.min(axis=0) < 0).all() and (emotions.max(axis=0) > 0).all())
    cells: list[ExampleCell] = []
    for number, (valence, arousal) in enumerate(emotions.tolist()):
        tiles: list[Tile] = []
        for index in range(number * len(columns), (number + 1) * len(columns)):
            clip = clips[index]
            emotion = f"valence {signed(valence)} and arousal {signed(arousal)}"
            label = f"{picture_name(front)}, {clip.name}, {clip.detail}, for {emotion}"
            image = spectrogram(clip.mel, front, high - RANGE_DB, high, label)
            tiles.append(Tile(clip.name, clip.detail, image, played[index]))
        word = EMOTION_WORDS[number // 3][number % 3] if centred else ""
        cells.append(ExampleCell(word, valence, arousal, tuple(tiles)))
    return ExampleGrid(
        tuple(cells), high - RANGE_DB, high, seconds, front.seconds, examples.held_out, examples.generators
    )


@dataclass(frozen=True)
class ClipTiles:
    """What the template ``clips.html`` needs of some clips of a corpus."""

    tiles: tuple[Tile, ...]
    low_db: float
    high_db: float


def draw_clips(corpus: Corpus, n: int = 4) -> ClipTiles:
    """Draw ``n`` clips of a corpus, evenly spaced, each with its sound where the corpus kept its audio.

    Raises:
        InputError, StorageError: log-mels or sounds cannot be read.
    """
    rows, front = evenly_spaced(len(corpus), n), corpus.front_end
    mels = [np.asarray(corpus.mel[row], dtype=np.float32) for row in rows]
    high = _top_db(mels)
    files = [audio_file(corpus.path / "audio", str(corpus.clips["clip_id"].iloc[row])) for row in rows]
    played = [""] * len(rows)
    if all(is_file(file) for file in files):
        samples = int(MAX_CLIP_SECONDS * front.sample_rate)
        played = encode_sounds([audio.load(file, front.sample_rate)[:samples] for file in files], front.sample_rate)
    tiles: list[Tile] = []
    for row, mel, sound in zip(rows.tolist(), mels, played, strict=True):
        name, (valence, arousal) = str(corpus.clips["clip_id"].iloc[row]), corpus.labels[row].tolist()
        detail = f"valence {signed(valence)}, arousal {signed(arousal)}"
        label = f"{picture_name(front)}, {name}, {detail}"
        tiles.append(Tile(name, detail, spectrogram(mel, front, high - RANGE_DB, high, label), sound))
    return ClipTiles(tuple(tiles), high - RANGE_DB, high)


def _top_db(mels: Sequence[NDArray[np.float32]]) -> float:
    """The upper end of a colour scale for these log-mels, a multiple of 5 dB."""
    return float(np.ceil(max(np.quantile(mel, 0.999) for mel in mels) / 5) * 5)


@contextmanager
def one_thread() -> Generator[None]:
    """Hold torch to one thread: many wait for each other on a busy machine, and their number shows in the last bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def sounds(
    mels: list[NDArray[np.float32]],
    front: FrontEnd,
    seconds: float,
    progress: Progress,
    waves: Sequence[Tensor | None] | None = None,
) -> list[str]:
    """Sounds of log-mels ``[M, F]`` by mel inversion and Griffin-Lim, all equally loud (BS.1770), as data URIs.

    Args:
        mels: dB ``[M, F]`` each.
        front: their front-end.
        seconds: of each that are played.
        progress: receives the number of sounds done.
        waves: the sound ``[T]`` of clips that have one, which is played as it is.
    """
    samples = int(max(seconds, MIN_SECONDS) * front.sample_rate)
    frames = 1 + samples // front.hop_length
    vocoder = GriffinLim(front)
    played: list[Tensor] = []
    for number, (mel, wave) in enumerate(zip(mels, waves or [None] * len(mels), strict=True)):
        log_mel = torch.from_numpy(np.ascontiguousarray(mel[:, :frames]))
        played.append(vocoder(log_mel) if wave is None else wave[:samples])
        progress("sounds", number + 1, len(mels))
    return encode_sounds(played, front.sample_rate)


def encode_sounds(waves: Sequence[Tensor], sample_rate: int) -> list[str]:
    """Waveforms ``[T]`` of :data:`~affetti.signal.loudness.MIN_SECONDS` or longer, made equally loud, as data URIs."""
    with tempfile.TemporaryDirectory() as folder:
        return [_mp3(wave.numpy(), sample_rate, Path(folder)) for wave in match_loudness(waves, sample_rate)]


def _mp3(wave: NDArray[np.float32], sample_rate: int, folder: Path) -> str:
    audio.save(folder / "clip.mp3", wave, sample_rate)
    return _data_uri("audio/mpeg", (folder / "clip.mp3").read_bytes())


def spectrogram(mel: NDArray[np.float32], front: FrontEnd, low: float, high: float, label: str) -> Markup:
    """A spectrogram ``[M, F]`` as an image with axes; the caller gives the dB range, so that images can be compared."""
    left, top, width, height = 38, 4, 278, 104
    canvas = Canvas(320, 126)
    canvas.add(_image(left, top, width, height, _png(mel, low, high)))
    bands = Axis(-0.5, front.n_bands - 0.5, top + height, top)
    for place, name in band_marks(front):
        y = bands(place)
        canvas.line(left - 4, y, left, y)
        canvas.text(left - 6, y + 3.5, name, "end", "small")
    time = Axis(0, front.seconds, left, left + width)
    for second in time.ticks(6):
        canvas.line(time(second), top + height, time(second), top + height + 4)
        anchor = "end" if time(second) > left + width - 12 else "middle"
        canvas.text(time(second), top + height + 15, f"{tick(second)} s", anchor, "small")
    canvas.add(f'<line class="cursor" x1="{left}" y1="{top}" x2="{left}" y2="{top + height}" data-width="{width}"/>')
    return canvas.svg(label, "spectrogram")


def colour_bar(low: float, high: float) -> Markup:
    """The key to the colours of spectrograms."""
    canvas = Canvas(320, 30)
    ramp = np.linspace(low, high, 128, dtype=np.float32)[None]
    canvas.add(_image(60, 2, 200, 10, _png(ramp, low, high)))
    canvas.text(54, 11, f"{tick(low)} dB", "end", "small")
    canvas.text(266, 11, f"{tick(high)} dB", "start", "small")
    canvas.text(160, 26, "level in a band (the same in all images)", "middle", "small")
    return canvas.svg(f"Colour key: dark is {tick(low)} dB, bright is {tick(high)} dB", "spectrogram")


def _image(x: float, y: float, width: float, height: float, uri: str) -> str:
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
    return f'<image {place} preserveAspectRatio="none" href="{uri}"/>'


def _png(mel: NDArray[np.float32], low: float, high: float) -> str:
    """A log-mel as a PNG of 256 colours, low bands at the bottom."""
    if mel.shape[1] > MAX_COLUMNS:
        mel = np.stack([part.mean(axis=1) for part in np.array_split(mel, MAX_COLUMNS, axis=1)], axis=1)
    index = np.clip((mel - low) / (high - low) * 255, 0, 255).round().astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(index[::-1]))
    colours = mpl.colormaps["magma"](np.arange(256))[:, :3]
    image.putpalette((np.asarray(colours) * 255).round().astype(np.uint8).tobytes())
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return _data_uri("image/png", buffer.getvalue())


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
