"""An emotion regressor as an embedder: the input of the last linear layer of a run that affetti trained.

It represents what distinguishes emotions and is blind to the rest.

When not to use: on songs that the regressor was trained on; :func:`affetti.embedders.base.require_unseen` refuses them.
"""

from __future__ import annotations

from torch import Tensor, nn

from affetti.embedders.base import FunctionEmbedder
from affetti.errors import UsageError
from affetti.training import run as runs


def regressor_embedder(path: str, device: str = "cpu") -> FunctionEmbedder:
    """The last hidden layer of a trained regressor: ``[B, 64]`` of a ``student``.

    Args:
        path: its run folder.
        device: where it runs.

    Raises:
        UsageError: the run is not a regressor, or is a linear one, which has no hidden layer.
        StorageError, MismatchError: see :func:`affetti.training.run.load`.
    """
    trained = runs.load(path)
    layers = [module for module in trained.model.modules() if isinstance(module, nn.Linear)]
    if trained.kind not in runs.REGRESSORS or not layers:
        raise UsageError(f"a {trained.kind} has no features of emotion", where=path, hint="give a run of a student")

    network = trained.model.to(device)

    def embed(mel: Tensor) -> Tensor:
        hidden: list[Tensor] = []
        hook = layers[-1].register_forward_pre_hook(lambda _layer, inputs: hidden.append(inputs[0]))
        try:
            network(mel.to(device))
        finally:
            hook.remove()
        return hidden[0]

    version = f"regressor-1-{trained.meta.weights_sha256[:12]}"
    return FunctionEmbedder(
        "regressor", version, embed, front_end=trained.front_end, trained_on=frozenset(trained.songs)
    )
