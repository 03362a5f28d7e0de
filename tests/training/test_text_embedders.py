from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetti.errors import InputError
from affetti.training.text_embedders import HashedText, text_embedder


@given(line=st.text(min_size=1, max_size=60))
def test_every_line_has_unit_length(line: str) -> None:
    result = HashedText()([line])
    assert result.shape == (1, HashedText.size)
    assert np.linalg.norm(result) == pytest.approx(1)


def test_lines_that_share_words_lie_near_each_other() -> None:
    same, near, far = HashedText()(["Sunny morning, joy", "a sunny joyful morning", "grey rain falls tonight"])
    assert same @ near > 0.5 > same @ far
    upper, alone = HashedText()(["SUNNY  morning joy!", "Sunny morning, joy"])
    np.testing.assert_array_equal(upper, alone)


def test_the_hash_is_the_same_on_every_machine() -> None:
    result = HashedText()(["joy"])[0]
    assert np.flatnonzero(result).tolist() == [8, 31, 45]
    np.testing.assert_allclose(result[[8, 31, 45]] * np.sqrt(6), [1, -1, -2])


def test_a_sentence_model_is_read_from_a_folder(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "joy", "rain", "sun"]
    (tmp_path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    transformers.BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    config = transformers.BertConfig(
        vocab_size=8, hidden_size=12, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    model = transformers.BertModel(config).eval()
    model.save_pretrained(tmp_path)
    embed = text_embedder(str(tmp_path))
    assert embed.size == 12
    features = embed(["joy", "rain rain sun"])
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(features[0], embed(["joy"])[0], atol=1e-5)  # padding has no say


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    with pytest.raises(InputError, match="cannot be loaded"):
        text_embedder(str(tmp_path))
