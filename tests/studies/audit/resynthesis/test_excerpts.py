from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.material import write_corpus
from tests.studies.audit.sounding import SIZE, sounding, struck

from affetti.presets import FRONT_ENDS
from affetti.studies.audit.answer import NotMeasurableError
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.resynthesis.excerpts import HOP, excerpts


def test_excerpts_are_the_middle_in_whole_hops(tmp_path: Path) -> None:
    context = AuditContext(sounding(tmp_path / "corpus", [struck(seed) for seed in range(4)], each=2), tmp_path)
    result = dict(excerpts(context, 3))
    size = SIZE // HOP * HOP
    assert len(result) == 3
    for row, wave in result.items():
        first = (SIZE - size) // 2
        assert np.array_equal(wave.numpy(), context.waveform(row).numpy()[first : first + size])


def test_fewer_are_among_more(tmp_path: Path) -> None:
    context = AuditContext(sounding(tmp_path / "corpus", [struck(seed) for seed in range(6)]), tmp_path)
    assert {row for row, _ in excerpts(context, 2)} < {row for row, _ in excerpts(context, 5)}


def test_silence_is_skipped(tmp_path: Path) -> None:
    silence = np.zeros(SIZE, np.float32)
    context = AuditContext(sounding(tmp_path / "corpus", [struck(0), silence, struck(2)]), tmp_path)
    assert {row for row, _ in excerpts(context, 3)} == {0, 2}


def test_excerpts_that_cannot_be_made_raise_with_the_reason(tmp_path: Path) -> None:
    silence = np.zeros(SIZE, np.float32)
    quiet = AuditContext(sounding(tmp_path / "quiet", [silence, silence]), tmp_path)
    with pytest.raises(NotMeasurableError, match="needs clips that are not silent"):
        list(excerpts(quiet, 2))
    deaf = AuditContext(write_corpus(tmp_path / "deaf"), tmp_path)
    with pytest.raises(NotMeasurableError, match="needs sound"):
        list(excerpts(deaf, 2))
    odd = replace(FRONT_ENDS["tiny"], sample_rate=16_000)
    other = AuditContext(write_corpus(tmp_path / "other", front=odd), tmp_path)
    with pytest.raises(NotMeasurableError, match="22050 samples a second"):
        list(excerpts(other, 2))
    brief = AuditContext(write_corpus(tmp_path / "brief", front=replace(FRONT_ENDS["tiny"], seconds=0.3)), tmp_path)
    with pytest.raises(NotMeasurableError, match=r"at least 0\.4 s"):
        list(excerpts(brief, 2))
