"""Training objectives, one file each: the losses and the update of one training step."""
