from pathlib import Path

import pytest

from affetti.report import wording
from affetti.report.sources import Sources, Study, StudyConfig
from affetti.report.summary import summary
from affetti.results import Estimate
from affetti.studies.augmentation.results import StudyResult
from affetti.studies.scorecard.measurement import Measure


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.456, 2, "0.46"),
        (-0.456, 2, "−0.46"),
        (-0.001, 2, "0.00"),
        (1234.5, 2, "1,234"),
        (None, 2, "–"),
        (float("nan"), 2, "–"),
        (3.0, 0, "3"),
    ],
)
def test_number(value, digits, text):
    assert wording.number(value, digits) == text


def test_estimates():
    assert wording.estimate(Estimate(0.45, (0.35, 0.53))) == "0.45 [0.35, 0.53]"
    assert wording.estimate(Estimate(289.2, (98.2, 480.1)), 1) == "289 [98, 480]"
    assert wording.estimate(Measure(0.45)) == "0.45"
    assert wording.estimate(None) == "–"
    assert wording.difference(0.05, (-0.05, 0.13)) == "+0.05 [−0.05, +0.13]"


@pytest.mark.parametrize(("measure", "words"), [("ccc", "CCC on real"), ("accuracy", "Quadrant accuracy on real")])
def test_a_difference_is_named_for_what_it_is_of(measure: str, words: str, tmp_path: Path) -> None:
    ccc = {"ccc_valence": 0.3, "ccc_arousal": 0.3, "ccc": 0.3, "ci": [0.2, 0.4]}
    arms = [
        {"name": name, **ccc, "delta": 0.1, "delta_ci": [0.05, 0.15], "verdict": "helps"}
        for name in ("real-longer", "flow")
    ]
    document = {"arms": arms, "measure": measure, "test": {"n": 8, "songs": 4}, "seeds": 5, "folds": [0], "seed": 0}
    document |= {"corpus": "corpus", "synthetic": [{"name": "flow", "fold": 0, "path": "flow-f0"}]}
    sources = Sources(studies=(Study(tmp_path, StudyConfig(), StudyResult.from_dict(document)),))
    (answer,) = next(entry.answers for entry in summary(sources) if entry.question == "Does training on it help?")
    assert words in answer.text
    assert ("CCC" in answer.text) == (measure == "ccc")


def test_small_words():
    assert wording.plural(1, "clip") == "1 clip"
    assert wording.plural(1920, "clip") == "1,920 clips"
    assert [wording.listed(list("abc")[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert [wording.duration(s) for s in (8, 300, 9000)] == ["8 s", "5 min", "2.5 h"]
