"""Constant-Q beside mel: speed and equality with librosa, the way back to sound, bits, and the same study on both.

    python bench/front_ends.py speed
    AFFETTI_TEST_DATA=... python bench/front_ends.py sound
    AFFETTI_TEST_DATA=... python bench/front_ends.py bits
    python bench/front_ends.py study CORPUS WORK [--models ridge student] [--folds 0 1 2 3 4] [--seeds 0 1 2]
        [--steps N] [--fronts tiny cqt-tiny]

``study`` takes a corpus that keeps its audio (``affetti prepare vgmidi:PATH --windows all --keep-audio``), computes the
spectrograms of each front-end from that audio, and predicts valence and arousal by ridge regression on their statistics
(all folds) and by networks (``student``, ``vit``; SpecAugment and early stopping; the folds and seeds given): CCC over
test clips, mean of the seeds. The same resamples of songs give intervals and differences from the first front-end. WORK
keeps what was computed, so that the script resumes.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti import metrics
from affetti.api import train
from affetti.compose.renderer import render
from affetti.compose.score import compose
from affetti.corpus import Corpus
from affetti.corpus.store import audio_file
from affetti.corpus.writer import CorpusWriter
from affetti.embedders.statistics import embed_statistics
from affetti.presets import CONSTANT_Q_FRONT_ENDS, FRONT_ENDS, MEL_FRONT_ENDS, front_end
from affetti.signal import audio
from affetti.signal.fidelity import fidelity, log_spectral_distance, spectral_convergence
from affetti.signal.front_ends import spectrogram
from affetti.signal.inversion import default_inverse, nnls
from affetti.signal.mel import stft
from affetti.signal.phase import griffin_lim
from affetti.studies.audit.codec.entropy import coded_bits, flac_bits, order_0_bits
from affetti.training import run as runs
from affetti.training.evaluation import predict
from harmony import ccc, out_of_fold

Floats = NDArray[np.float64]
RESAMPLES = 1_000
SECONDS, RATE = 30, 22_050
FRONTS = ("paper", "cqt", "tiny", "cqt-tiny")


def seconds(work: Callable[[], object], repeats: int = 7) -> float:
    """Least CPU time of some runs."""
    work()
    times: list[float] = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def speed() -> None:
    """Each front-end against librosa's, in the same run on one thread, on 30 s of composed music."""
    torch.set_num_threads(1)
    wave = render(compose(0, 0), RATE)[: SECONDS * RATE].copy()
    tensor = torch.from_numpy(wave)
    print("| front-end | ms for 30 s | librosa, ms | × librosa | greatest difference within 40 dB of the maximum, dB |")
    print("|---|---|---|---|---|")
    for name, peer in peers(wave).items():
        analyse = spectrogram(FRONT_ENDS[name])
        ours, theirs = seconds(lambda analyse=analyse: analyse(tensor)), seconds(peer)
        levels, expected = analyse(tensor).numpy(), exact(wave, name)
        worst = np.abs(levels - expected)[expected > expected.max() - 40].max()
        print(f"| `{name}` | {1e3 * ours:.1f} | {1e3 * theirs:.1f} | {theirs / ours:.1f} | {worst:.4f} |", flush=True)


def peers(wave: NDArray[np.float32]) -> dict[str, Callable[[], NDArray[np.floating]]]:
    """Librosa's spectrogram for each front-end, with its defaults."""
    return {name: lambda name=name: by_librosa(wave, name) for name in ("paper", "tiny", "cqt", "cqt-tiny")}


def exact(wave: NDArray[np.float32], name: str) -> NDArray[np.floating]:
    """The same without the approximation of its constant-Q transform."""
    return by_librosa(wave, name, sparsity=0.0)


def by_librosa(wave: NDArray[np.float32], name: str, sparsity: float = 0.01) -> NDArray[np.floating]:
    """Librosa's spectrogram in dB."""
    if name in CONSTANT_Q_FRONT_ENDS:
        front = CONSTANT_Q_FRONT_ENDS[name]
        options = {"fmin": front.f_min, "n_bins": front.n_bins, "tuning": 0.0, "sparsity": sparsity}
        return librosa.amplitude_to_db(
            np.abs(librosa.cqt(wave, sr=front.sample_rate, hop_length=front.hop_length, **options)), ref=1.0
        )
    mel = MEL_FRONT_ENDS[name]
    options = {"n_mels": mel.n_mels, "fmin": mel.f_min, "fmax": mel.f_max}
    return librosa.power_to_db(
        librosa.feature.melspectrogram(
            y=wave, sr=mel.sample_rate, n_fft=mel.n_fft, hop_length=mel.hop_length, **options
        )
    )


