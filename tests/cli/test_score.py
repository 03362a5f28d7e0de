from __future__ import annotations

import errno
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.embedders.sets import recordings
from tests.material import mels

from affetti.cli.score_text import _copies, _uncertainties
from affetti.corpus import Corpus
from affetti.embedders.clip_set import ClipSet, open_clip_set
from affetti.studies.scorecard.copy_results import PassageTest
from affetti.studies.scorecard.inputs import ScoreSets, ScoreSettings
from affetti.studies.scorecard.result import Scorecard, SongCounts
from affetti.studies.scorecard.scorecard import scorecard

Affetti = Callable[..., Any]


@pytest.fixture
def arrays(tmp_path: Path) -> tuple[Path, Path]:
    for name, seed in (("real", 0), ("fake", 1)):
        np.save(tmp_path / f"{name}.npy", mels(20, (16, 64), seed).numpy())
        (tmp_path / f"{name}.txt").write_text("\n".join(f"song{i // 2}" for i in range(20)))
    return tmp_path / "real.npy", tmp_path / "fake.npy"


def test_arrays_are_scored_with_and_without_song_ids(affetti: Affetti, arrays: tuple[Path, Path]) -> None:
    document = json.loads(affetti("score", *arrays, "--json").out)
    assert document["songs"] == {"real": 20, "fake": 20}
    groups = [path.with_suffix(".txt") for path in arrays]
    document = json.loads(affetti("score", *arrays, "--groups", *groups, "--json").out)
    assert document["songs"] == {"real": 10, "fake": 10}


