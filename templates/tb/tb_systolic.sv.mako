<%page args="array, jobs, elements, header"/>\
${header}
// Bench of ${array.top}: a source, the array and a sink that compares. The clock and the controls come
// from test_systolic.py (cocotb), which is called once a product and never in a cycle.

`default_nettype none

module ${array.testbench} (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        gaps_i,
  input  logic        stalls_i,
  input  logic        hold_i,

  output logic [31:0] cycle_o,
  output logic [31:0] begin_cycle_o,  // in which the latest job was taken
  output logic [31:0] jobs_o,
  output logic [31:0] job_cycle_o,
  output logic [31:0] compared_o,
  output logic [31:0] different_o,
  output logic [31:0] misplaced_o,
  output logic [31:0] first_job_o,
  output logic [31:0] first_row_o,
  output logic [31:0] first_column_o,
  output logic [31:0] first_cycle_o,
  output logic [7:0]  first_expected_o,
  output logic [7:0]  first_got_o,
  output logic [62:0] source_checksum_o,
  output logic [62:0] sink_checksum_o
);

  logic              job_valid, job_ready;
  logic [15:0]       job_rows, job_inner, job_columns;
  logic [6:0]        job_multiplier;
  logic [4:0]        job_shift;
  logic              x_valid, x_ready, y_valid, y_ready, y_last;
  logic [${8 * array.steps * array.side - 1}:0] x_a, x_b;
  logic [${8 * array.side - 1}:0] y_data;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      cycle_o       <= '0;
      begin_cycle_o <= '0;
    end else begin
      cycle_o <= cycle_o + 1;
      if (job_valid && job_ready) begin_cycle_o <= cycle_o;
    end
  end

  quweit_product_source #(
    .Side      (${array.side}),
% if array.steps > 1:
    .Steps     (${array.steps}),
% endif
    .Jobs      (${jobs}),
    .ElementsA (${elements['a']}),
    .ElementsB (${elements['b']})
  ) u_source (
    .clk_i,
    .rst_ni,
    .gaps_i,
    .job_valid_o      (job_valid),
    .job_ready_i      (job_ready),
    .job_rows_o       (job_rows),
    .job_inner_o      (job_inner),
    .job_columns_o    (job_columns),
    .job_multiplier_o (job_multiplier),
    .job_shift_o      (job_shift),
    .valid_o          (x_valid),
    .ready_i          (x_ready),
    .a_o              (x_a),
    .b_o              (x_b),
    .checksum_o       (source_checksum_o)
  );

  ${array.top} u_array (
    .clk_i,
    .rst_ni,
    .job_valid_i      (job_valid),
    .job_ready_o      (job_ready),
    .job_rows_i       (job_rows),
    .job_inner_i      (job_inner),
    .job_columns_i    (job_columns),
    .job_multiplier_i (job_multiplier),
    .job_shift_i      (job_shift),
    .x_valid_i        (x_valid),
    .x_ready_o        (x_ready),
    .x_a_i            (x_a),
    .x_b_i            (x_b),
    .y_valid_o        (y_valid),
    .y_ready_i        (y_ready),
    .y_data_o         (y_data),
    .y_last_o         (y_last)
  );

  quweit_product_sink #(
    .Side      (${array.side}),
    .Jobs      (${jobs}),
    .ElementsY (${elements['y']})
  ) u_sink (
    .clk_i,
    .rst_ni,
    .stalls_i,
    .hold_i,
    .cycle_i          (cycle_o),
    .valid_i          (y_valid),
    .ready_o          (y_ready),
    .data_i           (y_data),
    .last_i           (y_last),
    .jobs_o,
    .job_cycle_o,
    .compared_o,
    .different_o,
    .misplaced_o,
    .first_job_o,
    .first_row_o,
    .first_column_o,
    .first_cycle_o,
    .first_expected_o,
    .first_got_o,
    .checksum_o       (sink_checksum_o)
  );

endmodule

`default_nettype wire
