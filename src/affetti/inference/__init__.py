"""What a trained model is used for: generate clips, predict emotion, filter, export."""
