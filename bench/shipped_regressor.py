"""Make the regressor that ships with affetti: from composed music alone, with a fixed seed.

    python bench/shipped_regressor.py WORK [--songs 1200] [--steps 3000] [--rated NAME:PATH ...] [--out FOLDER]

Songs are composed and played by `composed_windows.py`; WORK keeps their windows, so that the script resumes. Two
members are fitted: ridge regression on descriptors of windows of 15 s (valence on the 42 of harmony, arousal on all
56), and the student of the preset `tiny`, trained with SpecAugment. Of ten songs eight train, one stops the student,
sets the weights of the blend (least squares, not negative) and its intervals, and one tests. The intervals are of the
mean of a song.

What listeners rated is used for the table at the end (`--rated vgmidi:PATH emopia:PATH`): of each recording the mean of
four windows. One choice was made with VGMIDI in sight: that harmony alone predicts valence, where composed songs alone
would take all descriptors.
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import nnls

from affetti import metrics
from affetti.config import unstructure
from affetti.corpus.loaders import emopia, vgmidi
from affetti.corpus.track import Options, Source
from affetti.embedders.descriptors import HANDCRAFTED
from affetti.embedders.registry import make_embedder
from affetti.errors import InputError
from affetti.inference.blend import Blend, ListenerAgreement, Member, save_blend
from affetti.inference.export import export_run
from affetti.inference.window_regressors import BlendedWindowRegressor
from affetti.models.base import Regressor, require_regressor
from affetti.models.generators.conditioning import Fields
from affetti.models.regressors.baseline import Baseline, BaselineConfig
from affetti.models.regressors.student import Student
from affetti.results import Estimate
from affetti.signal.descriptors import HARMONY_NAMES
from affetti.storage import write_text
from affetti.training import run as runs
from affetti.training.calibration import COVERAGE, half_width
from affetti.training.clips import Clips
from affetti.training.evaluation import predict
from affetti.training.fit import fit
from affetti.training.loop import LoopConfig
from affetti.training.objectives.base import ObjectiveOptions
from affetti.training.run_meta import RunMeta, TrainingCorpus
from affetti.training.signal_augmentation import RECIPE, augmented
from affetti.training.text_embedders import HASHED
from affetti.weights import NETWORK, shipped_regressor
from composed_windows import FRONT, LONG, RATE, SEED, SONGS, Floats, Windows, composed_windows

STEPS = 3000
EVALUATED = 3
"""One in so many windows of the validation songs is used to stop the student."""
WINDOWS_A_RECORDING = 4
N_HARMONY = len(HARMONY_NAMES)
USED = ([1], [0, 1])
"""Members that predict valence, and arousal: the student, and ridge regression on descriptors."""
LOADERS = {"vgmidi": vgmidi.load, "emopia": emopia.load}


def fit_descriptors(windows: Windows) -> Baseline:
    """Ridge regression of valence on harmony alone, and of arousal on all descriptors, fitted to eight songs of ten."""
    train = parts_of(windows.songs)["train"]
    x, y = torch.from_numpy(windows.descriptors[train]), torch.from_numpy(windows.labels[train])
    settings = BaselineConfig(features=HANDCRAFTED.name, version=HANDCRAFTED.version, dimension=x.shape[1])
    whole, harmony = Baseline(FRONT.shape, settings), Baseline(FRONT.shape, replace(settings, dimension=N_HARMONY))
    whole.fit(x, y)
    harmony.fit(x[:, :N_HARMONY], y)
    weight, intercept = whole.estimator.get_buffer("weight"), whole.estimator.get_buffer("intercept")
    weight[:, 0] = 0
    weight[:N_HARMONY, 0] = harmony.estimator.get_buffer("weight")[:, 0]
    intercept[0] = harmony.estimator.get_buffer("intercept")[0]
    return whole.eval()


def fit_student(windows: Windows, steps: int, run: Path) -> Regressor:
    """The student, fitted to eight songs of ten and stopped by one; ``run`` keeps its checkpoints."""
    rows = {name: np.flatnonzero(part) for name, part in parts_of(windows.mel_songs).items()}
    clips = Clips(windows.mel, windows.mel_labels, rows["train"])
    held_out = Clips(windows.mel, windows.mel_labels, rows["validation"][::EVALUATED])
    clips, options = augmented(clips, RECIPE, FRONT, ObjectiveOptions(validation=held_out))
    torch.manual_seed(SEED)
    loop = LoopConfig(steps, 32, SEED, checkpoint_every=100)
    history, best = fit("student", Student(FRONT.shape), clips, loop, options, run=run)
    print(f"student: {history.lines[-1]}", flush=True)
    return require_regressor(best, "student")


def parts_of(songs: NDArray[np.intp]) -> dict[str, NDArray[np.bool_]]:
    """Which rows train, which stop, blend and calibrate, and which test."""
    return {"train": songs % 10 >= 2, "validation": songs % 10 == 1, "test": songs % 10 == 0}


def song_means(values: Floats, songs: NDArray[np.intp]) -> Floats:
    """Means over the windows of each song, in the order of the songs."""
    return np.stack([values[songs == song].mean(axis=0) for song in np.unique(songs)])


@dataclass(frozen=True)
class Blended:
    """The blend, and what it and its members predict of songs ``[S, 2]``."""

    blend: Blend
    songs: NDArray[np.intp]
    labels: Floats
    predictions: dict[str, Floats]


def make_blend(members: dict[str, Regressor], windows: Windows, out: Path, steps: int) -> Blended:
    """Save the members, weigh them, and calibrate the blend on the means of validation songs."""
    student, ridge = members[NETWORK], members[HANDCRAFTED.name]
    by_mel = predict(student, windows.mel, np.arange(len(windows.mel)))
    by_sound = predict(ridge, windows.descriptors, np.arange(len(windows.songs)))
    songs = np.unique(windows.songs)
    labels = song_means(windows.labels, windows.songs)
    predictions = {
        NETWORK: song_means(by_mel, windows.mel_songs),
        HANDCRAFTED.name: song_means(by_sound, windows.songs),
    }
    held_out = parts_of(songs)["validation"]
    stacked = np.stack(list(predictions.values()))
    weights, offset = np.zeros((2, 2)), np.zeros(2)
    for axis, used in enumerate(USED):
        x, y = stacked[used][:, held_out, axis], labels[held_out, axis]
        weights[used, axis], _ = nnls((x - x.mean(axis=1, keepdims=True)).T, y - y.mean())
        offset[axis] = y.mean() - weights[used, axis] @ x.mean(axis=1)
    predictions["blend"] = np.einsum("mna,ma->na", stacked, weights) + offset
    rows = parts_of(windows.mel_songs)["validation"]
    half = half_widths(by_mel[rows], windows.mel_labels[rows], windows.mel_songs[rows])
    student.half_width.copy_(torch.tensor(half))
    rows = parts_of(windows.songs)["validation"]
    ridge.half_width.copy_(torch.tensor(half_widths(by_sound[rows], windows.labels[rows], windows.songs[rows])))
    saved = [
        Member(name, save_member(out / name, model, windows, steps), (float(w[0]), float(w[1])))
        for (name, model), w in zip(members.items(), weights, strict=True)
    ]
    made = Blend(
        tuple(saved),
        (float(offset[0]), float(offset[1])),
        half_widths(predictions["blend"][held_out], labels[held_out], songs[held_out]),
        COVERAGE,
        "-1..1",
        "the regressor that ships with affetti, trained on music composed by rules and never on listeners",
        advice="train a better one on rated music: affetti train student --corpus CORPUS --init shipped",
    )
    return Blended(made, songs, labels, predictions)


def half_widths(prediction: Floats, labels: Floats, songs: NDArray[np.intp]) -> tuple[float, float]:
    """Half-widths that cover a new song, from songs that the model was not fitted to."""
    errors, names = np.abs(prediction - labels), songs.astype(str)
    return half_width(errors[:, 0], names, COVERAGE), half_width(errors[:, 1], names, COVERAGE)


def save_member(folder: Path, model: Regressor, windows: Windows, steps: int) -> str:
    """File a member as a run; the hash of its weights."""
    is_student = isinstance(model, Student)
    train = parts_of(windows.songs)["train"]
    meta = RunMeta(
        kind="student" if is_student else "baseline",
        config=unstructure(model.config),  # type: ignore[attr-defined]
        fields=Fields(),
        text=HASHED,
        front_end=FRONT if is_student else LONG,
        preset="tiny",
        corpus=TrainingCorpus(source="composed", licence="CC0", label_scale="-1..1"),
        fold=0,
        training_clips_hash=hashlib.sha256(windows.labels[train].tobytes()).hexdigest()[:16],
        songs=(),
        seed=SEED,
        steps=steps if is_student else 1,
        interval_level=COVERAGE,
    )
    runs.save(folder, model, np.zeros((1, 2)), meta)
    return runs.load(folder).meta.weights_sha256


def correlation(a: Floats, b: Floats) -> float:
    """Pearson's."""
    if not (a.std() > 0 and b.std() > 0):
        raise InputError("no variance")
    return float(np.corrcoef(a, b)[0, 1])


