<%page args="top, plan, blocks, header"/>\
<%
  memories, side, text = plan.memories, plan.side, plan.text
  data_bits = text.word_bits if text else 8
  gated = plan.gate is not None
  steps = 7 if gated else 4  # from a row to the latest result that is written

  def of_lane(lane):
      return ",\n      ".join(f".{name} ({value})" for name, value in lane.parameters.items())
%>\
${header}
// A whole model: ${"tokens" if text else "pixels"} in, logits out. See the schedule of the package for what happens when.
//
// Words of activations and of the residual stream hold a feature of ${side} tokens. A product of matrices has weights as its left side and
// activations as its right one, so that what leaves the array has that form again.

`default_nettype none

module ${top} (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        x_valid_i,
  output logic        x_ready_o,
  input  logic [${data_bits - 1}:0]  x_data_i,
  input  logic        x_last_i,
  output logic        y_valid_o,
  input  logic        y_ready_i,
  output logic [31:0] y_data_o,
  output logic        y_last_o
);

  localparam integer Side           = ${side};
  localparam integer Units          = ${plan.lanes};  // of normalisation and of softmax
  localparam integer LaneBits       = ${side.bit_length() - 1};
  localparam integer ActivationBits = ${plan.address_bits("activations")};
  localparam integer ResidualBits   = ${plan.address_bits("positions")};
  localparam integer OutputBits     = ${plan.bits_of(plan.logits)};

  // ---------------- the schedule

  logic [${plan.job_bits - 1}:0] job;
  logic [${plan.address_bits("jobs") - 1}:0] job_place, first_job, last_job;
  logic start, loads, loaded, gives, given;
  logic refuses, refused, ends;                 // a sample that is answered at once, or goes on without an answer
  logic [19:0]         read_offset, write_offset;
  logic [LaneBits-1:0] first_lane;              // of the tokens of a block
  logic                row_counts;              // a row of results is written
% if text:
  logic [Side-1:0]     lanes;                   // of them that are
  logic [15:0]         query_tile;              // tokens whose attention is computed
  logic [15:0]         latest_part;             // of the units, in which the latest token is
  logic [LaneBits-1:0] latest_lane;
  logic                is_step;                 // a decode step runs
  logic                vector_valid;
  logic [15:0]         vector;
% endif
% for name, first, bits in plan.fields:
  logic [${bits - 1}:0] job_${name};
% endfor
% for name, first, bits in plan.fields:
  assign job_${name} = job[${first} +: ${bits}];
% endfor

  quweit_rom #(
    .Words    (${plan.places}),
    .Bits     (${plan.job_bits}),
    .Contents ("${memories["jobs"].file}")
  ) u_jobs (
    .clk_i,
    .address_i (job_place),
    .data_o    (job)
  );

  quweit_model_sequencer #(
    .Jobs  (${plan.places}),
    .Rests (${1 if plan.rests else 0})
  ) u_sequencer (
    .clk_i,
    .rst_ni,
    .loaded_i  (loaded),
    .refuses_i (refuses),
    .first_i   (first_job),
    .last_i    (last_job),
    .leaves_i  (${"leaves" if plan.exits else "1'b0"}),
    .rest_i    (${"rest_job" if plan.rests else f"{plan.address_bits('jobs')}'d0"}),
    .answers_i (ends),
    .given_i   (given),
    .cycles_i  (job_cycles),
    .job_o     (job_place),
    .loads_o   (loads),
    .start_o   (start),
    .gives_o   (gives)
  );

  logic is_product, is_norm, is_softmax, is_sum, is_block, is_embed, is_exit;
% if plan.exits:
  logic leaves;  // a sample does, with the logits of an exit
% if plan.rests:
  logic [${plan.address_bits("jobs") - 1}:0] rest_job;  // of a token that does: keys and values of later layers

  assign rest_job = ${plan.address_bits("jobs")}'(job_result_base + 20'd${len(plan.jobs) + len(plan.steps)});
% endif
% endif
  logic to_activations, to_table, to_residual, to_logits, to_gate;

% for place, kind in enumerate(plan.kinds):
  assign is_${kind} = (job_kind == 3'd${place});
% endfor
% for place, sink in enumerate(plan.sinks):
  assign to_${sink} = (job_sink == 3'd${place});
% endfor
% if text:
  logic to_keys, to_values;

% for place, cache in enumerate(plan.caches[1:], 1):
  assign to_${cache} = (job_cache == 2'd${place});
% endfor
% endif

  // ---------------- memories

  logic [Side-1:0]           activation_write, residual_write;
  logic [ActivationBits-1:0] activation_write_address, a_address, b_address;
  logic [Side*8-1:0]         activation_data, a_word, b_word, weights;
  logic [ResidualBits-1:0]   residual_write_address, residual_address;
% if text:
  logic [ResidualBits-1:0]   position_address;
% endif
  logic [Side*16-1:0]        residual_data, residual_word, positions;
  logic [Side*38-1:0]        scales, scale_word;
  logic [37:0]               first_scale;
  logic [${plan.address_bits("weights") - 1}:0] weight_address;
  logic [${plan.address_bits("scales") - 1}:0] scale_address;

% if plan.few_bit_steps > 1:
  // A product with weights of few bits reads ${plan.few_bit_steps} words a cycle: each is in a memory of its own.
  localparam integer Steps    = ${plan.few_bit_steps};
  localparam integer StepBits = ${plan.few_bit_steps.bit_length() - 1};
% for port in ("a", "b"):
  logic [Steps*Side*8-1:0]            ${port}_words;
  logic [ActivationBits-StepBits-1:0] ${port}_row;
  logic [StepBits-1:0]                ${port}_place_q;

  assign ${port}_row  = (job_few_bits && !job_${port}_weights) ? (ActivationBits - StepBits)'(feed_${port}) : ${port}_address[ActivationBits-1:StepBits];
  assign ${port}_word = ${port}_words[${port}_place_q*Side*8 +: Side*8];

  always_ff @(posedge clk_i) ${port}_place_q <= ${port}_address[StepBits-1:0];

% for step in range(plan.few_bit_steps):
  quweit_memory #(
    .Words (${plan.activations // plan.few_bit_steps}),
    .Lanes (Side)
  ) u_${plan.activation_memory(port, step)} (
    .clk_i,
    .write_i         (activation_write & {Side{activation_write_address[StepBits-1:0] == StepBits'(${step})}}),
    .write_address_i (activation_write_address[ActivationBits-1:StepBits]),
    .write_data_i    (activation_data),
    .read_address_i  (${port}_row),
    .read_data_o     (${port}_words[${step}*Side*8 +: Side*8])
  );

% endfor
% endfor
% else:
% for port in ("a", "b"):
  quweit_memory #(
    .Words (${plan.activations}),
    .Lanes (Side)
  ) u_activations_${port} (
    .clk_i,
    .write_i         (activation_write),
    .write_address_i (activation_write_address),
    .write_data_i    (activation_data),
    .read_address_i  (${port}_address),
    .read_data_o     (${port}_word)
  );

% endfor
% endif
  quweit_memory #(
    .Words (${plan.residual}),
    .Lanes (Side),
    .Bits  (16)
  ) u_residual (
    .clk_i,
    .write_i         (residual_write),
    .write_address_i (residual_write_address),
    .write_data_i    (residual_data),
    .read_address_i  (residual_address),
    .read_data_o     (residual_word)
  );

% if plan.few_bit_words:
  logic [Side*${2 * plan.few_bit_steps}-1:0] few_weights;

  quweit_rom #(
    .Words    (${memories["few_bit_weights"].words}),
    .Bits     (Side*${2 * plan.few_bit_steps}),
    .Contents ("${memories["few_bit_weights"].file}")
  ) u_few_bit_weights (
    .clk_i,
    .address_i (${plan.address_bits("few_bit_weights")}'(job_a_weights ? feed_a : feed_b)),
    .data_o    (few_weights)
  );

% endif
% for name, bits, address, data in (("positions", 16, "position_address" if text else "residual_address", "positions"), ("weights", 8, "weight_address", "weights"), ("scales", 38, "scale_address", "scale_word")):
  quweit_rom #(
    .Words    (${memories[name].words}),
    .Bits     (Side*${bits}),
    .Contents ("${memories[name].file}")
  ) u_${name} (
    .clk_i,
    .address_i (${address}),
    .data_o    (${data})
  );

% endfor
  // ---------------- the array

  logic [19:0]        feed_a, feed_b, result_address;
  logic               beat, row, unused_job_ready, unused_x_ready, unused_y_last;
  logic [Side*32-1:0] sums;
  logic [15:0]        row_tile, column_tile;
  logic [LaneBits-1:0] row_place;

  quweit_product_feeder #(
    .Side (Side)
  ) u_feeder (
    .clk_i,
    .rst_ni,
    .start_i     (start && is_product),
    .rows_i      (job_rows),
    .inner_i     (job_inner),
    .columns_i   (job_columns),
    .a_base_i    (job_a_base),
    .a_step_i    (20'(job_a_step)),
    .b_base_i    (job_b_base + read_offset),
    .b_step_i    (20'(job_b_step)),
    .a_address_o (feed_a),
    .b_address_o (feed_b),
    .beat_o      (beat)
  );

  assign weight_address = ${plan.address_bits("weights")}'(job_a_weights ? feed_a : feed_b);
% if plan.few_bit_words:

  // Products with weights of few bits have an array of their own, without multipliers.
  logic               byte_row, few_bit_row;
  logic [Side*32-1:0] byte_sums, few_bit_sums;

  assign row  = byte_row || few_bit_row;
  assign sums = job_few_bits ? few_bit_sums : byte_sums;

  quweit_few_bits_array #(
    .Side    (Side),
    .SumBits (${plan.few_bit_sum_bits}),
    .Steps   (${plan.few_bit_steps}),
    .Columns (${plan.few_bit_columns})
  ) u_few_bits_array (
    .clk_i,
    .rst_ni,
    .job_valid_i     (start && is_product && job_few_bits),
    .job_rows_i      (job_rows),
    .job_inner_i     (job_inner),
    .job_columns_i   (job_columns),
    .weights_right_i (job_b_weights),
    .x_valid_i       (beat && job_few_bits),
    .weights_i       (few_weights),
    .a_i             (${"a_words" if plan.few_bit_steps > 1 else "a_word"}),
    .b_i             (${"b_words" if plan.few_bit_steps > 1 else "b_word"}),
    .y_valid_o       (few_bit_row),
    .y_data_o        (few_bit_sums)
  );
% endif

  quweit_systolic #(
    .Side (Side),
    .Sums (1)
  ) u_array (
    .clk_i,
    .rst_ni,
    .job_valid_i      (start && is_product${" && !job_few_bits" if plan.few_bit_words else ""}),
    .job_ready_o      (unused_job_ready),
    .job_rows_i       (job_rows),
    .job_inner_i      (job_inner),
    .job_columns_i    (job_columns),
    .job_multiplier_i (7'd0),
    .job_shift_i      (5'd0),
    .swapped_i        (1'b0),
    .x_valid_i        (beat${" && !job_few_bits" if plan.few_bit_words else ""}),
    .x_ready_o        (unused_x_ready),
    .x_a_i            (job_a_weights ? weights : a_word),
    .x_b_i            (job_b_weights ? weights : b_word),
    .y_valid_o        (${"byte_row" if plan.few_bit_words else "row"}),
    .y_ready_i        (1'b1),
    .y_data_o         (${"byte_sums" if plan.few_bit_words else "sums"}),
    .y_last_o         (unused_y_last)
  );

  quweit_product_writer #(
    .Side (Side)
  ) u_writer (
    .clk_i,
    .start_i       (start),
    .rows_i        (job_rows),
    .columns_i     (job_columns),
    .base_i        (job_result_base + write_offset),
    .row_step_i    (20'(job_row_step)),
    .column_step_i (20'(job_column_step)),
    .row_i         (row),
    .address_o     (result_address),
    .row_tile_o    (row_tile),
    .column_tile_o (column_tile),
    .row_o         (row_place)
  );

  // ---------------- its results: bias, shift, clamp; then a table, a gate, or the residual stream

  logic [Side*32-1:0]  sums_q, results;
  logic [LaneBits-1:0] row_place_q;
  logic [${steps - 1}:0]          row_q;
  logic [19:0]         address_q [${steps}];
  logic [Side*16-1:0]  addend_q [2];
  logic [Side*8-1:0]   bytes_q;
  logic [Side*16-1:0]  halves_q;
  logic [31:0]         logit_q;
  logic                result_valid;   // with the three above
  logic [19:0]         result_place;

% if gated:
  // Words of the gate and of the residual stream are read when the results that they belong to are there.
  logic [19:0]         gated_place;
  logic [Side*16-1:0]  gated;

  assign gated_place  = address_q[2];
  assign result_valid = to_gate ? row_q[6] : row_q[3];
  assign result_place = to_gate ? address_q[6] : address_q[3];
% else:
  assign result_valid = row_q[3];
  assign result_place = address_q[3];
% endif

  assign scale_address = ${plan.address_bits("scales")}'(job_scale_base
                       + (job_scale_by_row ? row_tile : job_scale_by_column ? column_tile : 16'd0));

  assign first_scale = scale_word[37:0];

  always_comb begin
    for (int lane = 0; lane < Side; lane++) begin
      scales[lane*38 +: 38] = job_scale_by_row    ? scale_word[row_place_q*38 +: 38]
                            : job_scale_by_column ? scale_word[lane*38 +: 38] : first_scale;
    end
  end

  quweit_rescale #(
    .Lanes (Side)
  ) u_rescale (
    .clk_i,
    .sums_i    (sums_q),
    .scales_i  (scales),
    .bits_i    (to_logits ? 6'd32 : to_residual ? 6'd16 : 6'd8),
    .results_o (results)
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) row_q <= '0;
    else         row_q <= {row_q[${steps - 2}:0], row && row_counts};
  end

  always_ff @(posedge clk_i) begin
    sums_q       <= sums;
    row_place_q  <= row_place;
    address_q[0] <= result_address;
    for (int step = 1; step < ${steps}; step++) address_q[step] <= address_q[step-1];
    addend_q[0] <= job_from_positions ? positions : residual_word;
    addend_q[1] <= addend_q[0];
  end

  function automatic logic [15:0] sum_of(input logic [15:0] x, input logic [15:0] y);
    logic signed [16:0] sum;
    sum    = 17'($signed(x)) + 17'($signed(y));
    sum_of = (sum > 17'sd32767) ? 16'h7fff : (sum < -17'sd32768) ? 16'h8000 : sum[15:0];
  endfunction

% if gated:
  quweit_gate #(
    .Lanes (Side)
  ) u_gate (
    .clk_i,
    .values_i  (bytes_q),
    .gates_i   (a_word),
    .shift_i   (job_number[5:0]),
    .results_o (gated)
  );

% endif
% if plan.table_entries:
  logic [Side*8-1:0] looked_up;

  for (genvar lane = 0; lane < Side; lane++) begin : gen_table
    quweit_rom #(
      .Words    (${memories["tables"].words}),
      .Bits     (8),
      .Contents ("${memories["tables"].file}")
    ) u_tables (
      .clk_i,
      .address_i (${plan.address_bits("tables")}'({job_number, results[lane*32 +: 8]})),
      .data_o    (looked_up[lane*8 +: 8])
    );
  end

% endif
  always_ff @(posedge clk_i) begin
    for (int lane = 0; lane < Side; lane++) begin
      bytes_q[lane*8 +: 8]    <= results[lane*32 +: 8];
      halves_q[lane*16 +: 16] <= sum_of(${"to_gate ? gated[lane*16 +: 16] : " if gated else ""}results[lane*32 +: 16], addend_q[1][lane*16 +: 16]);
    end
    logit_q <= results[${"latest_lane*32 +: 32" if text else "31:0"}];
  end

  logic [31:0] logits_q [${plan.logits}];
  always_ff @(posedge clk_i) if (result_valid && to_logits) logits_q[OutputBits'(result_place)] <= logit_q;

  // ---------------- normalisation and softmax: a unit a token, of all tokens of a word or of a part of them

  logic              element, take, answers;
  logic [19:0]       lane_read, lane_write;
  logic [15:0]        group, part;
  logic [Units-1:0]   norm_valid, softmax_valid, unused_norm_ready, unused_norm_last, unused_softmax_ready, unused_softmax_last;
  logic [Units*8-1:0] norms, probabilities;
  logic [LaneBits-1:0] first_unit;  // of the lanes of a word, that of unit 0
  logic [Units*16-1:0] unit_sums;
  logic [Units*8-1:0]  unit_scores;

  assign answers     = is_norm ? (&norm_valid) : (&softmax_valid);
  assign first_unit  = LaneBits'(part * 16'(Units));
  assign unit_sums   = residual_word[first_unit*16 +: Units*16];
  assign unit_scores = b_word[first_unit*8 +: Units*8];

  quweit_lane_rows u_lane_rows (
    .clk_i,
    .rst_ni,
    .start_i         (start && (is_norm || is_softmax)),
    .groups_i        (job_columns),
    .first_part_i    (${"is_step ? latest_part : 16'd0" if text else "16'd0"}),
    .last_part_i     (${"is_step ? latest_part : " if text else ""}16'(Side / Units - 1)),
    .elements_i      (job_inner),
    .read_base_i     (job_b_base),
    .write_base_i    (job_result_base),
    .answers_i       (answers),
    .read_address_o  (lane_read),
    .element_o       (element),
    .take_o          (take),
    .group_o         (group),
    .part_o          (part),
    .write_address_o (lane_write)
  );

  for (genvar lane = 0; lane < Units; lane++) begin : gen_lane
    ${plan.norm_lane.module} #(
      ${of_lane(plan.norm_lane)}
    ) u_layer_norm (
      .clk_i,
      .rst_ni,
      .x_valid_i (element && is_norm),
      .x_ready_o (unused_norm_ready[lane]),
      .x_data_i  (unit_sums[lane*16 +: 16]),
      .x_last_i  (1'b0),
      .y_valid_o (norm_valid[lane]),
      .y_ready_i (take && is_norm),
      .y_data_o  (norms[lane*8 +: 8]),
      .y_last_o  (unused_norm_last[lane])
    );

    ${plan.softmax_lane.module} #(
      ${of_lane(plan.softmax_lane)}
    ) u_softmax (
      .clk_i,
      .rst_ni,
      .multiplier_i (job_number),
      .counts_i     (${"query_tile * 16'd%d + 16'(first_unit) + 16'(lane)" % side if text else "16'hffff"}),
      .x_valid_i    (element && is_softmax),
      .x_ready_o    (unused_softmax_ready[lane]),
      .x_data_i     (unit_scores[lane*8 +: 8]),
      .x_last_i     (1'b0),
      .y_valid_o    (softmax_valid[lane]),
      .y_ready_i    (take && is_softmax),
      .y_data_o     (probabilities[lane*8 +: 8]),
      .y_last_o     (unused_softmax_last[lane])
    );
  end

% if plan.exits:
<%include file="exits.sv.mako" args="plan=plan, of_lane=of_lane"/>\
% endif
<%include file="blocks.sv.mako" args="plan=plan, blocks=blocks"/>\
<%include file="${'text' if text else 'image'}.sv.mako" args="plan=plan"/>\
  // ---------------- who uses which port

  assign a_address = ActivationBits'(${"to_gate ? gated_place + 20'd%d : " % plan.gate if gated else ""}feed_a);
  assign b_address = ActivationBits'(is_product ? feed_b : is_softmax ? lane_read${"" if text else " : is_sum ? sum_address"} : token_read);
  assign residual_address = is_product ? ResidualBits'(${"to_gate ? gated_place : " if gated else ""}result_address)
                          : is_norm    ? ResidualBits'(lane_read) : token_address;
% if text:
  assign position_address = token_address + (is_step ? ResidualBits'(latest_words) : '0);
% endif

  always_comb begin
    activation_write         = '0;
    activation_write_address = ActivationBits'(result_place);
    activation_data          = ${"to_table ? looked_up : bytes_q" if plan.table_entries else "bytes_q"};
% if text:
    if (result_valid) begin
      activation_write = {Side{to_activations || to_table}} & lanes;
% else:
    if (pixel) begin
      activation_write         = Side'(1) << pixel_lane;
      activation_write_address = pixel_address;
      activation_data          = {Side{x_data_i}};
    end else if (result_valid) begin
      activation_write = {Side{to_activations || to_table}};
% endif
    end else if (take) begin
      activation_write         = Side'({Units{1'b1}}) << first_unit;
      activation_write_address = ActivationBits'(lane_write);
      activation_data          = {Side/Units{is_norm ? norms : probabilities}};
% if plan.stores:
    end else if (|store_write) begin
      activation_write         = store_write;
      activation_write_address = ActivationBits'(store_address);
      activation_data          = {Side{store_byte}};
% endif
% if not text:
    end else if (pooled_valid) begin
      activation_write         = '1;
      activation_write_address = ActivationBits'(job_result_base) + ActivationBits'(pooled_place_q);
      activation_data          = (Side*8)'(pooled_byte);
% endif
    end
  end

  assign residual_write         = (result_valid && (to_residual || to_gate)) ? '1 : token_write;
  assign residual_write_address = is_product ? ResidualBits'(result_place) : token_write_address;
  assign residual_data          = is_product ? halves_q : {Side{token_sum_data}};

  // ---------------- logits out

  logic [OutputBits-1:0] output_q;

  assign y_valid_o = gives;
% if text:
  // A request that is refused is answered by one word.
  assign y_data_o  = refused ? 32'h8000_0000 : logits_q[output_q];
  assign y_last_o  = gives && (refused || (output_q == OutputBits'(${plan.logits - 1})));
% else:
  assign y_data_o  = logits_q[output_q];
  assign y_last_o  = gives && (output_q == OutputBits'(${plan.logits - 1}));
% endif
  assign given     = y_last_o && y_ready_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni)                     output_q <= '0;
    else if (y_valid_o && y_ready_i) output_q <= y_last_o ? '0 : output_q + 1'b1;
  end

  logic unused_bits;
  assign unused_bits = ^{unused_job_ready, unused_x_ready, unused_y_last, unused_norm_ready, unused_norm_last,
                         unused_softmax_ready, unused_softmax_last, is_sum, is_block, is_embed, is_exit, to_activations, job_cache, job_few_bits,
                         residual_word, positions, feed_a, feed_b, lane_read, lane_write, token_read, result_address, result_place,
% if plan.stores:
                         store_address,
% endif
% if text:
                         row_place, position, token, code_place};
% else:
                         first_lane, refused, group, pooled[31:8], sum_address};
% endif

endmodule

`default_nettype wire
