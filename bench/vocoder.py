"""From log-mels to sound: the head of a ``vocoded`` run against mel inversion with Griffin-Lim, on held-out clips.

    python bench/vocoder.py CORPUS RUN [--n 48] [--generator RUN --generated 192]

CORPUS kept its audio; RUN was trained on fold 0 of it. Clips are spread over that fold's test songs, and all ways get
the log-mel of the clip itself, on one thread. Means with 95 % intervals over songs; the last lines are differences from
the mel inverse that was fitted to the same training clips.

With ``--generator``, a run of log-mels trained on the same fold, a second table: Quality Score, coverage and Fréchet
distance against the fold's test songs of what it generates for conditions of training clips, as log-mels, and as sound
by head and by Griffin-Lim that the front-end has analysed again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti import metrics
from affetti.corpus import Corpus
from affetti.corpus.store import audio_file
from affetti.inference.emotions import choose_emotions
from affetti.inference.run_vocoder import RunVocoder
from affetti.models.sampling import Sampler
from affetti.presets import MelFrontEnd
from affetti.rows import evenly_spaced
from affetti.signal import audio
from affetti.signal.fidelity import fidelity
from affetti.signal.front_ends import spectrogram
from affetti.signal.statistics import mel_statistics
from affetti.signal.vocoder import GriffinLim
from affetti.training import run as runs

MEASURES = ("SC, dB", "multi-resolution SC, dB", "LSD, dB", "onset sharpness", "log-mel again, dB", "s a second")
HEAD, FITTED = "head", "fitted inverse, Griffin-Lim 32"


def librosa_way(front: MelFrontEnd) -> Callable[[Tensor], Tensor]:
    """What librosa's ``mel_to_audio`` does, with its defaults."""

    def convert(mel: Tensor) -> Tensor:
        power, band = librosa.db_to_power(mel.numpy()), {"fmin": front.f_min, "fmax": front.f_max}
        magnitude = librosa.feature.inverse.mel_to_stft(power, sr=front.sample_rate, n_fft=front.n_fft, **band)
        return torch.from_numpy(librosa.griffinlim(magnitude, hop_length=front.hop_length, random_state=0))

    return convert


def interval(values: NDArray[np.float64], songs: NDArray[np.str_]) -> str:
    """Mean, and its interval by the t-distribution's 1.96 of the means of songs."""
    means = np.array([np.nanmean(values[songs == song]) for song in np.unique(songs)])
    half = 1.96 * means.std(ddof=1) / len(means) ** 0.5
    return f"{means.mean():.3g} [{means.mean() - half:.3g}, {means.mean() + half:.3g}]"


def features(mel: NDArray[np.floating]) -> NDArray[np.float64]:
    """The default features ``[N, D]`` of log-mels."""
    return torch.cat([mel_statistics(torch.from_numpy(part)) for part in np.array_split(mel, 16)]).double().numpy()


def generated_table(corpus: Corpus, run: Path, count: int, ways: dict[str, Callable[[Tensor], Tensor]]) -> None:
    """Print what a generator's clips score as log-mels, and as sound by each way."""
    trained, part, front = runs.load(run), corpus.fold(0), corpus.front_end
    conditions = torch.tensor(choose_emotions("matched", count, trained.training_conditions, 0), dtype=torch.float32)
    began = time.process_time()
    mels = Sampler(trained.generator, front)(conditions).mel
    sampling = (time.process_time() - began) / (count * front.seconds)
    real = np.asarray(corpus.mel[part.test], dtype=np.float32)
    songs, rows = corpus.songs[part.test], features(real)
    centre, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-6
    to_mel = spectrogram(front)
    print(f"{count} clips of {run.name} against {len(real)} clips of {np.unique(songs).size} held-out songs")
    print(
        "| | Quality Score | coverage | precision | Fréchet distance | s a second, in all |\n|---|---|---|---|---|---|"
    )
    for name, way in {"log-mels": None, **ways}.items():
        began = time.process_time()
        fake = mels.numpy() if way is None else torch.stack([to_mel(way(mel)) for mel in mels]).numpy()
        seconds = sampling + (0.0 if way is None else (time.process_time() - began) / (count * front.seconds))
        quality = metrics.quality_score(real, fake, songs)
        here, there = (rows - centre) / scale, (features(fake) - centre) / scale
        few = evenly_spaced(len(here), count)
        near = metrics.precision_recall_density_coverage(here[few], there)
        low, high = quality.ci
        score = f"{quality.score:.0f} [{low:.0f}, {high:.0f}]"
        distance = metrics.frechet_distance(here, there)
        cells = (score, f"{near['coverage']:.2f}", f"{near['precision']:.2f}", f"{distance:.0f}", f"{seconds:.4f}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--n", type=int, default=48)
    parser.add_argument("--generator", type=Path)
    parser.add_argument("--generated", type=int, default=192)
    given = parser.parse_args()
    torch.set_num_threads(1)
    corpus, trained = Corpus.open(given.corpus), runs.load(given.run)
    front, test = corpus.front_end, corpus.fold(0).test
    rows = test[evenly_spaced(len(test), given.n)]
    songs, names = corpus.songs[rows], corpus.clips["clip_id"].to_numpy(dtype=str)[rows]
    ways: dict[str, Callable[[Tensor], Tensor]] = {
        HEAD: RunVocoder(given.run, front),
        FITTED: GriffinLim(front, trained.inverse),
        "fitted inverse, Griffin-Lim 16": GriffinLim(front, trained.inverse, 16),
        "default inverse, Griffin-Lim 32": GriffinLim(front),
    }
    if isinstance(front, MelFrontEnd):
        ways["librosa mel_to_audio"] = librosa_way(front)
    to_mel = spectrogram(front)
    results: dict[str, list[list[float]]] = {name: [] for name in ways}
    for name in names:
        wave = audio.load(audio_file(corpus.path / "audio", name), front.sample_rate)[: front.samples]
        wave = wave[: (len(wave) // front.hop_length) * front.hop_length]
        mel = to_mel(wave)
        for way, convert in ways.items():
            began = time.process_time()
            made = convert(mel)
            seconds = (time.process_time() - began) / (len(wave) / front.sample_rate)
            made = torch.nn.functional.pad(made, (0, len(wave) - len(made)))
            near = fidelity(wave, made, front.sample_rate, front.linear_n_fft, front.hop_length)
            sharp = np.nan if near.sharpness is None else near.sharpness
            again = float((to_mel(made) - mel).abs().mean())
            results[way].append([near.convergence, near.convergence_multi, near.log_distance, sharp, again, seconds])
    tables = {way: np.array(lines) for way, lines in results.items()}
    print(f"{len(rows)} clips of {np.unique(songs).size} held-out songs")
    print(f"| | {' | '.join(MEASURES)} |\n|---|{'---|' * len(MEASURES)}")
    for way, table in tables.items():
        print(f"| {way} | {' | '.join(interval(column, songs) for column in table.T)} |")
    differences = tables[HEAD] - tables[FITTED]
    print(f"| {HEAD} minus {FITTED} | {' | '.join(interval(column, songs) for column in differences.T)} |", flush=True)
    if given.generator is not None:
        generated_table(corpus, given.generator, given.generated, {name: ways[name] for name in (HEAD, FITTED)})


if __name__ == "__main__":
    main()
