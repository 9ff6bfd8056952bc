"""Primitives of a LUT layer on node-major tensors; `plain` is plain torch, for any device."""
