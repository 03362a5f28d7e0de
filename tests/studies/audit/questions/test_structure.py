"""Structure: planted effects are found, absent ones are not, and nothing is made up."""

from pathlib import Path

import numpy as np
import pytest
from tests.material import present, write_corpus

from affetti.corpus import Corpus
from affetti.embedders.clip_set import corpus_clips
from affetti.metrics.song_form import section_contrast
from affetti.progress import silent
from affetti.studies.audit.answer import Answer, NotMeasurableError
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.questions.structure import QUESTION
from affetti.studies.scorecard.form import whole_songs

SONGS, EACH = 30, 5
FORM = np.tile(["intro", "verse", "chorus", "verse", "chorus"], SONGS)
START = np.tile(np.arange(EACH) * 6.0, SONGS)


def ask(corpus: Corpus, folder: Path, quick: bool = True) -> Answer:
    return QUESTION.measure(AuditContext(corpus, folder / "audit", quick), silent)


def drawn(seed: int, effect: float = 0.0) -> np.ndarray:
    """Labels of songs whose choruses have so much more valence."""
    rng = np.random.default_rng(seed)
    labels = 0.2 * rng.standard_normal((SONGS * EACH, 2)).clip(-2, 2)
    labels[:, 0] += effect * ((FORM == "chorus") - 0.4)
    return labels


def made(folder: Path, labels: np.ndarray, **columns) -> Corpus:
    return write_corpus(folder, SONGS, EACH, labels=labels, **{"section": FORM, "start": START} | columns)


def louder(corpus: Corpus, by: np.ndarray) -> Corpus:
    """The corpus with log-mels louder by so many dB."""
    mel = np.asarray(corpus.mel) + by[:, None, None].astype(np.float16)
    np.save(corpus.path / "mel.npy", mel)
    return Corpus.open(corpus.path)


def test_finds_what_sections_do(tmp_path):
    answer = ask(made(tmp_path / "c", drawn(0, effect=0.5)), tmp_path)
    assert answer["chorus_minus_verse"].value == pytest.approx(0.5, abs=0.1)
    adds = answer["structure_adds_valence"]
    expected = 100 * 0.25 * 0.24 / (0.25 * 0.24 + 0.04)
    assert adds.value == pytest.approx(expected, abs=12)
    assert present(adds.ci)[0] > 20
    assert answer["structure_adds_arousal"].value == pytest.approx(0, abs=3)
    assert f"{adds.value:.1f}%" in answer.sentence
    assert answer["spread_labels"].value == pytest.approx(
        np.mean(np.ptp(drawn(0, 0.5)[:, 0].reshape(SONGS, EACH), axis=1)) / 2
    )
    assert {series.name for series in present(answer.lines).series} >= {
        "valence, labels",
        "arousal, predicted from log-mels",
    }


def test_finds_no_effect_where_there_is_none(tmp_path):
    false = 0
    for seed in range(2):
        answer = ask(made(tmp_path / f"c{seed}", drawn(seed)), tmp_path)
        adds = [answer[name] for name in ("structure_adds_valence", "structure_adds_arousal")]
        alarms = [result.value != 0 if result.ci is None else result.ci[0] > 0 for result in adds]
        false += sum(alarms)
        assert abs(present(answer["structure_adds_valence"].value)) < 5
    assert false == 0


def test_the_section_is_predicted_only_where_log_mels_show_it(tmp_path):
    plain = made(tmp_path / "plain", drawn(1))
    assert ask(plain, tmp_path)["chorus_read"].value == pytest.approx(0.5, abs=0.2)
    assert ask(plain, tmp_path)["section_lift"].value == pytest.approx(1, abs=0.25)
    shown = louder(made(tmp_path / "shown", drawn(1)), 30.0 * (FORM == "chorus") - 30.0 * (FORM == "intro"))
    assert present(ask(shown, tmp_path)["chorus_read"].value) > 0.9
    answer = ask(shown, tmp_path)
    assert present(answer["section_read"].value) > 0.8
    assert answer["section_lift"].value == pytest.approx(3 * present(answer["section_read"].value))


