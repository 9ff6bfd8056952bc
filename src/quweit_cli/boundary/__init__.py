"""What comes from outside, within bounds: files that others wrote, arrays, and the numbers and names in them."""
