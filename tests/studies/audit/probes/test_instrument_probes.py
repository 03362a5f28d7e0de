from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from affetti.corpus import Corpus
from affetti.errors import InputError
from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes.instrument_probes import (
    accuracy_loss,
    common_instruments,
    contains_instruments,
    instrument_measurements,
    mean_balanced_accuracy,
)
from material import write_corpus


def band(path: Path, shown: np.ndarray, named: np.ndarray, seed: int, **columns: Any) -> Corpus:
    """A corpus whose log-mels show ``shown`` and whose column says ``named``; two instruments, eight bands each."""
    corpus = write_corpus(path, len(shown), 1, labels=np.random.default_rng(seed).uniform(-0.9, 0.9, (len(shown), 2)))
    mel = np.load(path / "mel.npy")
    mel[:, 10:18] += (25 * shown[:, 0, None, None]).astype(np.float16)
    mel[:, 40:48] += (25 * shown[:, 1, None, None]).astype(np.float16)
    np.save(path / "mel.npy", mel)
    corpus.clips["instruments"] = ["|".join(["bass", *np.array(["flute", "piano"])[row]]) for row in named]
    for name, value in columns.items():
        corpus.clips[name] = value
    corpus.clips.to_parquet(path / "clips.parquet")
    return Corpus.open(path)


def flags(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 2)) < 0.5


def measured(context: AuditContext) -> dict[str, Measurement]:
    return {measurement.name: measurement for measurement in instrument_measurements(context)}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    has = flags(80, 1)
    return band(tmp_path_factory.mktemp("real") / "c", has, has, 1)


def test_accuracy_equals_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    has, predicted = rng.random((2, 50, 3)) < 0.4
    theirs = [balanced_accuracy_score(has[:, k], predicted[:, k]) for k in range(3)]
    assert mean_balanced_accuracy(predicted, has) == pytest.approx(np.mean(theirs))
    assert mean_balanced_accuracy(has, has) == 1
    assert mean_balanced_accuracy(~has, has) == 0
    assert mean_balanced_accuracy(np.ones_like(has), has) == 0.5
    with pytest.raises(InputError):
        mean_balanced_accuracy(has, np.ones_like(has))


def test_blur_is_what_is_lost_above_chance() -> None:
    has = np.array([[True], [True], [False], [False]] * 2)
    generated = np.arange(8) >= 4
    half = has.copy()
    half[4:, 0] = [True, False, False, True]
    assert accuracy_loss(has, has, generated) == 0
    assert accuracy_loss(half, has, generated) == 100
    half[4:, 0] = [True, True, False, True]
    assert accuracy_loss(half, has, generated) == 50
    with pytest.raises(InputError):
        accuracy_loss(np.ones_like(has), has, generated)


def test_rare_and_ubiquitous_instruments_are_left_out() -> None:
    named = np.array(["bass|piano"] * 10 + ["bass"] * 9 + ["bass|harp"])
    known = common_instruments(named)
    assert known == ("piano",)
    assert contains_instruments(named, known)[:, 0].tolist() == [True] * 10 + [False] * 10


def test_instruments_that_sound_are_read_and_names_alone_are_not(real: Corpus, tmp_path: Path) -> None:
    result = measured(AuditContext(real, tmp_path))["corpus_read"]
    assert (result.value or 0) > 0.9
    assert result.n == 80
    idle = measured(AuditContext(band(tmp_path / "c", flags(80, 1), flags(80, 2), 1), tmp_path))["corpus_read"]
    assert idle.ci is not None and idle.ci[0] < 0.5 < idle.ci[1]


def test_generators_that_follow_requested_instruments_do_not_blur_and_others_blur_all(
    real: Corpus, tmp_path: Path
) -> None:
    condition = flags(60, 3)
    band(tmp_path / "good", condition, condition, 4)
    band(tmp_path / "deaf", flags(60, 5), condition, 4)
    kinds = (("flow", tmp_path / "deaf"), ("gan", tmp_path / "good"))
    result = measured(AuditContext(real, tmp_path, generated=kinds))
    assert (result["generated_read"].value or 0) > 0.9
    good, deaf = result["generated_blur"], result["generated_blur_flow"]
    assert good.ci is not None and good.ci[0] <= 0 < good.ci[1] < 20
    assert deaf.ci is not None and deaf.ci[0] < 100 < deaf.ci[1] and deaf.ci[0] > 50
    assert good.n == 140
    alone = measured(AuditContext(real, tmp_path, generated=kinds[:1]))
    assert alone["generated_blur"].value == pytest.approx(deaf.value)


def test_missing_parts_are_reported(real: Corpus, tmp_path: Path) -> None:
    assert "give --models" in measured(AuditContext(real, tmp_path))["generated_blur"].note
    wordless = band(tmp_path / "w", flags(10, 1), flags(10, 1), 1, instruments="")
    result = measured(AuditContext(real, tmp_path, generated=(("gan", wordless.path),)))
    assert result["generated_blur"].value is None
    assert "conditioned on instruments" in result["generated_blur"].note
    for corpus in (wordless, band(tmp_path / "same", flags(10, 1), flags(10, 1), 1, instruments="piano")):
        none = measured(AuditContext(corpus, tmp_path, generated=(("flow", real.path),)))
        assert none["corpus_read"].value is None
        assert none["generated_blur"].value is None
        assert "instruments: a column" in none["generated_blur"].note
