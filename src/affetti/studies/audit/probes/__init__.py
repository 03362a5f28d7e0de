"""Probes: what can be predicted from features by linear models, tested on held-out songs."""
