"""From PyTorch to integers, and the proof that both are equal."""
