"""The augmentation study: does training on synthetic clips help on real songs never seen in training?"""