def share_right(a: Floats, b: Floats) -> float:
    """Share of songs on the right side: of the median of predictions, and of zero of the labels."""
    return float(((a > np.median(a)) == (b > 0)).mean())


def agreement(source: Source, regressor: BlendedWindowRegressor) -> ListenerAgreement:
    """How well the blend agrees with the ratings of recordings; of quadrants, their halves."""
    predictions: list[Floats] = []
    for track in source.tracks:
        sound = np.asarray(track.sound.waveform(RATE), dtype=np.float32)
        sound = np.resize(sound, max(len(sound), LONG.samples))
        starts = np.unique(np.linspace(0, len(sound) - LONG.samples, WINDOWS_A_RECORDING).astype(int))
        windows = np.stack([sound[start : start + LONG.samples] for start in starts])
        predictions.append(regressor.predict(windows).astype(np.float64).mean(axis=0))
    predicted = np.array(predictions)
    ratings = np.array([[track.labels.valence, track.labels.arousal] for track in source.tracks])
    songs = [track.song_id for track in source.tracks]
    categories = np.unique(np.abs(ratings)).size == 1
    statistic = share_right if categories else correlation
    valence, arousal = (
        Estimate(
            statistic(predicted[:, axis], ratings[:, axis]),
            metrics.bootstrap_ci(statistic, predicted[:, axis], ratings[:, axis], groups=songs),
        )
        for axis in range(2)
    )
    inside = (np.abs(predicted - ratings) <= regressor.half_width).mean(axis=0)
    return ListenerAgreement(
        corpus=f"{source.dataset.title} ({len(songs)} recordings)",
        songs=len(set(songs)),
        measure="share of halves right" if categories else "r",
        valence=valence,
        arousal=arousal,
        coverage=None if categories else (float(inside[0]), float(inside[1])),
    )


