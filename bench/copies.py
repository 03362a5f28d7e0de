"""Are copies of training clips found, and is nothing found where there are none?

    python bench/copies.py CORPUS [--sets 2000]            (made by ``affetti prepare … --windows all --keep-audio``)

1. Rows of Gaussian features: 250 synthetic against 800 training rows, copies with noise of 0.3 of a standard deviation.
   Share of sets in which copying is reported, at each share of copies and number of held-out songs, and how often the
   interval of the share holds it. Null sets: also songs of three clips, training sets in which every song is there
   twice, and generators of little variety (0.7 of the standard deviation).
2. Clips of CORPUS whose songs are dealt at random into training, held-out and synthetic ones: false alarms by passages.
3. Copies of training clips, changed in many ways: how many lie nearer to the training set than 98 % of held-out clips
   (than all of them), by features of the whole clip and by passages.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from affetti.corpus import Corpus
from affetti.embedders.base import Standardiser
from affetti.embedders.statistics import embed_statistics
from affetti.metrics.pairs import distance_blocks
from affetti.metrics.passages import ClipRows, PassageSpace
from affetti.metrics.sample import song_codes
from affetti.metrics.smallest_distances import TailTest, distinct_places, relative_nearest, tail_test
from affetti.signal import audio
from affetti.signal.front_ends import spectrogram

Floats = NDArray[np.float64]
Rng = np.random.Generator
FAKES, TRAIN = 250, 800
NOISE = 0.3
COPIES = 120
"""Copies of each kind in the third table."""


@dataclass(frozen=True)
class Law:
    """How sets of rows are drawn."""

    name: str
    dimension: int = 16
    held_out: int = 200
    clips: int = 1
    """Clips of a song, of every set."""
    doubled: bool = False
    """Whether every training song is there twice."""
    spread: float = 1.0
    """Of synthetic rows that are no copies."""

    def rows(self, songs: int, rng: Rng) -> Floats:
        """Rows of so many songs; clips of a song share 70 % of their variance."""
        own = rng.normal(size=(songs * self.clips, self.dimension))
        both = np.repeat(rng.normal(size=(songs, self.dimension)), self.clips, axis=0)
        return own if self.clips == 1 else np.sqrt(0.7) * both + np.sqrt(0.3) * own

    def test(self, share: float, rng: Rng) -> TailTest:
        """The test on one draw of sets, of whose synthetic songs each is a copy with probability ``share``."""
        train, held = self.rows(TRAIN // self.clips, rng), self.rows(self.held_out, rng)
        fake = self.spread * self.rows(FAKES // self.clips, rng)
        copied = np.repeat(rng.random(FAKES // self.clips) < share, self.clips)
        source = train[rng.choice(len(train), int(copied.sum()))]
        fake[copied] = source + NOISE * rng.normal(size=source.shape)
        songs = [np.arange(len(part)) // self.clips for part in (fake, held, train)]
        if self.doubled:
            train = np.concatenate([train, train + 0.05 * rng.normal(size=train.shape)])
            songs[2] = np.arange(len(train)) // self.clips
        away, which, relative = relative_nearest(distance_blocks(fake, train), songs[2], len(fake))
        natural = relative_nearest(distance_blocks(held, train), songs[2], len(held))[2]
        places = distinct_places(
            which, away, relative, natural, lambda row, others: np.linalg.norm(fake[others] - fake[row], axis=1)
        )
        return tail_test(relative, natural, (songs[0], songs[1]), places)


def rows_table(sets: int) -> None:
    """The first table."""
    print("| law | held-out songs | copies | sets | copying reported | mean share [interval] | interval holds it |")
    print("|---|---|---|---|---|---|---|")
    nulls = (
        Law("16 features"),
        Law("240 features", dimension=240),
        Law("16 features", held_out=25),
        Law("songs of three clips", clips=3),
        Law("every training song twice", doubled=True),
        Law("synthetic rows of 0.7 of the spread", spread=0.7),
    )
    cases = [(law, 0.0, sets) for law in nulls]
    laws = [Law("16 features", held_out=count) for count in (25, 50, 100, 200, 800)]
    cases += [(law, share, sets // 10) for law in laws for share in (0.05, 0.1, 0.2)]
    cases += [(law, 0.1, sets // 10) for law in nulls[1:] if law.held_out == 200]
    for law, share, times in cases:
        rng = np.random.default_rng([law.dimension, law.held_out, law.clips, round(1_000 * share)])
        tests = [law.test(share, rng) for _ in range(times)]
        found = np.mean([test.copying for test in tests])
        held = np.mean([test.ci[0] <= share <= test.ci[1] for test in tests])
        low, high = np.mean([test.ci for test in tests], axis=0)
        mean = np.mean([test.share for test in tests])
        print(
            f"| {law.name} | {law.held_out} | {100 * share:.0f} % | {times} | {found:.3f} "
            f"| {100 * mean:.1f} % [{100 * low:.1f}, {100 * high:.1f}] | {held:.2f} |",
            flush=True,
        )


def dealt_table(corpus: Corpus, sets: int) -> None:
    """The second table: songs of a corpus, dealt at random."""
    rows = np.arange(len(corpus))
    clips = ClipRows(corpus.mel, rows, corpus.songs)
    rate = corpus.front_end.sample_rate / corpus.front_end.hop_length
    space = PassageSpace.fit(clips, rate)
    apart = np.concatenate([part for _, part in space.distances(clips, space.embed(clips))])
    codes = song_codes(corpus.songs, len(corpus), "songs")
    count = int(codes.max()) + 1
    alarms: list[bool] = []
    for number in range(sets):
        part = np.random.default_rng(number).permutation(count) * 4 // count  # half of the songs are training songs
        train, held, fake = (np.flatnonzero(np.isin(part[codes], kinds)) for kinds in ((0, 1), (2,), (3,)))
        songs = song_codes(codes[train], len(train), "songs")
        relative = [
            relative_nearest([(slice(0, len(some)), apart[np.ix_(some, train)])], songs, len(some))[2]
            for some in (fake, held)
        ]
        alarms.append(tail_test(relative[0], relative[1], (codes[fake], codes[held])).copying)
    print(f"\n{count} songs dealt {sets} times: copying reported by passages in {np.mean(alarms):.4f}\n")


def changed(corpus: Corpus, sources: NDArray[np.intp], others: NDArray[np.intp]) -> Iterator[tuple[str, Floats]]:
    """Changed copies of clips that are followed by another of their song: names, log-mels ``[n, M, F]``."""
    front = corpus.front_end
    to_mel = spectrogram(front)

    def wave(row: int) -> NDArray[np.float32]:
        return audio.load(corpus.path / "audio" / f"{corpus.clips['clip_id'][row]}.flac", front.sample_rate).numpy()

    def mels(waves: list[NDArray[np.float32]]) -> Floats:
        with torch.inference_mode():
            return np.stack([to_mel(torch.from_numpy(w)).numpy() for w in waves]).astype(np.float64)

    first, other = [wave(row) for row in sources], [wave(row) for row in others]
    long = [np.concatenate([clip, wave(row + 1)]) for clip, row in zip(first, sources, strict=True)]
    size = len(first[0])
    half, rate = size // 2, front.sample_rate
    yield "as it is", mels(first)
    for seconds in (0.05, 0.25, 0.5, 1.0):
        start = int(seconds * rate)
        yield f"{seconds:g} s later", mels([both[start : start + size].copy() for both in long])
    yield "1 dB louder", mels([clip * np.float32(10**0.05) for clip in first])
    yield "MP3 at 24 kbit/s", mels([as_mp3(clip, rate) for clip in first])
    yield "the first half", mels([np.concatenate([a[:half], b[half:size]]) for a, b in zip(first, other, strict=True)])
    yield "the second half", mels([np.concatenate([b[:half], a[half:]]) for a, b in zip(first, other, strict=True)])
    start = rate // 2
    spliced = [np.concatenate([a[start : start + half], b[half:size]]) for a, b in zip(long, other, strict=True)]
    yield "half, 0.5 s later", mels(spliced)
    yield "half a clip later", mels([both[half : half + size].copy() for both in long])
    plain = mels(first)
    rng = np.random.default_rng(1)
    for level in (3, 6):
        yield f"noise of {level} dB on the log-mel", plain + level * rng.normal(size=plain.shape)
    mixed = 0.5 * 10 ** (plain / 10) + 0.5 * 10 ** (mels(other) / 10)
    yield "mixed with another song, equally loud", 10 * np.log10(mixed)


def as_mp3(clip: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """The sound after MP3 at 24 kbit/s."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp3") as file:
        stream = file.add_stream("mp3", rate=rate, layout="mono")
        stream.bit_rate = 24_000
        frame = av.AudioFrame.from_ndarray(clip[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        fifo = av.AudioFifo()
        fifo.write(frame)
        while (part := fifo.read(1152, partial=True)) is not None:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer, "r") as made:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in made.decode(audio=0)])
    return np.pad(sound, (0, max(0, len(clip) - len(sound))))[: len(clip)].astype(np.float32)


