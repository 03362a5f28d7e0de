"""The steps from sound to a latent: their size in bits and what can be recovered."""
