<%page args="design, header"/>\
<% axis = design.axis %>\
${header}
// Bench of ${axis.top}: a source, the wrapper and a sink, with the ports of the block's own bench.

`default_nettype none

module ${axis.testbench} (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic [31:0] rows_i,
  input  logic        gaps_i,
  input  logic        stalls_i,

  output logic [31:0] cycle_o,
  output logic [31:0] first_cycle_o,
  output logic [${8 * axis.bytes_in + 30}:0] checksum_o,
  output logic [31:0] rows_o,
  output logic [${8 * axis.output_beats * axis.bytes_out - 1}:0] row_data_o,
  output logic [31:0] row_cycle_o,
  output logic [31:0] violations_o
);

  logic x_valid, x_ready, x_last;
  logic y_valid, y_ready, y_last;
  logic [${8 * axis.bytes_in - 1}:0] x_data;
  logic [${8 * axis.bytes_out - 1}:0] y_data;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) cycle_o <= '0;
    else         cycle_o <= cycle_o + 1;
  end

  quweit_row_source #(
    .Rows     (${design.vectors.rows}),
    .Beats    (${axis.input_beats}),
    .BeatBits (${8 * axis.bytes_in}),
    .Interval (${axis.initiation_interval_cycles})${"" if design.rows_break else ", .Breaks (0)"}
  ) u_source (
    .clk_i,
    .rst_ni,
    .rows_i,
    .gaps_i,
    .valid_o       (x_valid),
    .ready_i       (x_ready),
    .data_o        (x_data),
    .last_o        (x_last),
    .cycle_i       (cycle_o),
    .first_cycle_o (first_cycle_o),
    .checksum_o    (checksum_o)
  );

  ${axis.top} u_axis (
    .aclk          (clk_i),
    .aresetn       (rst_ni),
    .s_axis_tdata  (x_data),
    .s_axis_tvalid (x_valid),
    .s_axis_tready (x_ready),
    .s_axis_tlast  (x_last),
    .m_axis_tdata  (y_data),
    .m_axis_tvalid (y_valid),
    .m_axis_tready (y_ready),
    .m_axis_tlast  (y_last)
  );

  quweit_row_sink #(
    .Beats    (${axis.output_beats}),
    .BeatBits (${8 * axis.bytes_out})
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
