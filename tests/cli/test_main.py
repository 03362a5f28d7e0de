from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from affetti.cli.main import VERBS, main
from affetti.corpus import Corpus

Affetti = Callable[..., Any]


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_help_lists_every_verb(affetti: Affetti, arguments: list[str]) -> None:
    ran = affetti(*arguments)
    assert ran.code == 0
    assert all(f"  {verb} " in ran.out for verb in VERBS)
    assert ran.err == ""


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*verb.split(), "--help"])
    assert stopped.value.code == 0
    reported = capsys.readouterr()
    assert f"affetti {verb}" in reported.out
    assert "--json" in reported.out
    assert not re.search(r"\(default:\s+(None|False)?\)|\{None\}", reported.out), "helptexts tell the true defaults"
    assert reported.err == ""


@pytest.mark.parametrize(
    "arguments",
    [
        "prepare folder:{closed}/songs --out {out}",
        "prepare folder:{closed} --out {out}",
        "prepare composed --clips 16 --out {closed}/corpus",
        "train student --corpus {closed}/corpus --out {out}",
        "train student --corpus {closed} --out {out}",
        "generate --model {closed}/run --n 2 --out {out}",
        "score {closed} {closed}",
        "score {closed}/real {closed}/fake.npy",
        "predict {closed} {closed}/song.wav --model {closed}/run",
        "export --model {closed}/run --out {out}.onnx",
        "compare --corpus {closed}/corpus --out {out}",
        "audit {closed}/corpus --out {out}",
        "report {closed}/corpus --out {out}.html",
        "report {closed} --out {out}.html",
        "train student --config {closed}/config.toml",
    ],
)
def test_an_unreadable_folder_is_reported_in_one_line(affetti: Affetti, guarded: Path, arguments: str) -> None:
    closed = guarded / "closed"
    closed.mkdir()
    closed.chmod(0)
    ran = affetti(*arguments.format(closed=closed, out=guarded / "out").split())
    assert ran.code == 2
    assert "Permission denied" in ran.complaint
    assert str(closed) in ran.complaint


def test_the_version_is_the_packages(affetti: Affetti) -> None:
    from importlib.metadata import version

    assert affetti("--version").out == f"affetti {version('affetti')}\n"


def test_help_of_a_group_lists_its_verbs(affetti: Affetti) -> None:
    ran = affetti("listen", "--help")
    assert (ran.code, ran.err) == (0, "")
    named = [verb for verb in VERBS if f"  {verb} " in ran.out]
    assert named == ["listen new", "listen serve", "listen results"]
    assert VERBS["listen new"] in ran.out


@pytest.mark.parametrize(
    ("verb", "hint"),
    [
        ("trian", "Did you mean train?"),
        ("scroe", "Did you mean score?"),
        ("xyzzy", "Choose from"),
        ("listen", "listen serve"),
    ],
)
def test_an_unknown_verb_is_refused_with_a_suggestion(affetti: Affetti, verb: str, hint: str) -> None:
    ran = affetti(verb)
    assert ran.code == 2
    assert ran.out == ""
    assert f"there is no verb '{verb}'" in ran.complaint
    assert hint in ran.complaint


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "flow", "--corpus", "x"], "--out"),
        (["train"], "Missing from affetti train: {gan,waveform,flow,vocoded,vit,student,baseline}"),
        (["train", "vgg", "--corpus", "x", "--out", "y"], "vgg"),
        (["generate", "--model", "x", "--out", "y"], "--n"),
        (["generate", "--model", "x", "--n", "many", "--out", "y"], "many"),
        (["score", "x"], "FAKE"),
        (["predict", "song.wav"], "song.wav"),
        (["compare", "--corpus", "x"], "--out"),
        (["train", "flow", "--corpus", "x", "--out", "y", "--setps", "3"], "--steps"),
        (["demo", "--sise", "small"], "--size"),
        (["demo", "--size", "huge"], "huge"),
        (["train", "flow", "--corpus", "nowhere", "--out", "y"], "nowhere: no such corpus"),
        (["generate", "--model", "nowhere", "--n", "1", "--out", "y"], "nowhere: no such folder"),
        (["predict", "song.wav", "--model", "nowhere"], "nowhere: no such folder"),
        (["score", "nowhere", "there"], "nowhere: no such corpus, folder or .npy"),
        (["report", "nowhere", "--out", "x.html"], "nowhere"),
    ],
)
def test_bad_usage_is_reported_in_one_line(
    affetti: Affetti,
    arguments: list[str],
    says: str,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = affetti(*arguments)
    assert ran.code == 2
    assert ran.out == ""
    assert says in ran.complaint
    assert ran.complaint.startswith("affetti: ")
    assert not list(tmp_path.iterdir()), "something was written"


def test_windows_is_refused_in_one_line_that_says_where_it_works(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert main(["doctor"]) == 2
    reported = capsys.readouterr()
    assert reported.out == ""
    assert reported.err.count("\n") == 1
    assert "WSL 2" in reported.err


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("prepare", ["composed", "--clips", "16"]),
        ("generate", ["--model", "nowhere", "--n", "2"]),
        ("compare", ["--corpus", "CORPUS"]),
        ("audit", ["CORPUS"]),
        ("score", ["nowhere", "nowhere"]),
    ],
)
def test_an_engine_that_does_not_exist_is_refused(
    affetti: Affetti, corpus: Corpus, tmp_path: Path, verb: str, arguments: list[str], dry_run: bool
) -> None:
    given = [str(corpus.path) if argument == "CORPUS" else argument for argument in arguments]
    flags = ["--dry-run"] if dry_run and verb != "score" else []
    ran = affetti(verb, *given, "--out", tmp_path / "out", "--engine", "moon", *flags)
    assert ran.code == 2
    assert "--engine: there is no engine 'moon'. Choose from local, ray, slurm" in ran.complaint
    assert not list(tmp_path.iterdir())


def test_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m affetti.cli.main --help | true; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["/bin/bash", "-c", command], capture_output=True, text=True, check=False)
    assert ended.returncode == 0
    assert ended.stderr == ""


def test_an_interruption_ends_with_130(affetti: Affetti, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_arguments: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("affetti.cli.doctor.run", stop)
    monkeypatch.setattr("affetti.cli.audit.run", stop)
    for verb, reported in (("audit", "run the same command again to continue"), ("doctor", "start it again")):
        ran = affetti(verb)
        assert ran.code == 130
        assert reported in ran.err


@pytest.mark.parametrize("arguments", ["--help", "doctor --help"])
def test_help_does_not_depend_on_docstrings(arguments: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-OO", "-m", "affetti", *arguments.split()], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "report what works here" in ended.stdout
    assert "Flags(" not in ended.stdout


def test_a_generator_is_refused_as_regressor(
    affetti: Affetti, corpus: Corpus, run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    ran = affetti("score", corpus.path, corpus.path, "--regressor", run_of("gan"), "--out", tmp_path / "out")
    assert ran.code == 2
    assert "gan" in ran.complaint
