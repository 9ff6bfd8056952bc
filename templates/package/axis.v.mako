<%page args="design, bus, header"/>\
${header}
// ${design.top} with AXI-Stream ports, in plain Verilog, so that a Vivado block design takes it by "Add Module".
//
// A row in: ${design.features * design.input_bits // 8} bytes in ${bus.input_beats} beats of ${bus.bytes_in}. A row out: ${design.outputs * design.output_bits // 8} bytes in ${bus.output_beats} beats of ${bus.bytes_out}.
// Byte 0 of TDATA comes first; bytes past the end of a row are ignored in and zero out.

`default_nettype none

module ${bus.top} (
  (* X_INTERFACE_INFO = "xilinx.com:signal:clock:1.0 aclk CLK" *)
  (* X_INTERFACE_PARAMETER = "XIL_INTERFACENAME aclk, ASSOCIATED_BUSIF s_axis:m_axis, ASSOCIATED_RESET aresetn" *)
  input  wire aclk,
  (* X_INTERFACE_INFO = "xilinx.com:signal:reset:1.0 aresetn RST" *)
  (* X_INTERFACE_PARAMETER = "XIL_INTERFACENAME aresetn, POLARITY ACTIVE_LOW" *)
  input  wire aresetn,

% for name, kind, width in (("s_axis", "slave", bus.bytes_in), ("m_axis", "master", bus.bytes_out)):
<% taken, given = ("input  wire", "output wire") if kind == "slave" else ("output wire", "input  wire") %>\
  (* X_INTERFACE_INFO = "xilinx.com:interface:axis:1.0 ${name} TDATA" *)
  (* X_INTERFACE_PARAMETER = "XIL_INTERFACENAME ${name}, TDATA_NUM_BYTES ${width}, HAS_TREADY 1, HAS_TLAST 1, HAS_TKEEP 0, HAS_TSTRB 0, TDEST_WIDTH 0, TID_WIDTH 0, TUSER_WIDTH 0" *)
  ${taken} [${8 * width - 1}:0] ${name}_tdata,
  (* X_INTERFACE_INFO = "xilinx.com:interface:axis:1.0 ${name} TVALID" *)
  ${taken} ${name}_tvalid,
  (* X_INTERFACE_INFO = "xilinx.com:interface:axis:1.0 ${name} TREADY" *)
  ${given} ${name}_tready,
  (* X_INTERFACE_INFO = "xilinx.com:interface:axis:1.0 ${name} TLAST" *)
  ${taken} ${name}_tlast${"," if kind == "slave" else ""}
% endfor
);

  wire x_valid, x_ready, x_last, y_valid, y_ready, y_last;
  wire [${design.input_beat_bits - 1}:0] x_data;
  wire [${design.output_beat_bits - 1}:0] y_data;

% for name, gear in (("in", bus.gear_in), ("out", bus.gear_out)):
  quweit_gearbox #(
    .InUnits   (${gear.in_units}),
    .OutUnits  (${gear.out_units}),
    .UnitBits  (${gear.unit_bits}),
    .RowIn     (${gear.row_in}),
    .RowOut    (${gear.row_out}),
    .LastUnits (${gear.last_units}),
    .LastBits  (${gear.last_bits}),
    .CountBits (${gear.count_bits}),
    .BeatBits  (${gear.beat_bits})
  ) u_gearbox_${name} (
    .clk_i       (aclk),
    .rst_ni      (aresetn),
%   if name == "in":
    .in_valid_i  (s_axis_tvalid),
    .in_ready_o  (s_axis_tready),
    .in_data_i   (s_axis_tdata),
    .in_last_i   (s_axis_tlast),
    .out_valid_o (x_valid),
    .out_ready_i (x_ready),
    .out_data_o  (x_data),
    .out_last_o  (x_last)
  );

  ${design.top} u_${design.kind} (
    .clk_i     (aclk),
    .rst_ni    (aresetn),
    .x_valid_i (x_valid),
    .x_ready_o (x_ready),
    .x_data_i  (x_data),
    .x_last_i  (x_last),
    .y_valid_o (y_valid),
    .y_ready_i (y_ready),
    .y_data_o  (y_data),
    .y_last_o  (y_last)
  );

%   else:
    .in_valid_i  (y_valid),
    .in_ready_o  (y_ready),
    .in_data_i   (y_data),
    .in_last_i   (y_last),
    .out_valid_o (m_axis_tvalid),
    .out_ready_i (m_axis_tready),
    .out_data_o  (m_axis_tdata),
    .out_last_o  (m_axis_tlast)
  );
%   endif
% endfor

endmodule

`default_nettype wire