def changes_table(corpus: Corpus) -> None:
    """The third table."""
    rng = np.random.default_rng(0)
    songs = rng.permutation(np.unique(corpus.songs))
    parts = [np.flatnonzero(np.isin(corpus.songs, some)) for some in np.array_split(songs, 4)]
    train, held, fake = np.sort(np.concatenate(parts[:2])), parts[2], parts[3]
    start, long = (corpus.clips[name].to_numpy(dtype=float) for name in ("start", "duration"))
    follows = [
        row
        for row in train[:-1]
        if corpus.songs[row] == corpus.songs[row + 1] and abs(start[row + 1] - start[row] - long[row]) < 0.01
    ]
    sources = rng.choice(follows, min(COPIES, len(follows)), replace=False)
    others = rng.choice(fake, len(sources))
    codes = song_codes(corpus.songs[train], len(train), "songs")
    mel = np.asarray(corpus.mel, dtype=np.float32)
    learnt = ClipRows(mel, train, corpus.songs[train])
    space = PassageSpace.fit(learnt, corpus.front_end.sample_rate / corpus.front_end.hop_length)
    passages = space.embed(learnt)
    rows = embed_statistics(mel)
    standard = Standardiser.fit(rows[held])

    def relative(mels: NDArray[np.floating]) -> tuple[Floats, Floats]:
        embedded = standard(embed_statistics(mels))
        some = ClipRows(mels, np.arange(len(mels)), np.zeros(len(mels), dtype=str))  # type: ignore[arg-type]
        by_features = relative_nearest(distance_blocks(embedded, standard(rows[train])), codes, len(mels))[2]
        return by_features, relative_nearest(space.distances(some, passages), codes, len(mels))[2]

    natural = relative(mel[held])
    print(f"{len(train)} training, {len(held)} held-out clips, {len(sources)} copies of each kind\n")
    print("| copies | by features | by passages |\n|---|---|---|")
    for name, mels in changed(corpus, sources, others):
        cells = [
            f"{100 * (found < np.quantile(real, 0.02)).mean():.0f} % ({100 * (found < real.min()).mean():.0f} %)"
            for found, real in zip(relative(mels.astype(np.float16)), natural, strict=True)
        ]
        print(f"| {name} | {cells[0]} | {cells[1]} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--sets", type=int, default=2_000)
    arguments = parser.parse_args()
    with threadpool_limits(1):
        torch.set_num_threads(1)
        rows_table(arguments.sets)
        dealt_table(Corpus.open(arguments.corpus), arguments.sets)
        changes_table(Corpus.open(arguments.corpus))
