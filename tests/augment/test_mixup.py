from __future__ import annotations

import numpy as np
import torch

from affetti.augment.mixup import c_mixup, mixup, partner_weights


def coded(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Clip i is one-hot at i, so a blend shows whose it is; labels lie on a line."""
    return torch.eye(count)[:, :, None].expand(-1, -1, 3).clone(), torch.linspace(-1, 1, count)[:, None].repeat(1, 2)


def test_clips_and_labels_are_blended_in_the_same_shares() -> None:
    torch.manual_seed(0)
    mel, labels = coded(32)
    for blend in (mixup, c_mixup):
        mixed, mixed_labels = blend(mel, labels)
        shares = mixed[:, :, 0]
        torch.testing.assert_close(shares.sum(dim=1), torch.ones(32))
        torch.testing.assert_close(mixed_labels, shares @ labels)
        assert ((shares > 0).sum(dim=1) <= 2).all()


def test_no_clip_is_its_own_partner_and_shares_are_uniform() -> None:
    torch.manual_seed(1)
    mel, labels = coded(16)
    shares = torch.cat([mixup(mel, labels)[0][:, :, 0].diagonal() for _ in range(200)]).numpy()
    assert (shares < 1).all()
    np.testing.assert_allclose(np.quantile(shares, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.03)


def test_partners_are_drawn_by_the_gaussian_of_the_labels_distance() -> None:
    labels = torch.tensor([[0.0, 0.0], [0.25, 0.0], [0.5, 0.0], [-0.25, 0.25]])
    weights = partner_weights(labels, 0.25)
    plain = np.exp(-np.square(labels.numpy()[:, None] - labels.numpy()[None]).sum(-1) / (2 * 0.25**2))
    np.fill_diagonal(plain, 0)
    np.testing.assert_allclose(weights / weights.sum(1, keepdim=True), plain / plain.sum(1, keepdims=True), rtol=1e-6)


def test_c_mixup_prefers_clips_of_similar_label_and_mixup_does_not() -> None:
    torch.manual_seed(2)
    mel, labels = coded(64)
    apart = {}
    for blend in (mixup, c_mixup):
        distances: list[float] = []
        for _ in range(20):
            shares = blend(mel, labels)[0][:, :, 0].clone()
            distances += (labels[:, 0] - labels[shares.fill_diagonal_(0).argmax(dim=1), 0]).abs().tolist()
        apart[blend] = np.mean(distances)
    assert apart[c_mixup] < 0.4 * apart[mixup]
    assert abs(apart[mixup] - 2 / 3) < 0.05, "two even draws on [-1, 1] lie 2/3 apart"


def test_a_clip_far_from_all_others_has_a_partner_and_a_single_clip_is_unchanged() -> None:
    labels = torch.tensor([[1.0, 1.0], [-1.0, -1.0], [-1.0, -0.99]])
    assert (partner_weights(labels, 0.01).sum(dim=1) > 0).all()
    mel = torch.randn(1, 4, 4)
    assert torch.equal(c_mixup(mel, labels[:1])[0], mel)
