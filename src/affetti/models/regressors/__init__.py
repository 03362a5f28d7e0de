"""Regressors: models that predict valence and arousal from a log-mel."""
