"""The work of a LUT layer over rows: `operators` are what torch sees, `cpu` (Numba) and `gpu` (Triton) do it.

Both work on node-major tensors, [node][row], so that every read of a pin, every store of an output and every
gradient of a feature is contiguous. Both give the same bits and addresses, and the same gradients to the
rounding of a sum; all of it is deterministic: no atomics anywhere.

A wiring is five tensors, the pin first: what one pin of every LUT reads is then contiguous, too.

    row_LJ    the feature (or bit of the layer before) that a pin reads, int32
    cut_LJ    the pin's bit is `code[row] > cut`, int16 within int8's range; 0 for bits
    order_P   all pins, as `l * J + j`, sorted by what they read, int32 [L*J]
    start_I   where the pins of each source start in order_P, int32 [I + 1]
"""
