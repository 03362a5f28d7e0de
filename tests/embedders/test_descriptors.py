from __future__ import annotations

import numpy as np
import pytest
import torch

from affetti.embedders.base import FunctionEmbedder
from affetti.embedders.descriptors import HANDCRAFTED, HARMONY
from affetti.signal.descriptors import EXPRESSION_NAMES, HARMONY_NAMES, expression_descriptors, harmony_descriptors


@pytest.mark.parametrize("embedder", [HARMONY, HANDCRAFTED], ids=lambda embedder: embedder.name)
def test_a_clip_has_the_vector_of_its_descriptors_alone_or_in_a_batch(embedder: FunctionEmbedder) -> None:
    clips = torch.randn(3, 22_050, generator=torch.Generator().manual_seed(0)) * torch.tensor([[0.1], [0.0], [1.0]])
    vectors = embedder.embed(clips)
    parts = [harmony_descriptors(clips[2], 22_050), expression_descriptors(clips[2], 22_050)]
    expected = np.concatenate(parts[: 1 if embedder is HARMONY else 2])
    np.testing.assert_allclose(vectors[2], expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(embedder.embed(clips[1:2])[0], vectors[1])
    assert vectors.shape == (3, len(HARMONY_NAMES) + (0 if embedder is HARMONY else len(EXPRESSION_NAMES)))
