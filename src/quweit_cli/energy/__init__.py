"""Energy of one sample: cycles times power, each with where it comes from."""
