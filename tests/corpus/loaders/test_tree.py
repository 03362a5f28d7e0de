from __future__ import annotations

from pathlib import Path

import pytest

from affetti.corpus.loaders import tree
from affetti.errors import InputError


def write(root: Path, *names: str, text: str = "x") -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def test_files_come_the_nearest_first_and_what_is_hidden_does_not(tmp_path: Path) -> None:
    deep = "/".join("abcdef")
    write(tmp_path, "z.csv", "b/a.csv", "a/b.csv", f"{deep}/in.csv", f"{deep}/g/out.csv")
    write(tmp_path, ".git/a.csv", "__MACOSX/a.csv", "b/._a.csv", "b/.DS_Store")
    (tmp_path / "link").symlink_to(tmp_path / "a", target_is_directory=True)
    result = [str(file.relative_to(tmp_path)) for file in tree.files(tmp_path)]
    assert result == ["z.csv", "a/b.csv", "b/a.csv", f"{deep}/in.csv"]


def test_of_copies_the_nearest_is_taken_unless_they_differ(tmp_path: Path) -> None:
    write(tmp_path, "deam/Labels.CSV", "deam/deam/labels.csv")
    assert tree.only(tree.files(tmp_path), "labels.csv") == tmp_path / "deam/Labels.CSV"
    assert tree.only(tree.files(tmp_path), "other.csv") is None
    write(tmp_path, "deam/deam/labels.csv", text="y")
    with pytest.raises(
        InputError, match=r"Labels\.CSV: differs from .*deam/deam/labels\.csv\. Give the folder of the one"
    ):
        tree.only(tree.files(tmp_path), "labels.csv")


def test_sounds_are_known_by_name(tmp_path: Path) -> None:
    write(tmp_path, "Chorus/1.mp3", "chorus/old/1.mp3", "chorus/2.WAV", "chorus/3.csv", "4.mp3")
    result = tree.files(tmp_path)
    assert set(tree.sounds(tree.below(result, "chorus"))) == {"1", "2"}
    assert tree.sounds(result)["1"] == tmp_path / "Chorus/1.mp3"
    assert set(tree.sounds(result, (".csv",))) == {"3"}
