"""Seeing and hearing: nine emotions, each with a real clip and what every generator makes of it.

All clips of a grid share one colour scale and pass the same way back to sound, mel inversion and Griffin-Lim, real ones
too: what is heard to differ is then the clip, not the vocoder. They are brought to the same loudness (RMS), so that the
louder one does not win. Images are PNG and sounds MP3, which every browser plays; both are data URIs.
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
from affetti.models.sampling import Sampler
from affetti.presets import FrontEnd
from affetti.progress import Progress
from affetti.report.drawing import Axis, Canvas, tick
from affetti.report.sources import Run, Sources
from affetti.report.wording import signed
from affetti.signal import audio
from affetti.signal.loudness import MIN_SECONDS, match_loudness
from affetti.signal.mel import hz_to_mel
from affetti.signal.vocoder import GriffinLim
from affetti.training import run as runs

SEED = 0
"""Of every sample on the page."""
RANGE_DB = 70.0
SOUND_SECONDS = 600.0
"""Sound a grid may hold; with more or longer clips, each is cut shorter, so that the page stays small."""
WIDEST = 480
"""Columns of an image; longer clips are averaged down to so many."""
WORDS = (("tense", "excited", "happy"), ("gloomy", "neutral", "pleasant"), ("sad", "quiet", "calm"))


@dataclass(frozen=True)
class Tile:
    """One clip to see and to hear."""

    name: str
    detail: str
    image: Markup
    sound: str


@dataclass(frozen=True)
class Cell:
    """One emotion of the grid."""

    word: str
    valence: float
    arousal: float
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Grid:
    """Nine emotions, row by row from high arousal to low."""

    cells: tuple[Cell, ...]
    low_db: float
    high_db: float
    seconds: float
    """Length of a sound."""
    shown: float
    """Length of an image."""
    unheard: bool
    """Whether all real clips are of songs that no generator has heard."""
    names: tuple[str, ...]


@dataclass(frozen=True)
class _Clip:
    name: str
    detail: str
    mel: NDArray[np.float32]
    wave: Tensor | None = None
    """Its sound, where there is more than the log-mel."""


def grids(sources: Sources, progress: Progress) -> list[Grid]:
    """A grid for each real corpus with the generators trained on it, and for each whose corpus is not here."""
    real = [corpus for corpus in sources.corpora if not corpus.synthetic]
    of = {
        corpus.hash: [run for run in sources.generators if run.meta["corpus"]["content_hash"] == corpus.hash]
        for corpus in real
    }
    homeless = [run for run in sources.generators if run.meta["corpus"]["content_hash"] not in of]
    pairs: list[tuple[Corpus | None, list[Run]]] = [
        *((corpus, of[corpus.hash]) for corpus in real),
        *((None, [run]) for run in homeless),
    ]
    with one_thread():
        return [_grid(corpus, generators, progress) for corpus, generators in pairs]


@contextmanager
def one_thread() -> Generator[None]:
    """Hold torch to one thread: many wait for each other on a busy machine, and their number shows in the last bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _grid(corpus: Corpus | None, generators: Sequence[Run], progress: Progress) -> Grid:
    trained = [runs.load(run.path) for run in generators]
    labels = trained[0].training_labels if corpus is None else corpus.labels
    wishes = emotions(labels)
    columns: list[list[_Clip]] = []
    unheard = True
    if corpus is not None:
        heard: set[str] = set().union(*(model.songs for model in trained))
        rows, unheard = nearest_clips(corpus, wishes, heard)
        columns.append([_real(corpus, row) for row in rows])
    for run, model in zip(generators, trained, strict=True):
        mels, waves = _samples(model, wishes)
        columns.append([_Clip(run.name, "generated", mel, wave) for mel, wave in zip(mels, waves, strict=True)])
    front = corpus.front_end if corpus is not None else trained[0].front_end
    high = float(np.ceil(max(np.quantile(clip.mel, 0.999) for clip in columns[0]) / 5) * 5)
    clips = [[column[place] for column in columns] for place in range(len(wishes))]
    count = len(wishes) * len(columns)
    seconds = min(front.seconds, SOUND_SECONDS / count)
    flat = [clip for group in clips for clip in group]
    played = sounds([clip.mel for clip in flat], front, seconds, progress, [clip.wave for clip in flat])
    centred = bool((wishes.min(axis=0) < 0).all() and (wishes.max(axis=0) > 0).all())
    cells: list[Cell] = []
    for place, (valence, arousal) in enumerate(wishes.tolist()):
        wish = f"valence {signed(valence)} and arousal {signed(arousal)}"
        word = WORDS[place // 3][place % 3] if centred else ""
        tiles: list[Tile] = []
        for clip in clips[place]:
            label = f"Log-mel spectrogram, {clip.name}, {clip.detail}, for {wish}"
            image = spectrogram(clip.mel, front, high - RANGE_DB, high, label)
            tiles.append(Tile(clip.name, clip.detail, image, played[len(columns) * place + len(tiles)]))
        cells.append(Cell(word, valence, arousal, tuple(tiles)))
    names = tuple(run.name for run in generators)
    return Grid(tuple(cells), high - RANGE_DB, high, seconds, front.seconds, unheard, names)


def emotions(labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Nine emotions ``[9, 2]`` that the corpus has: the 10, 50 and 90 % quantiles of valence by those of arousal."""
    valence, arousal = (np.quantile(labels[:, axis], [0.1, 0.5, 0.9]).round(2) for axis in (0, 1))
    return np.array([[v, a] for a in arousal[::-1] for v in valence])


def nearest_clips(corpus: Corpus, wishes: NDArray[np.float64], heard: set[str]) -> tuple[list[int], bool]:
    """The row nearest to each wish, no song twice if that can be helped, and whether none is in ``heard``."""
    unheard = ~np.isin(corpus.songs, sorted(heard))
    rows = np.flatnonzero(unheard) if unheard.any() else np.arange(len(corpus))
    taken: set[str] = set()
    chosen: list[int] = []
    for wish in wishes:
        free = rows[~np.isin(corpus.songs[rows], sorted(taken))]
        pool = free if len(free) else rows
        row = int(pool[np.linalg.norm(corpus.labels[pool] - wish, axis=1).argmin()])
        taken.add(str(corpus.songs[row]))
        chosen.append(row)
    return chosen, bool(unheard.any())


def _real(corpus: Corpus, row: int) -> _Clip:
    valence, arousal = corpus.labels[row].tolist()
    detail = f"{corpus.songs[row]}, labelled {signed(valence)}, {signed(arousal)}"
    return _Clip("real", detail, np.asarray(corpus.mel[row], dtype=np.float32))


@torch.no_grad()
def _samples(
    trained: runs.TrainedModel, wishes: NDArray[np.float64]
) -> tuple[NDArray[np.float32], Sequence[Tensor | None]]:
    """A log-mel for each wish, and its waveform where that is what the model makes."""
    sampler = Sampler(trained.generator, trained.front_end, SEED)
    samples = sampler(torch.from_numpy(wishes).float())
    waveforms = [None] * len(wishes) if samples.waveform is None else list(samples.waveform)
    return samples.mel.numpy(), waveforms


def sounds(
    mels: list[NDArray[np.float32]],
    front: FrontEnd,
    seconds: float,
    progress: Progress,
    waves: Sequence[Tensor | None] | None = None,
) -> list[str]:
    """Sounds of log-mels ``[M, F]`` by mel inversion and Griffin-Lim, all equally loud (BS.1770), as data URIs.

    Args:
        mels: in dB.
        front: their front-end.
        seconds: of each that are heard.
        progress: told of sounds done.
        waves: the sound ``[T]`` itself, for clips that have one.
    """
    samples = int(max(seconds, MIN_SECONDS) * front.sample_rate)
    frames = 1 + samples // front.hop_length
    vocoder = GriffinLim(front)
    heard: list[Tensor] = []
    for place, (mel, wave) in enumerate(zip(mels, waves or [None] * len(mels), strict=True)):
        log_mel = torch.from_numpy(np.ascontiguousarray(mel[:, :frames]))
        heard.append(vocoder(log_mel) if wave is None else wave[:samples])
        progress("sounds", place + 1, len(mels))
    return encoded(heard, front.sample_rate)


def encoded(waves: Sequence[Tensor], sample_rate: int) -> list[str]:
    """Waveforms ``[T]`` of :data:`~affetti.signal.loudness.MIN_SECONDS` or longer, made equally loud, as data URIs."""
    with tempfile.TemporaryDirectory() as folder:
        return [_mp3(wave.numpy(), sample_rate, Path(folder)) for wave in match_loudness(waves, sample_rate)]


def _mp3(wave: NDArray[np.float32], sample_rate: int, folder: Path) -> str:
    audio.save(folder / "clip.mp3", wave, sample_rate)
    return _uri("audio/mpeg", (folder / "clip.mp3").read_bytes())


def spectrogram(mel: NDArray[np.float32], front: FrontEnd, low: float, high: float, label: str) -> Markup:
    """A log-mel ``[M, F]`` as an image with its axes; the caller gives the dB range, so that images can be compared."""
    left, top, width, height = 38, 4, 278, 104
    canvas = Canvas(320, 126)
    canvas.add(_image(left, top, width, height, _png(mel, low, high)))
    bands = Axis(float(hz_to_mel(front.f_min)), float(hz_to_mel(front.f_max)), top + height, top)
    for hertz in (250, 1000, 4000):
        y = bands(float(hz_to_mel(hertz)))
        canvas.line(left - 4, y, left, y)
        canvas.text(left - 6, y + 3.5, f"{hertz // 1000} kHz" if hertz >= 1000 else f"{hertz} Hz", "end", "small")
    time = Axis(0, front.seconds, left, left + width)
    for second in time.ticks(6):
        canvas.line(time(second), top + height, time(second), top + height + 4)
        anchor = "end" if time(second) > left + width - 12 else "middle"
        canvas.text(time(second), top + height + 15, f"{tick(second)} s", anchor, "small")
    canvas.add(f'<line class="cursor" x1="{left}" y1="{top}" x2="{left}" y2="{top + height}" data-width="{width}"/>')
    return canvas.svg(label, "spectrogram")


def colour_bar(low: float, high: float) -> Markup:
    """The key to the colours of a grid's spectrograms."""
    canvas = Canvas(320, 30)
    ramp = np.linspace(low, high, 128, dtype=np.float32)[None]
    canvas.add(_image(60, 2, 200, 10, _png(ramp, low, high)))
    canvas.text(54, 11, f"{tick(low)} dB", "end", "small")
    canvas.text(266, 11, f"{tick(high)} dB", "start", "small")
    canvas.text(160, 26, "level in a mel band (the same in all images)", "middle", "small")
    return canvas.svg(f"Colour key: dark is {tick(low)} dB, bright is {tick(high)} dB", "spectrogram")


def _image(x: float, y: float, width: float, height: float, uri: str) -> str:
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
    return f'<image {place} preserveAspectRatio="none" href="{uri}"/>'


def _png(mel: NDArray[np.float32], low: float, high: float) -> str:
    """A log-mel as a PNG of 256 colours, low bands at the bottom."""
    if mel.shape[1] > WIDEST:
        mel = np.stack([part.mean(axis=1) for part in np.array_split(mel, WIDEST, axis=1)], axis=1)
    index = np.clip((mel - low) / (high - low) * 255, 0, 255).round().astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(index[::-1]))
    colours = mpl.colormaps["magma"](np.arange(256))[:, :3]
    image.putpalette((np.asarray(colours) * 255).round().astype(np.uint8).tobytes())
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return _uri("image/png", buffer.getvalue())


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
