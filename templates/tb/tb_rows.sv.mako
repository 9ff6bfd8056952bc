<%page args="design, parameters, clocked, wrapped, probe, header"/>\
${header}
// Bench of ${design.axis.top if wrapped else design.top}: a source, the ${design.kind}${" in its wrapper" if wrapped else ""} and a sink. The ${"controls" if clocked else "clock and the controls"} come from
// test_block.py (cocotb); rows are compared there, one Python call a row and none a cycle.

`default_nettype none

module ${design.testbench} (
% if clocked:
  input  logic        run_i,  // the clock
% else:
  input  logic        clk_i,
% endif
  input  logic        rst_ni,
  input  logic [31:0] rows_i,
  input  logic        gaps_i,
  input  logic        stalls_i,

  output logic [31:0] cycle_o,
  output logic [31:0] first_cycle_o,
  output logic [${design.features_per_beat * design.input_bits + 30}:0] checksum_o,
  output logic [31:0] rows_o,
  output logic [${design.output_beats * design.outputs_per_beat * design.output_bits - 1}:0] row_data_o,
  output logic [31:0] row_cycle_o,
<%include file="probe_ports.sv.mako" args="probe=probe"/>\
  output logic [31:0] violations_o
);

  logic x_valid, x_ready, x_last;
  logic y_valid, y_ready, y_last;
  logic [${design.features_per_beat * design.input_bits - 1}:0] x_data;
  logic [${design.outputs_per_beat * design.output_bits - 1}:0] y_data;

<%include file="clock.sv.mako" args="clocked=clocked"/>\
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) cycle_o <= '0;
    else         cycle_o <= cycle_o + 1;
  end

  quweit_row_source #(
    .Rows     (${design.vectors.rows}),
    .Beats    (${design.input_beats}),
    .BeatBits (${design.features_per_beat * design.input_bits}),
    .Interval (${design.initiation_interval_cycles})${"" if design.rows_break else ", .Breaks (0)"}
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

% if wrapped:
  ${design.axis.top} u_axis (
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
% else:
%   if parameters:
  ${design.top} #(
    ${",\n    ".join(f".{name} ({value})" for name, value in parameters.items())}
  ) u_${design.kind} (
%   else:
  ${design.top} u_${design.kind} (
%   endif
    .clk_i,
    .rst_ni,
    .x_valid_i (x_valid),
    .x_ready_o (x_ready),
    .x_data_i  (x_data),
    .x_last_i  (x_last),
    .y_valid_o (y_valid),
    .y_ready_i (y_ready),
    .y_data_o  (y_data),
    .y_last_o  (y_last)
  );
% endif

  quweit_row_sink #(
    .Beats    (${design.output_beats}),
    .BeatBits (${design.outputs_per_beat * design.output_bits})
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
<%include file="probe.sv.mako" args="model=f'u_axis.u_{design.kind}' if wrapped else f'u_{design.kind}', design=design, probe=probe"/>\

endmodule

`default_nettype wire
