"""Questions answered: the scorecard of a synthetic set, and the augmentation study."""
