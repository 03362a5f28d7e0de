"""The features that an encoder regressor predicts from, and the layer of the encoder that validation songs choose.

Every corpus of a study (the real one, and each synthetic set) is embedded once, before any regressor is trained, and
its vectors are kept in ``features/`` of the study, where trials read them in any process. Of an encoder with several
layers that one is taken, for each fold, at which ridge regression on the real training clips predicts the validation
songs best; of a perceptron the weight decay is chosen in the same way, at that layer. Test songs and synthetic clips
have no part in the choice, which is the same for all arms. Without validation songs it is the last layer, and the
middle decay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affetti.corpus import Corpus
from affetti.embedders.cache import cache_key, embed
from affetti.embedders.clip_set import ClipSet, corpus_clips
from affetti.errors import InputError
from affetti.progress import Progress, silent
from affetti.storage import atomic_write
from affetti.studies.augmentation.regressors import StudyRegressor
from affetti.studies.augmentation.results import LayerChoice
from affetti.studies.augmentation.synthetic_sets import TrainingSubset
from affetti.training.feature_choice import validation_ccc

DECAYS = (0.1, 10.0, 1000.0)
"""Weight decays of a perceptron, of which validation songs choose one."""


@dataclass(frozen=True)
class EncoderFeatures:
    """Where the features of each corpus lie, and which of their columns are used."""

    files: Mapping[Path, Path]
    """By corpus: float32 ``[N, L·D]``, the vectors of L layers one after the other."""
    layers: int
    version: str
    choices: Mapping[str, LayerChoice]
    """By name of the training subset."""

    def load(self, corpus: Path, subset: TrainingSubset) -> NDArray[np.float32]:
        """The vectors ``[N, D]`` of the clips of ``corpus`` at the layer that was chosen for ``subset``."""
        whole = np.load(self.files[corpus], mmap_mode="r", allow_pickle=False)
        return _layer(whole, self.choices[subset.name].layer, self.layers)


def study_features(
    regressor: StudyRegressor,
    subsets: Sequence[TrainingSubset],
    synthetic: Sequence[Path],
    out: Path,
    progress: Progress = silent,
) -> EncoderFeatures:
    """Embed the corpora of a study and choose a layer for each training subset.

    Args:
        regressor: an encoder with its head.
        subsets: the training subsets; each names its real corpus.
        synthetic: the corpora of the synthetic sets.
        out: folder of the study.
        progress: called with clips embedded.

    Raises:
        InputError: a corpus holds no audio, or a clip has features that are not numbers.
        MismatchError: its log-mels are of another front-end.
    """
    corpora = dict.fromkeys([*(subset.corpus for subset in subsets), *synthetic])
    files = {path: _embedded(regressor, path, out / "features", progress) for path in corpora}
    made = EncoderFeatures(files, regressor.layers, regressor.version, {})
    return replace(made, choices={subset.name: _choose_layer(regressor, made, subset) for subset in subsets})


def _embedded(regressor: StudyRegressor, path: Path, folder: Path, progress: Progress) -> Path:
    """The file of a corpus' vectors, written if it is not there."""
    clips = corpus_clips(Corpus.open(path))
    keys = "-".join(cache_key(clips, embedder)[:16] for embedder in regressor.embedders)
    file = folder / f"{keys}.npy"
    if not file.exists():
        vectors = embed_clips(regressor, clips, progress)
        with atomic_write(file) as temporary, temporary.open("wb") as opened:
            np.save(opened, vectors)
    return file


def embed_clips(regressor: StudyRegressor, clips: ClipSet, progress: Progress = silent) -> NDArray[np.float32]:
    """The vectors ``[N, L·D]`` of a set.

    Raises:
        InputError: a clip has features that are not numbers, or the set has no audio for an encoder of sound.
    """
    stage = f"features of {Path(clips.name).name}"
    parts = [embed(clips, embedder, stage=stage, progress=progress) for embedder in regressor.embedders]
    vectors = np.concatenate(parts, axis=1).astype(np.float32)
    broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(broken):
        clip = clips.clip_names()[broken[0]]
        what = f"{regressor.name} gives no numbers for {len(broken)} clips, the first {clip}"
        raise InputError(what, where=clips.name, hint="leave these clips out, or use another --regressor")
    return vectors


def _choose_layer(regressor: StudyRegressor, features: EncoderFeatures, subset: TrainingSubset) -> LayerChoice:
    corpus = Corpus.open(subset.corpus)
    part, layers = corpus.fold(subset.fold), regressor.layers
    chosen = LayerChoice(
        fold=subset.fold, train_fraction=subset.train_fraction, layer=layers - 1, layers=layers, ccc=None, decay=None
    )
    perceptron = regressor.head == "mlp"
    if not len(part.validation):
        return replace(chosen, decay=DECAYS[1] if perceptron else None)
    whole = np.load(features.files[subset.corpus], mmap_mode="r", allow_pickle=False)
    by_layer = {str(layer): _layer(whole, layer, layers).astype(np.float64) for layer in range(layers)}
    scores = validation_ccc(by_layer, corpus.labels, part, {"method": "ridge"})
    best = max(scores, key=scores.__getitem__)
    chosen = replace(chosen, layer=int(best), ccc=scores[best])
    if not perceptron:
        return chosen
    at_layer = {best: by_layer[best]}
    by_decay = {
        decay: validation_ccc(at_layer, corpus.labels, part, {"method": "mlp", "decay": decay})[best]
        for decay in DECAYS
    }
    decay = max(by_decay, key=by_decay.__getitem__)
    return replace(chosen, ccc=by_decay[decay], decay=decay)


def _layer(vectors: NDArray[np.float32], layer: int, layers: int) -> NDArray[np.float32]:
    width = vectors.shape[1] // layers
    return vectors[:, layer * width : (layer + 1) * width]