def on_composed(blended: Blended) -> list[str]:
    """What is reported of the composed songs that test, a line each."""
    test = parts_of(blended.songs)["test"]
    lines: list[str] = []
    for name, prediction in blended.predictions.items():
        r, halves = (
            [measure(prediction[test, axis], blended.labels[test, axis]) for axis in range(2)]
            for measure in (correlation, share_right)
        )
        right = "share of halves right {:.0%}, {:.0%}".format(*halves)
        lines.append(f"{name}: r valence {r[0]:.2f}, arousal {r[1]:.2f}; {right}")
    widths = blended.blend.half_width
    inside = (np.abs(blended.predictions["blend"] - blended.labels)[test] <= np.array(widths)).mean(axis=0)
    lines.append(
        f"{blended.blend.interval_level:.0%} intervals: valence ±{widths[0]:.2f}, arousal ±{widths[1]:.2f}; "
        f"they hold {inside[0]:.0%} and {inside[1]:.0%} of the songs"
    )
    return lines


def list_files(folder: Path) -> list[str]:
    """The weights in ``folder`` with their sizes and hashes, a row of a table each."""
    lines = ["| file | bytes | SHA-256 |", "|---|---|---|"]
    for file in sorted(file for file in folder.rglob("*") if file.suffix in (".safetensors", ".onnx")):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        lines.append(f"| `{file.relative_to(folder)}` | {file.stat().st_size:,} | `{digest}` |")
    return lines