def sound() -> None:
    """Spectral convergence (SC) of what comes back from each front-end, on librosa's recordings."""
    torch.set_num_threads(1)
    waves = recordings()
    print(f"{len(waves)} recordings\n")
    print("| front-end | magnitude, SC dB | by NNLS | sound, SC | SC, several windows | LSD, dB | onsets |")
    print("|---|---|---|---|---|---|---|")
    for name in FRONTS:
        rows = np.array([round_trip(wave[: len(wave) // 1_024 * 1_024], name) for wave in waves])
        print(f"| `{name}` | {' | '.join(f'{value:.2f}' for value in np.nanmean(rows, axis=0))} |", flush=True)


def recordings() -> list[Tensor]:
    """At most 30 s of each of librosa's recordings."""
    folder = Path(os.environ["AFFETTI_TEST_DATA"])
    paths = sorted([*folder.glob("open/librosa_audio/*.ogg"), *folder.glob("noncommercial/librosa_audio_nc/*.ogg")])
    return [audio.load(path, RATE)[: SECONDS * RATE] for path in paths]


def round_trip(wave: Tensor, name: str) -> list[float]:
    """Measures of the magnitude and of the sound made of one recording's spectrogram."""
    front = front_end(name)
    levels, truth = spectrogram(front)(wave), stft(wave, front).abs()
    magnitude = default_inverse(front).magnitude(levels)
    made = griffin_lim(magnitude, 32, front.hop_length)
    result = fidelity(wave, torch.nn.functional.pad(made, (0, len(wave) - len(made))), front.sample_rate)
    return [
        spectral_convergence(truth, magnitude),
        spectral_convergence(truth, nnls(levels, front)),
        result.convergence,
        result.convergence_multi,
        log_spectral_distance(truth, magnitude),
        np.nan if result.sharpness is None else result.sharpness,
    ]


def bits() -> None:
    """Numbers and bits a second of each front-end in steps of 1 dB, on librosa's recordings."""
    torch.set_num_threads(1)
    waves = recordings()
    print(f"{len(waves)} recordings, {sum(map(len, waves)) / RATE:.0f} s\n")
    print("| front-end | numbers a second | kbit/s, entropy | kbit/s, coded | % of the waveform as FLAC |")
    print("|---|---|---|---|---|")
    flac = sum(flac_bits(wave, RATE) for wave in waves)
    length = sum(map(len, waves)) / RATE
    for name in FRONTS:
        front, analyse = front_end(name), spectrogram(front_end(name))
        codes = [analyse(wave).round().to(torch.int32).numpy() for wave in waves]
        entropy, coded = sum(map(order_0_bits, codes)), sum(map(coded_bits, codes))
        numbers = front.n_bands * front.sample_rate / front.hop_length
        cells = f"{numbers:,.0f} | {entropy / length / 1e3:.1f} | {coded / length / 1e3:.1f} | {100 * coded / flac:.1f}"
        print(f"| `{name}` | {cells} |", flush=True)


def study(given: argparse.Namespace) -> None:
    """Valence and arousal of a corpus by each front-end."""
    corpora = {name: reanalysed(Corpus.open(given.corpus), name, given.work / name) for name in given.fronts}
    some = next(iter(corpora.values()))
    print(f"{len(some)} clips of {np.unique(some.songs).size} songs\n")
    print("| regressor | front-end | clips | valence | from the first | arousal | from the first |")
    print("|---|---|---|---|---|---|---|")
    for kind in given.models:
        if kind == "ridge":
            rows = np.arange(len(some))
            table("ridge, statistics", {name: [by_ridge(corpus)] for name, corpus in corpora.items()}, some, rows)
            continue
        rows = np.sort(np.concatenate([some.fold(number).test for number in given.folds]))
        predicted = {
            name: [by_network(kind, corpus, seed, given) for seed in given.seeds] for name, corpus in corpora.items()
        }
        table(f"{kind}, {len(given.folds)} fold(s), {len(given.seeds)} seed(s)", predicted, some, rows)


def reanalysed(corpus: Corpus, name: str, out: Path) -> Corpus:
    """The same clips by another front-end, from the audio that the corpus keeps."""
    if (out / "corpus.json").is_file():
        return Corpus.open(out)
    front = front_end(name)
    analyse, files = spectrogram(front), [audio_file(corpus.path / "audio", it) for it in corpus.clips["clip_id"]]
    writer = CorpusWriter(out, front, None)
    writer.reserve()
    with torch.inference_mode():
        mels = (
            analyse(audio.load(file, front.sample_rate)[: front.samples]).numpy().astype(np.float16)[None]
            for file in files
        )
        writer.write_mel(mels, len(files))
    kept = ("source", "licence", "citation", "label_scale", "label_audit", "seed", "folds", "split", "leakage")
    meta = {key: corpus.meta[key] for key in kept if key in corpus.meta}
    return writer.finish(corpus.clips.copy(), {**meta, "preset": name, "planted": {}, "notes": [], "skipped": []})


def by_ridge(corpus: Corpus) -> Floats:
    """Predictions ``[N, 2]`` of ridge regression, out of fold."""
    return out_of_fold(embed_statistics(corpus.mel), corpus.labels, corpus.songs, corpus)


def by_network(kind: str, corpus: Corpus, seed: int, given: argparse.Namespace) -> Floats:
    """Predictions ``[N, 2]`` of networks for the test clips of the folds given; NaN for others."""
    predictions = np.full((len(corpus), 2), np.nan)
    for fold in given.folds:
        rows = corpus.fold(fold).test
        file = given.work / f"{kind}-{corpus.path.name}-{fold}-{seed}-{given.steps or 'default'}.npy"
        if not file.is_file():
            run = file.with_suffix("")
            train.run(kind, corpus.path, run, fold=fold, seed=seed, steps=given.steps)
            np.save(file, predict(runs.load(run).regressor, corpus.mel, rows))
        predictions[rows] = np.load(file, allow_pickle=False)
    return predictions


def table(title: str, predicted: dict[str, list[Floats]], corpus: Corpus, rows: NDArray[np.intp]) -> None:
    """CCC over ``rows``, mean of the seeds, with intervals over songs."""
    songs, first = corpus.songs[rows], next(iter(predicted.values()))

    def mean_ccc(label: Floats, *each: Floats) -> float:
        return float(np.mean([ccc(one, label) for one in each]))

    for name, each in predicted.items():
        cells = [title, f"`{name}`", str(len(rows))]
        for axis in range(2):
            label, own = corpus.labels[rows, axis], [one[rows, axis] for one in each]
            low, high = metrics.bootstrap_ci(mean_ccc, label, *own, groups=songs, resamples=RESAMPLES, seed=0)
            cells.append(f"{mean_ccc(label, *own):.2f} [{low:.2f}, {high:.2f}]")
            if each is first:
                cells.append("")
                continue
            reference, n = [one[rows, axis] for one in first], len(own)

            def gain(label: Floats, *both: Floats, n: int = n) -> float:
                return mean_ccc(label, *both[:n]) - mean_ccc(label, *both[n:])

            both = (*own, *reference)
            low, high = metrics.bootstrap_ci(gain, label, *both, groups=songs, resamples=RESAMPLES, seed=0)
            cells.append(f"{gain(label, *both):+.2f} [{low:+.2f}, {high:+.2f}]")
        print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("speed", "sound", "bits", "study"))
    parser.add_argument("corpus", nargs="?", type=Path)
    parser.add_argument("work", nargs="?", type=Path)
    parser.add_argument("--fronts", nargs="+", default=["tiny", "cqt-tiny"])
    parser.add_argument("--models", nargs="+", choices=("ridge", "student", "vit"), default=["ridge", "student"])
    parser.add_argument("--folds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=int)
    given = parser.parse_args()
    if given.part == "study":
        if given.corpus is None or given.work is None:
            parser.error("study needs a corpus that keeps its audio, and a folder for what it computes")
        study(given)
    else:
        {"speed": speed, "sound": sound, "bits": bits}[given.part]()


if __name__ == "__main__":
    main()
