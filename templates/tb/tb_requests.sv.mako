<%page args="name, design, wrapped, clocked, probe, header"/>\
${header}
// Bench of ${design.axis.top if wrapped else design.top}, which answers requests: the ${design.kind} and a sink. Controls and words come from Python
// (cocotb): the golden requests of test_requests.py, or a host that chooses the next word by an answer.
//
// A word is a code, and its highest bit says whether the request goes on from what is cached. An answer that is a single marked word
// says that its request was refused.

`default_nettype none

module ${name} (
  input  logic        run_i,        // the clock
  input  logic        rst_ni,
  input  logic        x_valid_i,
  input  logic [${design.input_bits - 1}:0] x_data_i,
  input  logic        x_last_i,
  input  logic        stalls_i,

  output logic [31:0] cycle_o,
  output logic [31:0] rows_o,       // answers since reset
  output logic        refused_o,    // the latest
  output logic [${design.output_beats * design.output_bits - 1}:0] row_data_o,
  output logic [31:0] row_cycle_o,  // in which its last word was taken
<%include file="probe_ports.sv.mako" args="probe=probe"/>\
  output logic [31:0] violations_o
);

  logic x_ready, y_valid, y_ready, y_last;
  logic [${design.output_bits - 1}:0] y_data;
  logic        begins_q, refusal;
  logic [31:0] answered, answered_cycle, refusals_q, refusal_cycle_q;

<%include file="clock.sv.mako" args="clocked=clocked"/>\
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) cycle_o <= '0;
    else         cycle_o <= cycle_o + 1;
  end

% if wrapped:
  ${design.axis.top} u_axis (
    .aclk          (clk_i),
    .aresetn       (rst_ni),
    .s_axis_tdata  (x_data_i),
    .s_axis_tvalid (x_valid_i),
    .s_axis_tready (x_ready),
    .s_axis_tlast  (x_last_i),
    .m_axis_tdata  (y_data),
    .m_axis_tvalid (y_valid),
    .m_axis_tready (y_ready),
    .m_axis_tlast  (y_last)
  );
% else:
  ${design.top} u_${design.kind} (
    .clk_i,
    .rst_ni,
    .x_valid_i,
    .x_ready_o (x_ready),
    .x_data_i,
    .x_last_i,
    .y_valid_o (y_valid),
    .y_ready_i (y_ready),
    .y_data_o  (y_data),
    .y_last_o  (y_last)
  );
% endif

  assign refusal     = y_valid && y_last && begins_q;
  assign row_cycle_o = refused_o ? refusal_cycle_q : answered_cycle;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) rows_o <= '0;
    else         rows_o <= answered + refusals_q;  // after what is read with it
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      begins_q        <= 1'b1;
      refused_o       <= 1'b0;
      refusals_q      <= '0;
      refusal_cycle_q <= '0;
    end else if (y_valid && y_ready) begin
      begins_q <= y_last;
      if (y_last) refused_o <= refusal;
      if (refusal) begin
        refusals_q      <= refusals_q + 1;
        refusal_cycle_q <= cycle_o;
      end
    end
  end

  quweit_row_sink #(
    .Beats    (${design.output_beats}),
    .BeatBits (${design.output_bits})
  ) u_sink (
    .clk_i,
    .rst_ni,
    .stalls_i,
    .cycle_i      (cycle_o),
    .valid_i      (y_valid && !refusal),
    .ready_o      (y_ready),
    .data_i       (y_data),
    .last_i       (y_last),
    .rows_o       (answered),
    .row_data_o   (row_data_o),
    .row_cycle_o  (answered_cycle),
    .violations_o (violations_o)
  );
<%include file="probe.sv.mako" args="model=f'u_axis.u_{design.kind}' if wrapped else f'u_{design.kind}', design=design, probe=probe"/>\

endmodule

`default_nettype wire
