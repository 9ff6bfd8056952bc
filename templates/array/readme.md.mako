<%page args="name, arrays, products, version"/>\
# Systolic arrays beside ${name}

% if arrays[0].few_bits:
Rendered by quweit ${version}. Output-stationary, int8 results, no DSP and no multiplier: A has weights of -1, 0 and 1 in the lowest
two bits of each element, B is int8, sums have ${arrays[0].few_bits} bits.
% else:
Rendered by quweit ${version}. Output-stationary, int8 operands, int32 sums, int8 results, no DSP.
% endif

| array | module | cells | beat |
|---|---|---|---|
% for array in arrays:
| ${array.name} | `${array.top}` | ${array.side} x ${array.side} | ${array.side} elements of A and ${array.side} of B |
% endfor

| product | rows x inner x columns | copies in a layer | results |
|---|---|---|---|
% for product in products:
| ${product.name} | ${product.rows} x ${product.inner} x ${product.columns} | ${product.copies} | (sum*${product.multiplier} + 2^${product.shift - 1}) >> ${product.shift}, clamped to int8 |
% endfor

% for array in arrays:
% if array.causal:
Causal attention without masked tiles on ${array.name}, a product a row of tiles: the heads stand below one
another, each with a right side of its own.

| product | rows x inner x columns | results |
|---|---|---|
% for product in array.causal:
| ${product.name} | ${product.rows} x ${product.inner} x ${product.columns} | (sum*${product.multiplier} + 2^${product.shift - 1}) >> ${product.shift}, clamped to int8 |
% endfor

% endif
% endfor
${"##"} Ports

| port | meaning |
|---|---|
| `clk_i`, `rst_ni` | clock; asynchronous reset of the control, to be held for 2 x side cycles; from its first moment, with or without a clock, `y_valid_o` and `y_last_o` are low, `job_ready_o` and `x_ready_o` high |
| `job_*` | one product: rows, inner, columns and the scale of its results; taken when the one before is done |
| `x_valid_i`, `x_ready_o`, `x_a_i`, `x_b_i` | one step of the inner dimension: side elements of a column of A and of a row of B, lane 0 in the low bits, zeros beyond the edge; for each row tile, for each column tile, all of inner |
| `y_valid_o`, `y_data_o`, `y_last_o` | one row of a tile of results, tiles in the order of the operands; `y_last_o` on the last row of a product |
| `y_ready_i` | the receiver has room for a whole tile (side rows); rows follow one another without asking again |

`tb/vectors/` holds the matrices, one element a line, a row after the other; `<array>.jobs.hex` and
`<array>.results.hex` say where each begins. `manifest.json` holds every file's SHA-256.
