from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from affetti.errors import StorageError
from affetti.folders import FileFinder, list_files, why_unusable, without_links_to_listed


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x", encoding="utf-8")


def names(root: Path, max_depth: int | None = None) -> list[str]:
    return [str(file.relative_to(root)) for file in list_files(root, max_depth).files]


def test_hidden_and_system_files_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, "b.wav", "a/c.wav", "__intro.wav")
    write(tmp_path, ".Trash/x.wav", ".ipynb_checkpoints/x.wav", "__MACOSX/x.wav", "a/._c.wav", "Thumbs.db", ".d.wav")
    write(tmp_path, "$RECYCLE.BIN/x.wav", "System Volume Information/x.wav", "lost+found/x.wav", "@eaDir/x.wav")
    assert names(tmp_path) == ["__intro.wav", "a/c.wav", "b.wav"]


def test_a_folder_in_a_hidden_folder_is_listed_when_it_is_given(tmp_path: Path) -> None:
    write(tmp_path, ".cache/music/a.wav")
    assert names(tmp_path / ".cache/music") == ["a.wav"]


def test_links_to_files_and_folders_are_followed(tmp_path: Path) -> None:
    write(tmp_path, "elsewhere/a.wav", "elsewhere/deep/b.wav", "one/c.wav", "root/d.wav")
    (tmp_path / "root/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root/c.wav").symlink_to(tmp_path / "one/c.wav")
    assert names(tmp_path / "root") == ["c.wav", "d.wav", "linked/a.wav", "linked/deep/b.wav"]


def test_loops_of_links_are_cut_and_no_folder_is_listed_twice(tmp_path: Path) -> None:
    write(tmp_path, "outside.wav", "root/a/b.wav")
    for link, target in {
        "root/up": "",
        "root/self": "root",
        "root/a/back": "root",
        "root/0": "root/a",
        "root/loop": "root/loop",
    }.items():
        (tmp_path / link).symlink_to(tmp_path / target)
    assert names(tmp_path / "root") == ["a/b.wav", "loop"]  # a link to itself is no folder: opening it fails


def test_a_link_to_a_file_that_is_listed_is_left_out_and_of_two_links_one_is_kept(tmp_path: Path) -> None:
    write(tmp_path, "root/b.wav", "far.wav")
    for link, target in {"root/a.wav": "root/b.wav", "root/c.wav": "far.wav", "root/d.wav": "far.wav"}.items():
        (tmp_path / link).symlink_to(tmp_path / target)
    kept = without_links_to_listed(list_files(tmp_path / "root").files)
    assert [file.name for file in kept] == ["b.wav", "c.wav"]


def test_depth_is_limited_where_a_limit_is_given(tmp_path: Path) -> None:
    write(tmp_path, "a", "1/b", "1/2/c")
    assert names(tmp_path, 1) == ["1/b", "a"]
    assert names(tmp_path) == ["1/2/c", "1/b", "a"]


def test_an_unreadable_folder_is_reported_and_the_others_are_listed(guarded: Path) -> None:
    write(guarded, "a/1.wav", "b/2.wav")
    (guarded / "a").chmod(0)
    listing = list_files(guarded)
    assert [file.name for file in listing.files] == ["2.wav"]
    assert [str(error) for error in listing.unreadable] == [
        f"{guarded / 'a'}: cannot be read (Permission denied). Check its permissions"
    ]
    with pytest.raises(StorageError, match=r"a: cannot be read \(Permission denied\)"):
        list_files(guarded / "a")


def test_a_file_that_cannot_be_opened_has_its_reason(guarded: Path) -> None:
    write(guarded, "a.wav", "closed/b.wav")
    os.mkfifo(guarded / "pipe.wav")
    assert why_unusable(guarded / "a.wav") is None
    assert why_unusable(guarded / "c.wav") == "no such file"
    assert why_unusable(guarded / "a.wav/d.wav") == "no such file"
    assert why_unusable(guarded / "pipe.wav") == "not a file"
    assert why_unusable(guarded / ("x" * 300)) == "cannot be read (File name too long)"
    (guarded / "closed").chmod(0)
    assert why_unusable(guarded / "closed/b.wav") == "cannot be read (Permission denied)"


@pytest.mark.parametrize("written", ["NFC", "NFD"])
def test_names_are_matched_in_the_other_normal_form(tmp_path: Path, written: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, "Fauré/Élégie.wav") for form in ("NFC", "NFD"))
    write(tmp_path, composed if written == "NFC" else decomposed)
    finder = FileFinder()
    assert finder.find(tmp_path / composed).is_file()
    assert finder.find(tmp_path / decomposed).is_file()
    assert finder.find(tmp_path / "Fauré/Pavane.wav") == tmp_path / "Fauré/Pavane.wav"


def test_an_exact_name_comes_first(tmp_path: Path) -> None:
    both = [unicodedata.normalize(form, "é.wav") for form in ("NFC", "NFD")]
    write(tmp_path, *both)
    assert [FileFinder().find(tmp_path / name).name for name in both] == both
