<%page args="unit, header"/>\
${header}
// Bench of ${unit.top}: a source, the unit and a sink. The clock and the controls come from
// test_block.py (cocotb). A row is ${unit.features} elements; whoever reads them knows which is the last.

`default_nettype none

module ${unit.testbench} (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic [31:0] rows_i,
  input  logic        gaps_i,
  input  logic        stalls_i,

  output logic [31:0] cycle_o,
  output logic [31:0] first_cycle_o,
  output logic [${unit.input_bits + 30}:0] checksum_o,
  output logic [31:0] rows_o,
  output logic [${8 * unit.features - 1}:0] row_data_o,
  output logic [31:0] row_cycle_o,
  output logic [31:0] violations_o
);

  logic x_valid, x_ready, unused_last;
  logic y_valid, y_ready, y_last;
  logic [${unit.input_bits - 1}:0] x_data;
  logic [7:0] y_data;
  logic [31:0] given_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) cycle_o <= '0;
    else         cycle_o <= cycle_o + 1;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni)                 given_q <= '0;
    else if (y_valid && y_ready) given_q <= y_last ? '0 : given_q + 1;
  end

  assign y_last = y_valid && (given_q == 32'd${unit.features - 1});

  quweit_row_source #(
    .Rows     (${unit.vectors.rows}),
    .Beats    (${unit.features}),
    .BeatBits (${unit.input_bits}),
    .Interval (${unit.initiation_interval_cycles}),
    .Breaks   (1'b0)
  ) u_source (
    .clk_i,
    .rst_ni,
    .rows_i,
    .gaps_i,
    .valid_o       (x_valid),
    .ready_i       (x_ready),
    .data_o        (x_data),
    .last_o        (unused_last),
    .cycle_i       (cycle_o),
    .first_cycle_o (first_cycle_o),
    .checksum_o    (checksum_o)
  );

% if unit.handshakes:
  ${unit.top} #(
    ${",\n    ".join(f".{name} ({value})" for name, value in unit.parameters.items())}
  ) u_unit (
    .clk_i,
    .rst_ni,
    .x_valid_i (x_valid),
    .x_ready_o (x_ready),
    .x_data_i  (x_data),
    .y_valid_o (y_valid),
    .y_ready_i (y_ready),
    .y_data_o  (y_data)
  );
% else:
  // A pipe of one step: what it answers is kept here while the sink waits.
  logic held_q;
  logic [7:0] answer, kept_q;

  ${unit.top} #(
    ${",\n    ".join(f".{name} ({value})" for name, value in unit.parameters.items())}
  ) u_unit (
    .clk_i,
    .x_i (x_data),
    .y_o (answer)
  );

  assign x_ready = !y_valid || y_ready;
  assign y_data  = held_q ? kept_q : answer;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      y_valid <= 1'b0;
      held_q  <= 1'b0;
    end else begin
      if (x_ready) y_valid <= x_valid;
      held_q <= y_valid && !y_ready;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!held_q) kept_q <= answer;
  end
% endif

  quweit_row_sink #(
    .Beats    (${unit.features}),
    .BeatBits (8)
  ) u_sink (
    .clk_i,
    .rst_ni,
    .stalls_i,
    .cycle_i      (cycle_o),
    .valid_i      (y_valid),
    .ready_o      (y_ready),
    .data_i       (y_data),
    .last_i       (y_last),
    .rows_o       (rows_o),
    .row_data_o   (row_data_o),
    .row_cycle_o  (row_cycle_o),
    .violations_o (violations_o)
  );

endmodule

`default_nettype wire
