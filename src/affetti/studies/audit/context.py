"""The data that the questions of the audit measure: one corpus, its audio where it has any, and composed songs.

Counterfactuals, the same music with one thing changed, exist for composed songs alone. They say what a representation
keeps, for which any music does; so they are made for every corpus, at the corpus' own front-end, from songs that are in
no corpus.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti import compose
from affetti.corpus import Corpus
from affetti.corpus.loaders.composed import ComposedSound
from affetti.corpus.store import audio_file
from affetti.embedders.statistics import embed_statistics
from affetti.errors import InputError
from affetti.presets import FrontEnd
from affetti.progress import Progress, silent
from affetti.random import child_seed
from affetti.signal import audio
from affetti.signal.descriptors import harmony_descriptors
from affetti.signal.front_ends import Spectrogram, spectrogram
from affetti.storage import atomic_write
from affetti.studies.audit.answer import MelFigure, NotMeasurableError, Origin, Panel, Sound

NEEDS_AUDIO = "sound: prepare the corpus with --keep-audio"
NEEDS_STORED_AUDIO = "sound: prepare the corpus with --keep-audio, or leave out --quick"
CLIPS_PER_BLOCK = 128
"""Clips read at a time."""


@dataclass(frozen=True)
class AuditContext:
    """What an audit is about."""

    corpus: Corpus
    folder: Path
    """Of the audit: answers, sounds and generated sets lie in it."""
    quick: bool = False
    """Whether to take fewer songs and accept wider intervals."""
    seed: int = 0
    generated: tuple[tuple[str, Path], ...] = ()
    """Name of each trained generator and the corpus of its clips, see :mod:`affetti.studies.audit.audit`."""
    models: tuple[Path, ...] = ()
    """Runs of the generators that made these."""
    studies: tuple[Path, ...] = ()
    """Folders of augmentation studies."""

    @property
    def front_end(self) -> FrontEnd:
        """The corpus' front-end."""
        return self.corpus.front_end

    @property
    def composed(self) -> bool:
        """Whether affetti composed the corpus: then it says nothing of how people feel."""
        return self.corpus.composed

    def sample_size(self, full: int, quick: int) -> int:
        """How many songs, clips or repetitions to take: ``full``, or ``quick`` in a quick audit."""
        return quick if self.quick else full

    def rng(self, *labels: str | int) -> np.random.Generator:
        """A random generator that depends on the audit's seed and on ``labels``, one for each purpose."""
        return np.random.default_rng(child_seed("audit", *labels, self.seed))

    def compose_songs(self, n: int) -> list[compose.Song]:
        """``n`` songs of a composer's seed that no corpus has, in the corpus' keys where it is composed."""
        return [self.compose_song(index) for index in range(n)]

    def compose_in_all_keys(self, n: int) -> list[compose.Song]:
        """``n`` songs of that seed, in all twelve keys whatever the corpus is in."""
        return [compose.compose(child_seed("audit songs", self.seed) % 2**31, index, keys=12) for index in range(n)]

    def compose_song(self, index: int, genre: str | None = None, **change: object) -> compose.Song:
        """Fresh song ``index`` with its genre, or cues of ``change``, held throughout; all else stays as it is."""
        keys = int(self.corpus.meta["planted"]["keys"]) if self.composed else 1
        return compose.compose(child_seed("audit songs", self.seed) % 2**31, index, change or None, keys, genre)

    def select_rows(self, n: int) -> NDArray[np.intp]:
        """Rows of at most ``n`` clips, in the corpus' order: one clip of each song before a second clip of any."""
        songs = self.corpus.songs.tolist()
        turn = np.zeros(len(songs), dtype=np.intp)
        seen: dict[str, int] = {}
        # At random within a song too: the first clips of all songs are their beginnings.
        shuffled = self.rng("rows").permutation(len(songs))
        for row in shuffled.tolist():
            place = seen.get(songs[row], 0)
            turn[row] = place
            seen[songs[row]] = place + 1
        order = shuffled[np.argsort(turn[shuffled], kind="stable")]
        return np.sort(order[:n])

    def waveform(self, row: int) -> Tensor:
        """The sound of clip ``row``, ``[T]`` at the front-end's rate: what was kept, or composed once more.

        Raises:
            NotMeasurableError: there is no sound.
        """
        clip = self.corpus.clips.iloc[row]
        file = audio_file(self.corpus.path / "audio", clip["clip_id"])
        if file.is_file():
            return audio.load(file, self.front_end.sample_rate)[: self.front_end.samples]
        meta = self.corpus.meta
        if not self.composed or meta.get("options", {}).get("soundfont"):
            raise NotMeasurableError(NEEDS_AUDIO)
        voice = meta["planted"]["lyrics"]["voice"]
        index = int(str(clip["song_id"]).rsplit("-", 1)[1])
        made = ComposedSound(
            int(meta["seed"]), index, int(meta["planted"]["keys"]), None, None if voice == "none" else voice
        )
        whole = torch.from_numpy(_rendered(made, self.front_end.sample_rate))
        first = round(float(clip["start"]) * self.front_end.sample_rate)
        return whole[first : first + self.front_end.samples]

    def harmony(self, rows: NDArray[np.intp], progress: Progress = silent) -> NDArray[np.float64]:
        """The numbers of harmony ``[N, 42]`` of the sound of clips, computed once for all questions of a process.

        Raises:
            NotMeasurableError: there is no sound, or it must be composed again, which takes too long for a quick audit.
        """
        if self.quick and self.composed and not (self.corpus.path / "audio").is_dir():
            raise NotMeasurableError(NEEDS_STORED_AUDIO)
        self.require_audio()
        for done, row in enumerate(rows.tolist()):
            progress("harmony", done, len(rows))
            if row not in self._harmony:
                self._harmony[row] = harmony_descriptors(self.waveform(row), self.front_end.sample_rate)
        return np.stack([self._harmony[row] for row in rows.tolist()])

    @cached_property
    def _harmony(self) -> dict[int, NDArray[np.float64]]:
        return {}

    def require_audio(self) -> None:
        """Check that the clips have sound.

        Raises:
            NotMeasurableError: there is no sound.
        """
        self.waveform(0)

    @cached_property
    def statistics(self) -> NDArray[np.float64]:
        """The default features of all clips ``[N, D]``, see :mod:`affetti.signal.statistics`."""
        mel = self.corpus.mel
        return np.concatenate(
            [embed_statistics(mel[at : at + CLIPS_PER_BLOCK]) for at in range(0, len(mel), CLIPS_PER_BLOCK)]
        )

    @cached_property
    def mel_spectrogram(self) -> Spectrogram:
        """Waveform to log-mel at the corpus' front-end."""
        return spectrogram(self.front_end)

    def log_mel(self, waveform: Tensor) -> NDArray[np.float32]:
        """The log-mel ``[M, F]`` of a waveform ``[T]``."""
        with torch.inference_mode():
            return self.mel_spectrogram(waveform).numpy()

    def central_excerpt(self, waveform: Tensor | NDArray[np.float32]) -> Tensor:
        """The middle of a waveform ``[T]``, as long as a clip; a shorter one is padded with silence."""
        wave = torch.as_tensor(waveform)
        room = len(wave) - self.front_end.samples
        if room < 0:
            return torch.nn.functional.pad(wave, (0, -room))
        return wave[room // 2 : room // 2 + self.front_end.samples]

    def fit_length(self, waveform: Tensor) -> Tensor:
        """A waveform ``[T]`` cut, or padded with silence at its end, to the length of a clip."""
        short = self.front_end.samples - len(waveform)
        return torch.nn.functional.pad(waveform, (0, max(0, short)))[: self.front_end.samples]

    def save_sound(self, question: str, label: str, origin: Origin, waveform: Tensor) -> Sound:
        """File a sound of an answer.

        Raises:
            InputError: it holds values that are not numbers.
        """
        if not bool(torch.isfinite(waveform).all()):
            raise InputError(f"the sound {label!r} holds values that are not numbers", where=f"audit, {question}")
        slug = "".join(letter if letter.isalnum() else "-" for letter in label.lower()).strip("-")
        file = Path("sounds") / f"{question}-{slug}.flac"
        peak = float(waveform.abs().max())
        with atomic_write(self.folder / file) as temporary:
            audio.save(temporary, (waveform / max(1.0, peak)).numpy(), self.front_end.sample_rate)
        return Sound(label, origin, str(file))

    def save_log_mels(self, question: str, title: str, mels: Mapping[str, NDArray[np.floating]]) -> MelFigure:
        """File log-mels ``[M, F]`` by their labels, and the figure of them."""
        with atomic_write(self.folder / "answers" / f"{question}.npz") as temporary:
            arrays: dict[str, Any] = {label: mel.astype(np.float16) for label, mel in mels.items()}
            np.savez_compressed(temporary, **arrays)
        return MelFigure(title, tuple(Panel(label, label) for label in mels))


@lru_cache(maxsize=2)
def _rendered(made: ComposedSound, sample_rate: int) -> NDArray[np.float32]:
    """A whole song, kept for the next of its clips."""
    return made.waveform(sample_rate)