def card(blend: Blend, composed: list[str], songs: int, steps: int, files: list[str]) -> str:
    """The model card in Markdown."""
    shares = [f"{m.run}: {m.weight[0]:.2f} of valence, {m.weight[1]:.2f} of arousal" for m in blend.members]
    lines = [
        "---",
        "library_name: affetti",
        "license: cc0-1.0",
        "tags: [music, emotion, valence-arousal]",
        "---",
        "",
        "# The regressor that ships with affetti",
        "",
        "This model predicts valence and arousal, in [-1, 1], from windows of sound of 15 s. It is a blend of ridge",
        "regression on handcrafted descriptors (valence on those of harmony alone) and, for arousal, a small MobileViT",
        "(student) on log-mels of the preset tiny, of the middle 5.9 s.",
        "",
        f"- Data: {songs} songs composed by affetti's rules (seed {SEED}), in all keys, with random instruments,",
        "  soundfonts and sound. No recording and no rating by a listener was used. Labels are the composer's: the",
        "  additive cue weights of Eerola, Friberg & Bresin (2013).",
        f"- Made by `bench/shipped_regressor.py`; {steps} updates of the student at most, seed {SEED}.",
        "- Licence of the weights: CC0 1.0.",
        *(f"- {share}" for share in shares),
        "",
        "## Composed songs that it was not trained on",
        "",
        *(f"- {line}" for line in composed),
        "",
        "## Listeners",
        "",
        *(f"- {each.describe()}" for each in blend.agreement),
        "",
        "Predictions of a recording are means of four windows; intervals resample songs.",
        "",
        "## Files",
        "",
        "`student/model.onnx` is the student with front-end and sliding window in one graph, waveform in, emotion out",
        "(`affetti predict --runtime onnx --model FILE`). It is a member, not the blend: the descriptors (chroma,",
        "tonic, onsets) are not written as a graph. What it predicts by itself is the row `student` of composed songs",
        "above.",
        "",
        *files,
        "",
        "## Limits",
        "",
        "It predicts what the rules of a composer say of a sound, not what people feel. It was measured on piano music",
        "rendered from MIDI alone. Its intervals are calibrated on composed songs. "
        + blend.advice[0].upper()
        + blend.advice[1:]
        + ".",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Compose, fit, blend, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--songs", type=int, default=SONGS)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--rated", nargs="*", default=[], metavar="vgmidi:PATH")
    parser.add_argument("--out", type=Path, default=shipped_regressor())
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    windows = composed_windows(arguments.work, arguments.songs)
    members = {
        NETWORK: fit_student(windows, arguments.steps, arguments.work / NETWORK),
        HANDCRAFTED.name: fit_descriptors(windows),
    }
    blended = make_blend(members, windows, arguments.out, arguments.steps)
    save_blend(arguments.out, blended.blend)
    composed = on_composed(blended)
    print("\n".join(composed), flush=True)
    regressor = BlendedWindowRegressor(arguments.out, make_embedder=make_embedder)
    measured: list[ListenerAgreement] = []
    for text in arguments.rated:
        name, _, path = text.partition(":")
        measured.append(agreement(LOADERS[name](Path(path), Options()), regressor))
        print(measured[-1].describe(), flush=True)
    blend = replace(blended.blend, agreement=tuple(measured))
    save_blend(arguments.out, blend)
    onnx = arguments.out / NETWORK / "model.onnx"
    onnx.unlink(missing_ok=True)
    print(f"ONNX differs by {export_run(arguments.out / NETWORK, onnx).difference:.1g} at most", flush=True)
    files = list_files(arguments.out)
    write_text(arguments.out / "MODEL_CARD.md", card(blend, composed, arguments.songs, arguments.steps, files))


if __name__ == "__main__":
    main()