def test_labels_that_a_song_shares_say_nothing(tmp_path):
    shared = np.repeat(drawn(2)[::EACH], EACH, axis=0)
    answer = ask(made(tmp_path / "c", shared), tmp_path)
    names = ("spread_labels", "spread_beyond_noise_arousal", "structure_adds_valence", "chorus_minus_verse")
    assert all(answer[name].value is None and "a label of its own" in answer[name].note for name in names)
    assert answer["spread_predictions"].value is not None
    assert len(present(answer.lines).series) == 2


def test_without_sections_position_is_all_that_is_known(tmp_path):
    rises = drawn(3)
    rises[:, 0] += 0.5 * (START / START.max() - 0.5)
    answer = ask(made(tmp_path / "c", rises, section=""), tmp_path)
    assert answer["section_read"].value is None
    assert present(answer["structure_adds_valence"].ci)[0] > 5


def test_needs_songs_of_several_clips_or_sections(tmp_path):
    with pytest.raises(NotMeasurableError, match="songs with 3 clips or more"):
        ask(write_corpus(tmp_path / "c", 12, 1), tmp_path)
    alone = write_corpus(tmp_path / "d", 12, 1, section=["verse", "chorus"] * 6)
    assert ask(alone, tmp_path)["section_read"].value is not None


@pytest.mark.parametrize(("songs", "each"), [(1, 3), (3, 3), (5, 3)])
def test_few_songs(tmp_path, songs, each):
    answer = ask(write_corpus(tmp_path / "c", songs, each, section=["verse", "chorus", "verse"] * songs), tmp_path)
    assert answer["spread_labels"].value is not None
    if songs < 5:
        assert "fewer than 5 folds" in answer["spread_predictions"].note
        assert answer["structure_adds_valence"].value is None
    if songs == 1:
        assert answer["spread_labels"].ci is None


def test_silence(tmp_path):
    corpus = made(tmp_path / "c", drawn(4))
    np.save(corpus.path / "mel.npy", np.full(corpus.mel.shape, -80, np.float16))
    answer = ask(Corpus.open(corpus.path), tmp_path)
    assert answer["section_lift"].value == pytest.approx(1, abs=0.3)
    assert answer["spread_predictions"].value == pytest.approx(0, abs=0.01)


def test_a_composed_corpus_has_audio_examples_and_a_caution(corpus, tmp_path):
    answer = ask(corpus, tmp_path)
    assert [sound.origin for sound in answer.sounds] == ["composed", "composed"]
    assert all((tmp_path / "audit" / sound.file).is_file() for sound in answer.sounds)
    assert any("composer's choice" in caution for caution in answer.cautions)
    truth = corpus.clips["valence_true"].to_numpy().reshape(20, 8)
    assert answer["spread_beyond_noise"].value == pytest.approx(np.ptp(truth, axis=1).mean() / 2, rel=0.1)


def test_form_is_that_of_whole_songs(tmp_path):
    """Witness: the same measures, taken of the songs one by one."""
    corpus = made(tmp_path / "c", drawn(0), start=np.tile(np.arange(EACH) * 5.95, SONGS))
    answer = ask(louder(corpus, 6.0 * (FORM == "chorus")), tmp_path)
    assert present(answer["section_contrast"].value) > 0.1
    assert answer["section_contrast"].n == SONGS
    assert 0 < present(answer["repetition"].value) < 1
    assert present(present(answer["section_returns"].ci)[0]) < present(answer["section_returns"].value)
    songs = whole_songs(corpus_clips(Corpus.open(corpus.path)))
    contrasts = [present(section_contrast(song))["mean"] for song in songs]
    assert answer["section_contrast"].value == pytest.approx(np.mean(contrasts))
    plain = ask(write_corpus(tmp_path / "d", SONGS, EACH, labels=drawn(1), start=START), tmp_path)
    assert plain["section_contrast"].value is None
    assert plain["repetition"].value is not None
