"""What all tests share: real data, a folder of small songs, and the command line called in this process."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

RATE = 22_050

# A shell that starts the suite in the background has it ignore SIGINT, and every process it starts: tests of Ctrl-C set
# the handler that Python sets in the foreground.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Worker processes import the tasks that tests hand them, by the name of their module: tests.execution.test_local.
sys.path.insert(0, str(Path(__file__).parents[1]))


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """Features are kept in a folder of this session's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFFETTI_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real music and labels that lies beside the project."""
    folder = os.environ.get("AFFETTI_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("AFFETTI_TEST_DATA names no folder of real music")
    return Path(folder)


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line on stderr beside progress and notes."""
        lines = [line for line in self.err.splitlines() if not re.match(r"note: |skipped |[\w ]+: \d+/\d+", line)]
        assert len(lines) == 1, self.err
        return lines[0]


@pytest.fixture
def affetti(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """``affetti(*arguments)`` runs the command line in this process."""
    from affetti.cli.main import main

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        reported = capsys.readouterr()
        return Ran(code, reported.out, reported.err)

    return run


CAPABILITIES_VERSION = 0x20080522
PASSES_PERMISSIONS = 0b110
"""The capabilities CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, by which root can read any file."""


def _effective_capabilities(cleared: int = 0) -> bool:
    """Whether root's thread could be made to obey permissions; ``cleared`` are the capabilities to give up for now."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "capset"):
        return False
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()  # twice: effective, permitted, inheritable
    if libc.capget(header, sets) != 0:
        return False
    sets[0] = sets[1] & ~cleared
    return libc.capset(header, sets) == 0


@pytest.fixture
def guarded(tmp_path: Path) -> Generator[Path]:
    """A folder in which this thread obeys permissions, as root too."""
    folder = tmp_path / "guarded"
    folder.mkdir()
    is_root = os.geteuid() == 0
    if is_root and not _effective_capabilities(PASSES_PERMISSIONS):
        pytest.skip("permissions do not stop root, and this system does not let root give that up")
    yield folder
    if is_root:
        _effective_capabilities()
    for path in [folder, *sorted(folder.rglob("*"))]:
        if not path.is_symlink():
            path.chmod(0o700)


def music(seed: int, seconds: float = 6.5, rate: int = RATE) -> NDArray[np.float32]:
    """A chord that beats, over a little noise: enough for any front-end."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    chord = sum(np.sin(2 * np.pi * pitch * time) for pitch in rng.uniform(110, 2_000, 4))
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * rng.uniform(0.5, 4) * time)
    return (0.08 * chord * swell + 0.01 * rng.normal(size=len(time))).astype(np.float32)


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """``make_folder(n)`` writes ``n`` small songs and their ``labels.csv`` on the scale -1..1."""

    def make(count: int = 4, seconds: float = 6.5, name: str = "songs") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        rng = np.random.default_rng(count)
        lines = ["file,valence,arousal,artist,genre"]
        for i in range(count):
            soundfile.write(folder / f"song{i}.wav", music(i, seconds), RATE)
            valence, arousal = rng.uniform(-0.9, 0.9, 2) if i else (-0.5, 0.5)
            lines.append(f"song{i}.wav,{valence:.3f},{arousal:.3f},artist {i},{('rock', 'jazz')[i % 2]}")
        (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return folder

    return make


def pytest_addoption(parser: pytest.Parser) -> None:
    """The browser of the tests in ``tests/web``; by default the system's Chromium."""
    parser.addoption("--browser-executable", default=None, help="Chromium to test the page of affetti serve with")
