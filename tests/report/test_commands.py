"""The commands that the page prints make the same files again."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pandas as pd
from tests.report.conftest import Folders

from affetti import api
from affetti.cli.main import main
from affetti.corpus import Corpus
from affetti.report.commands import commands, corpus_command
from affetti.report.sources import Sources, read_sources


def rerun(command: str, out: Path) -> Path:
    """Run a printed command as a shell would, into another folder."""
    words = shlex.split(command.replace("\\\n", " "))
    assert words[0] == "affetti"
    words[words.index("--out") + 1] = str(out)
    assert main(words[1:]) == 0
    return out


def command_of(kind: str, *folders: Path) -> str:
    printed = [its.command for its in commands(read_sources(folders)) if its.name.startswith(kind)]
    return printed[-1]


def test_a_generated_corpus_is_made_again(folders: Folders, tmp_path: Path) -> None:
    api.generate.run(
        folders.flow,
        6,
        tmp_path / "made",
        emotions="-0.5,0.25",
        mode="minor",
        position=0.0,
        sampling={"guidance": 1.5, "steps": 2},
        filter_by=folders.corpus,
        batch_size=4,
        audio=True,
        seed=3,
        workers=1,
    )
    command = command_of("corpus made", folders.corpus, folders.flow, tmp_path / "made")
    for flag in ("--n 6", "--emotions=-0.5,0.25", "--mode minor", "--position 0", "--sampling guidance=1.5 steps=2"):
        assert flag in command
    again = rerun(command, tmp_path / "again")
    assert (again / "mel.npy").read_bytes() == (tmp_path / "made" / "mel.npy").read_bytes()
    made, same = Corpus.open(tmp_path / "made"), Corpus.open(again)
    pd.testing.assert_frame_equal(made.clips, same.clips)
    assert made.provenance == same.provenance
    assert len(list((again / "audio").iterdir())) == len(same)


def test_a_scorecard_of_arrays_is_made_again(folders: Folders, tmp_path: Path) -> None:
    corpus, fake = Corpus.open(folders.corpus), np.load(folders.synthetic / "mel.npy")
    fold = corpus.fold(0)
    for name, mel in (("real", corpus.mel[fold.test]), ("train", corpus.mel[fold.train]), ("fake", fake)):
        np.save(tmp_path / f"{name}.npy", mel)
    (tmp_path / "real songs.txt").write_text("\n".join(corpus.songs[fold.test]), encoding="utf-8")
    (tmp_path / "fake.txt").write_text("\n".join(f"s{i}" for i in range(len(fake))), encoding="utf-8")
    api.score.run(
        tmp_path / "real.npy",
        tmp_path / "fake.npy",
        groups=[tmp_path / "real songs.txt", tmp_path / "fake.txt"],
        train=tmp_path / "train.npy",
        preset="tiny",
        seed=2,
        out=tmp_path / "card",
    )
    again = rerun(command_of("scorecard", tmp_path / "card"), tmp_path / "again")
    assert (again / "result.json").read_bytes() == (tmp_path / "card" / "result.json").read_bytes()


def test_a_scorecard_in_the_features_of_a_regressor_is_made_again(folders: Folders, tmp_path: Path) -> None:
    features = f"regressor:{folders.student}"
    api.score.run(folders.corpus, folders.synthetic, fold=0, features=features, out=tmp_path / "card")
    command = command_of("scorecard", tmp_path / "card")
    assert f"--features {features}" in command
    again = rerun(command, tmp_path / "again")
    assert (again / "result.json").read_bytes() == (tmp_path / "card" / "result.json").read_bytes()


def test_a_generator_outside_the_sources_is_a_placeholder(folders: Folders) -> None:
    corpus = Corpus.open(folders.synthetic)
    assert "--model RUN" in corpus_command(corpus, Sources((corpus,)))
    assert f"--model {folders.flow}" in corpus_command(corpus, read_sources([folders.synthetic, folders.flow]))


def test_flags_of_a_study_have_their_present_names(folders: Folders) -> None:
    command = command_of("study", folders.study, folders.flow)
    assert f"--models {folders.flow}" in command
    assert not {"--shares", "--dial", "--returns"} & set(command.split())
