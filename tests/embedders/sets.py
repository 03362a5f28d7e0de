"""Small sets of clips with audio, and taggers for them."""

from __future__ import annotations

from pathlib import Path

import librosa
import torch
from tests.conftest import RATE, music
from tests.material import write_corpus

from affetti.embedders.clip_set import ClipSet, open_clip_set
from affetti.embedders.taggers import SAMPLE_RATE, TAGGERS, Tagger
from affetti.presets import front_end
from affetti.signal import audio

TINY = front_end("tiny")


def recordings(folder: Path, count: int = 3, first: int = 0, seconds: float = 6.0) -> Path:
    """A folder of recordings."""
    folder.mkdir(parents=True)
    for i in range(count):
        audio.save(folder / f"{i}.wav", music(first + i, seconds), RATE)
    return folder


def with_audio(path: Path, songs: int = 4) -> ClipSet:
    """A corpus that keeps its audio (which is not that of its log-mels)."""
    corpus = write_corpus(path, songs, 1)
    for i, name in enumerate(corpus.clips["clip_id"]):
        audio.save(path / "audio" / f"{name}.flac", music(i, TINY.seconds), RATE)
    return open_clip_set(path)


def made_up(name: str, seed: int = 0) -> Tagger:
    """A tagger with weights of no meaning, but a front-end that works."""
    torch.manual_seed(seed)
    tagger = TAGGERS[name]().eval()
    fb = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=512, n_mels=96, htk=True, norm=None).T
    tagger.get_buffer("spec.mel_scale.fb").copy_(torch.from_numpy(fb))
    return tagger
