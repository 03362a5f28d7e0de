"""A short form of the campaign: nothing is lost, made up, hung, or ends in a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

CAMPAIGN = Path(__file__).parents[1] / "bench" / "campaign.py"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the campaign needs /proc and fork")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("campaign")


@pytest.mark.parametrize(("part", "count"), [("kills", 4), ("inputs", 40), ("machine", 4), ("requests", 2)])
def test_a_short_campaign_finds_nothing(folder: Path, part: str, count: int) -> None:
    command = [sys.executable, str(CAMPAIGN), part, "--cases", str(count), "--minutes", "30", "--folder", str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr[-2000:]
