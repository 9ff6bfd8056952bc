"""What one can look into on the page: blocks LUT by LUT and row by row, samples layer by layer."""
