<%page args="name, dump, design, version"/>\
<% axis, decode = design.axis, design.decode %>\
# The whole model ${design.top}

Rendered by quweit ${version} from dump `${dump.digest[:16]}`. A sample goes in, its logits come out.

| module | wrapper | sample in | answer out | latency | a sample each |
|---|---|---|---|---|---|
| `${design.top}` | `${axis.top}` | ${design.features} x int${design.input_bits} | ${design.outputs} x int${design.output_bits} | ${design.latency_cycles} cycles | ${design.initiation_interval_cycles} cycles |

One systolic array of ${design.side} x ${design.side} cells, ${design.side} lanes of LayerNorm and softmax, and the blocks of all layers work one after the other.
`manifest.json` has the schedule: which engine makes which tensor, from which cycle on, for how many.

${"##"} Ports of the model

| wrapper | `s_axis_tdata` | beats a sample | `m_axis_tdata` | beats an answer |
|---|---|---|---|---|
| `${axis.top}` | ${axis.bytes_in} bytes | ${axis.input_beats} | ${axis.bytes_out} bytes | ${axis.output_beats} |

% if decode:
- *In*: requests. A word is the code of a token, 0 ... ${decode.codes - 1}; its highest bit says in the first word of a request whether it goes on from what
  is cached (1), or is a new prompt (0). TLAST marks the last word of a request, which has ${design.features} tokens at most with those that are cached.
- *Out*: logits of the token that follows the last one, in two's complement, ${design.output_bits // 8} bytes each, low byte first. A request that does not
  fit is answered by one word, `80000000`, whose TLAST is set; only a prompt is answered then.
- A prompt of n tokens takes ${design.latency_cycles - design.features} + n cycles, a token that goes on ${decode.latency_cycles}.
% else:
- *In*: pixels, channel after channel, row after row, one byte each: the 8-bit value less 128, in two's complement.
- *Out*: logits in two's complement, ${design.output_bits // 8} bytes each, low byte first. The class is the place of the largest.
- TLAST marks the last beat. On input, TLAST on an earlier beat discards the sample begun.
% endif
- The next sample is taken once the last logit has gone. Gaps and stalls of any length are allowed on both sides.

On the host, with NumPy, or in C by `host/${name}_host.h`:

```python
from ${name}_host import ${design.top}
from quweit_stream import Driver


% if decode:
def next_token(prompt, dma):
    """The likeliest token after those of a prompt; dma: an AXI DMA of PYNQ."""
    (logits,) = Driver(${design.top}, dma).run([(prompt, False)])  # True: goes on from what is cached; None: refused
    return logits.argmax()
% else:
def classes(pixels, dma):
    """8-bit pixels [images, channels, rows, columns] to a class an image; dma: an AXI DMA of PYNQ."""
    return Driver(${design.top}, dma).run(${design.top}.codes(pixels)).argmax(axis=1)
% endif
```

`ipxact/${axis.top}.xml` is the wrapper as an IP-XACT component, `vivado/${axis.top}_add.tcl` adds it to a Vivado project.

${"##"} Memories of the model

Weights, scales, positions, tables and the schedule are files of hexadecimal words, which sources name as they lie in this folder:

% for file in design.memories:
- `${file}`
% endfor

Simulate and synthesize in this folder, or give tools these files under the same names.

${"##"} Simulate the model

In this folder, with Verilator 5:

```sh
verilator --binary -CFLAGS -std=c++20 --timescale 1ns/1ps --top-module ${axis.check} -f filelists/${axis.check}.f -o check_model
obj_dir/check_model +inputs=${axis.inputs} +outputs=${design.vectors.outputs}
```

`${design.check}` is the bench of the model without its wrapper (`+inputs=${design.vectors.inputs}`). `+rows=N` plays N samples of ${design.vectors.rows}.
With FuseSoC:

```sh
fusesoc --cores-root . run --target=sim_${design.name} quweit:block:${name}
```

`quweit sim` compares every tensor on the way with the program of the model as well, and names the first number that differs.
