<%page args="module, block, near, sources, height, after, before, header"/>\
<%
  bits = block.features_per_beat * block.input_bits
  beats, row_beats, kept = block.input_beats, near.row_beats, near.kept_tokens
  wide = lambda largest: max(1, largest.bit_length())
  beat_bits, row_bits, token_bits = wide(beats - 1), wide(row_beats - 1), wide(kept - 1)
  down_bits, right_bits, place_bits = wide(height - 1), wide(near.width - 1), wide(near.tokens - 1)
  count_bits = max(wide(kept), place_bits)
  counter_bits = {"down": down_bits, "right": right_bits}
  inside = lambda bound: f"({bound.counter}_q {'>=' if bound.at_least else '<'} {counter_bits[bound.counter]}'d{bound.value})"
  exists = lambda source: "1'b0" if source.bounds is None else " && ".join(map(inside, source.bounds))
%>\
${header}
// Neighbours of block ${block.name}: takes the rows of whole samples of ${near.tokens} tokens, ${near.width} from one to the one below it,
// and gives each row twice as wide: its own features, then those of the tokens around, 0 where there is none.
//
// A memory of ${kept} tokens, one beat written and one read a cycle. A token is given once all that it reads has come; the last
// ones of a sample wait for nothing. x_last on an earlier beat discards what has come of the row.

`default_nettype none

module ${module} (
  input  logic clk_i,
  input  logic rst_ni,

  input  logic x_valid_i,
  output logic x_ready_o,
  input  logic [${bits - 1}:0] x_data_i,
  input  logic x_last_i,

  output logic y_valid_o,
  input  logic y_ready_i,
  output logic [${bits - 1}:0] y_data_o,
  output logic y_last_o
);

  (* ram_style = "distributed" *) logic [${bits - 1}:0] memory [${kept << beat_bits}];  // token, then beat

  // ---------------------------------------------------------------- rows in
  logic [${count_bits - 1}:0] ahead_q;  // tokens that have come and are not given yet
  logic [${token_bits - 1}:0] in_token_q;
  logic [${beat_bits - 1}:0] in_beat_q;
  logic take, token_in, token_out;

  assign x_ready_o = ahead_q < ${count_bits}'d${kept - before};
  assign take      = x_valid_i && x_ready_o;
  assign token_in  = take && (in_beat_q == ${beat_bits}'d${beats - 1});

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      ahead_q    <= '0;
      in_token_q <= '0;
      in_beat_q  <= '0;
    end else begin
      ahead_q <= ahead_q + ${count_bits}'(token_in) - ${count_bits}'(token_out);
      if (take) in_beat_q <= (token_in || x_last_i) ? '0 : in_beat_q + 1'b1;
      if (token_in) in_token_q <= in_token_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (take) memory[{in_token_q, in_beat_q}] <= x_data_i;
  end

  // ---------------------------------------------------------------- rows out
  logic [${token_bits - 1}:0] out_token_q;
  logic [${row_bits - 1}:0] out_beat_q;
  logic [${place_bits - 1}:0] left_q;  // tokens of the sample that follow this one
  logic [${down_bits - 1}:0] down_q;
  logic [${right_bits - 1}:0] right_q;
  logic complete, load;

  assign complete  = (ahead_q > ${count_bits}'(left_q)) || (ahead_q > ${count_bits}'d${after});
  assign load      = complete && (!y_valid_o || y_ready_i);
  assign token_out = load && (out_beat_q == ${row_bits}'d${row_beats - 1});

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      out_token_q <= '0;
      out_beat_q  <= '0;
      left_q      <= ${place_bits}'d${near.tokens - 1};
      down_q      <= '0;
      right_q     <= '0;
    end else begin
      if (load) out_beat_q <= token_out ? '0 : out_beat_q + 1'b1;
      if (token_out) begin
        out_token_q <= out_token_q + 1'b1;
        left_q      <= (left_q == '0) ? ${place_bits}'d${near.tokens - 1} : left_q - 1'b1;
        right_q     <= (right_q == ${right_bits}'d${near.width - 1}) ? '0 : right_q + 1'b1;
        if (right_q == ${right_bits}'d${near.width - 1}) begin
          down_q <= (down_q == ${down_bits}'d${height - 1}) ? '0 : down_q + 1'b1;
        end
      end
    end
  end

  // ---------------------------------------------------------------- whose features a beat holds
  logic [${token_bits - 1}:0] distance, source;
  logic exists;
  logic [${beat_bits - 1}:0] beat;

  always_comb begin
    beat = ${beat_bits}'((out_beat_q < ${row_bits}'d${beats}) ? out_beat_q : out_beat_q - ${row_bits}'d${beats});
    if (out_beat_q < ${row_bits}'d${beats}) begin
      distance = '0;
      exists   = 1'b1;
% for source in sources[:-1]:
    end else if (out_beat_q < ${row_bits}'d${source.last_beat}) begin  // ${source.part.down} down, ${source.part.right} right
      distance = ${token_bits}'d${source.distance};
      exists   = ${exists(source)};
% endfor
    end else begin  // ${sources[-1].part.down} down, ${sources[-1].part.right} right
      distance = ${token_bits}'d${sources[-1].distance};
      exists   = ${exists(sources[-1])};
    end
    source = out_token_q + (exists ? distance : '0);  // never a place that nothing was written to
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      y_valid_o <= 1'b0;
      y_last_o  <= 1'b0;
    end else if (!y_valid_o || y_ready_i) begin
      y_valid_o <= complete;
      y_last_o  <= out_beat_q == ${row_bits}'d${row_beats - 1};
    end
  end

  always_ff @(posedge clk_i) begin
    if (load) y_data_o <= exists ? memory[{source, beat}] : '0;
  end

endmodule

`default_nettype wire
