"""Wrappers of toy, as quweit_stream.py packs for them. Rendered by quweit 0.1.0 from dump f775eaf8b8ed5ae9: do not edit."""

import quweit_stream

toy_block0 = quweit_stream.Block(
    name="toy_block0_axis",
    inputs=3,
    input_bytes=1,
    row_bytes=3,
    outputs=3,
    output_bytes=2,
    answer_bytes=6,
    rows_of_sample=1,
    input_step=0.03125,
    output_step=0.01,
    normalised=True,
)