@pytest.mark.parametrize("full", ["pictures.npz", "result.json"])
def test_numbers_that_cannot_be_saved_are_printed_before_the_error(
    affetti: Affetti, arrays: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    replace = Path.replace

    def refuse(path: Path, target: Path) -> Path:
        if Path(target).name == full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", refuse)
    ran = affetti("score", *arrays, "--out", tmp_path / "score", "--json")
    assert ran.code == 2
    assert ran.complaint.endswith(f"{full}: the disk is full. Free some space and run the same command again")
    assert json.loads(ran.out)["quality"]["score"] >= 0
    assert json.loads(ran.out)["requested"]["features"] == "statistics"


def test_a_scorecard_is_printed_and_saved(
    affetti: Affetti, corpus: Corpus, made: Callable[..., Path], run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    ran = affetti(
        "score", corpus.path, made("flow"), "--fold", 0, "--regressor", run_of("baseline"), "--out", tmp_path / "score"
    )
    assert ran.code == 0
    for word in ("quality", "frechet", "vendi", "arousal: slope", "memorisation: no sign of copying"):
        assert word in ran.out
    saved = json.loads((tmp_path / "score/result.json").read_text())
    assert f"quality {saved['quality']['score']:.1f} of 100" in ran.out


def test_silent_clips_of_corpora_are_left_out_of_every_number(
    affetti: Affetti, corpus: Corpus, made: Callable[..., Path], run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    folders, kept = [], []
    for name, path in (("real", corpus.path), ("fake", made("flow"))):
        folder = tmp_path / name
        shutil.copytree(path, folder)
        mel = np.load(folder / "mel.npy")
        silent = [2, int(corpus.fold(0).test[5]), len(mel) - 1] if name == "real" else [0, 4]
        mel[silent] = -100.0
        np.save(folder / "mel.npy", mel)
        folders.append(folder)
        kept.append(np.setdiff1d(np.arange(len(mel)), silent))
    ran = affetti("score", *folders, "--fold", 0, "--regressor", run_of("baseline"), "--json")
    assert ran.code == 0
    assert f"skipped {folders[0]}: 3 of its 160 clips are silent, the first " in ran.err
    assert f"skipped {folders[1]}: 2 of its {len(kept[1]) + 2} clips are silent, the first " in ran.err
    document = json.loads(ran.out)
    assert document["silent"] == 5
    real, fake = (
        open_clip_set(path).subset(rows) for path, rows in zip((corpus.path, made("flow")), kept, strict=True)
    )
    card = scorecard(ScoreSets(real, fake), ScoreSettings(fold=0, regressor=run_of("baseline")))
    expected = json.loads(json.dumps(card.to_dict()))
    for key in ("quality", "measures", "spectrogram", "conditioning", "joint", "strata", "memorisation", "n_real"):
        assert document.get(key) == expected.get(key)


def test_input_that_cannot_be_scored_is_refused(
    affetti: Affetti, arrays: tuple[Path, Path], corpus: Corpus, made: Callable[..., Path]
) -> None:
    arrays[0].with_suffix(".txt").write_text("one\n")
    for arguments, says in (
        ([*arrays, "--groups", arrays[0].with_suffix(".txt")], "1 song ids for 20 rows"),
        ([made("flow"), corpus.path], "holds synthetic clips"),
        ([corpus.path, made("flow"), "--fold", 1], "of the test songs"),
        ([*arrays, "--fold", 0], "only a corpus has folds"),
        ([*arrays, "--train", arrays[0]], "20 of the 20 songs"),
        ([*arrays, "--seed", "-1"], "seed -1 is negative"),
        ([arrays[0], made("flow")], "log-mels of shape"),
    ):
        ran = affetti("score", *arguments)
        assert ran.code == 2, says
        assert says in ran.complaint
        assert ran.out == ""


def test_another_generator_and_copies_of_real_clips_are_reported(
    affetti: Affetti, arrays: tuple[Path, Path], tmp_path: Path
) -> None:
    rows = np.load(arrays[1])
    rows[3] = np.load(arrays[0])[5]
    np.save(tmp_path / "mixed.npy", rows)
    train = tmp_path / "train.npy"
    np.save(train, mels(20, (16, 64), 2).numpy())
    ran = affetti("score", *arrays, "--against", tmp_path / "mixed.npy", "--train", train)
    assert ran.code == 0
    assert f"note: CAUTION: 1 of the 20 clips of {tmp_path / 'mixed.npy'} ARE real clips" in ran.err
    for words in ("sliced_wasserstein", "clipped_coverage", "onset_rate", "not measured: joint", "nearest pairs"):
        assert words in ran.out, words
    assert f"against {tmp_path / 'mixed.npy'}" in ran.out
    assert "undecided" in ran.out
    copied = affetti("score", arrays[0], train, "--train", train)
    assert f"CAUTION: {train} holds COPIES of training clips" in copied.err
    assert "memorisation: COPIES of training clips (20 exact)" in copied.out


def test_files_left_out_are_named(affetti: Affetti, tmp_path: Path) -> None:
    for name, first in (("real", 0), ("fake", 100)):
        recordings(tmp_path / name, 8, first)
    (tmp_path / "fake/broken.wav").write_bytes(b"RIFF")
    ran = affetti("score", tmp_path / "real", tmp_path / "fake", "--preset", "tiny", "--workers", 1, "--json")
    assert ran.code == 0
    assert f"skipped {tmp_path / 'fake/broken.wav'}:" in ran.err
    document = json.loads(ran.out)
    assert document["n_fake"] == 8
    assert [file["path"] for file in document["left_out"]] == [str(tmp_path / "fake/broken.wav")]


def bad(folder: Path, name: str, rows: np.ndarray) -> Path:
    np.save(folder / f"{name}.npy", rows)
    return folder / f"{name}.npy"


def test_bad_input_is_reported_in_one_line(affetti: Affetti, arrays: tuple[Path, Path], tmp_path: Path) -> None:
    real, fake = arrays
    rows = np.load(fake)
    holed = rows.copy()
    holed[7, 3, 2] = np.nan
    (tmp_path / "one.txt").write_text("song\n" * 20)
    (tmp_path / "empty").mkdir()
    np.lib.format.open_memmap(tmp_path / "huge.npy", "w+", np.float16, (1_000_000, 16, 64))
    for arguments, says in (
        ([real, bad(tmp_path, "single", rows[:1])], "1 song is too few"),
        ([real, fake, "--groups", tmp_path / "one.txt"], "1 song is too few"),
        ([bad(tmp_path, "constant", np.full_like(rows, -40)), fake], "all clips are silent"),
        ([real, bad(tmp_path, "holed", holed)], "holed.npy, clip 7: a value is not finite"),
        ([real, fake, "--against", tmp_path / "holed.npy"], "holed.npy, clip 7: a value is not finite"),
        ([real, bad(tmp_path, "narrow", rows[:, :8])], "log-mels of shape (8, 64)"),
        ([real, tmp_path / "huge.npy"], "1,000,000 clips are too many"),
        ([tmp_path / "empty", real, "--preset", "tiny"], "neither a corpus nor a folder of audio"),
        ([real, fake, "--device", "abacus"], "unknown device 'abacus'"),
        ([real, fake, "--workers", "0"], "0 workers"),
        ([real, fake, "--against", fake, "--groups", *[tmp_path / "one.txt"] * 4], "4 files of song ids"),
    ):
        ran = affetti("score", *arguments)
        assert ran.code == 2, says
        assert says in ran.complaint
        assert ran.out == ""


def test_uncertainties_of_a_score_are_reported(affetti: Affetti, arrays: tuple[Path, Path], tmp_path: Path) -> None:
    ran = affetti("score", *arrays)
    assert "without --groups each row of real.npy counts as a song" in ran.err
    assert "CAUTION" not in ran.err
    assert "without --groups" not in affetti("score", *arrays, "--groups", arrays[0].with_suffix(".txt")).err
    np.save(tmp_path / "power.npy", 10 ** (np.load(arrays[1]) / 10))
    ran = affetti("score", arrays[0], tmp_path / "power.npy")
    assert "CAUTION: power.npy does not look like dB log-mels [N, M, F]: values from" in ran.err
    assert "power or magnitude without a logarithm?" in ran.err


def scorecard_of(arrays: tuple[Path, Path]) -> Scorecard:
    sets = [ClipSet(path.name, np.load(path), np.array([f"song{i}" for i in range(20)])) for path in arrays]
    return scorecard(
        ScoreSets(sets[0], sets[1], train=replace(sets[1], name="train", mel=mels(20, (16, 64), 2).numpy()))
    )


def test_a_wide_interval_is_no_verdict(arrays: tuple[Path, Path]) -> None:
    card = scorecard_of(arrays)
    wide = replace(card, quality=replace(card.quality, ci=(4.6, 100.0)), songs=SongCounts(10, 20))
    (line,) = _uncertainties(wide, Path("real"), ())
    assert line == "the score lies anywhere in [5, 100]: 10 real songs are too few to say more"


def test_clips_near_the_training_clips_are_not_cleared(arrays: tuple[Path, Path]) -> None:
    card = scorecard_of(arrays)
    assert card.memorisation is not None
    for low, p, said in (
        (0.683, 0.5, "but clips lie nearer to training clips"),
        (0.45, 0.5, "no sign of copying"),
        (0.45, 0.02, "copies may be there, but with so few held-out songs it is not certain"),
    ):
        ci = replace(card.memorisation.ci, nearer_train=(low, 0.9))
        memorisation = replace(card.memorisation, copying=False, nearer_train=0.8, ci=ci, p=0.5)
        passages = PassageTest(share=0.1, ci=(0.0, 0.2), p=p)
        assert said in _copies(replace(card, memorisation=memorisation, passages=passages))[0]


def test_typicality_names_its_file_and_stands_beside_real_clips(
    affetti: Affetti, arrays: tuple[Path, Path], tmp_path: Path
) -> None:
    ran = affetti("score", *arrays, "--out", tmp_path / "score")
    assert f"  of every clip: {tmp_path / 'score' / 'typicality.parquet'}" in ran.out
    assert "no measure of quality" in ran.out
    assert "  least typical: fake.npy[" in ran.out


def test_shares_of_copies_are_printed_with_what_would_be_found(affetti: Affetti, tmp_path: Path) -> None:
    real, train, fake = (mels(40, (16, 64), seed).numpy() for seed in (0, 1, 2))
    fake[:20] = train[:20] + 0.2
    for name, rows in (("real", real), ("train", train), ("fake", fake)):
        np.save(tmp_path / f"{name}.npy", rows)
    ran = affetti("score", tmp_path / "real.npy", tmp_path / "fake.npy", "--train", tmp_path / "train.npy")
    assert "memorisation: COPIES of training clips (0 exact)" in ran.out
    share = re.search(r"copied passages: in ([\d.]+) % \[[\d.]+, [\d.]+\] of songs, p < 0.001", ran.out)
    assert share
    assert float(share[1]) == pytest.approx(50, abs=6)
    assert "with as many held-out songs, copies are found for certain from 22 % on" in ran.out
