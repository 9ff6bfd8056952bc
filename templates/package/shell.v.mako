<%page args="name, axis, header"/>\
${header}
// ${axis.top} between two register slices, with the same ports, as the top of a device.

`default_nettype none

module ${name} (
  input  wire        aclk,
  input  wire        aresetn,

  input  wire [${8 * axis.bytes_in - 1}:0] s_axis_tdata,
  input  wire        s_axis_tvalid,
  output wire        s_axis_tready,
  input  wire        s_axis_tlast,

  output wire [${8 * axis.bytes_out - 1}:0] m_axis_tdata,
  output wire        m_axis_tvalid,
  input  wire        m_axis_tready,
  output wire        m_axis_tlast
);

  wire x_valid, x_ready, x_last, y_valid, y_ready, y_last;
  wire [${8 * axis.bytes_in - 1}:0] x_data;
  wire [${8 * axis.bytes_out - 1}:0] y_data;

  quweit_register_slice #(
    .Bits (${8 * axis.bytes_in + 1})
  ) u_slice_in (
    .clk_i       (aclk),
    .rst_ni      (aresetn),
    .in_valid_i  (s_axis_tvalid),
    .in_ready_o  (s_axis_tready),
    .in_data_i   ({s_axis_tlast, s_axis_tdata}),
    .out_valid_o (x_valid),
    .out_ready_i (x_ready),
    .out_data_o  ({x_last, x_data})
  );

  ${axis.top} u_axis (
    .aclk          (aclk),
    .aresetn       (aresetn),
    .s_axis_tdata  (x_data),
    .s_axis_tvalid (x_valid),
    .s_axis_tready (x_ready),
    .s_axis_tlast  (x_last),
    .m_axis_tdata  (y_data),
    .m_axis_tvalid (y_valid),
    .m_axis_tready (y_ready),
    .m_axis_tlast  (y_last)
  );

  quweit_register_slice #(
    .Bits (${8 * axis.bytes_out + 1})
  ) u_slice_out (
    .clk_i       (aclk),
    .rst_ni      (aresetn),
    .in_valid_i  (y_valid),
    .in_ready_o  (y_ready),
    .in_data_i   ({y_last, y_data}),
    .out_valid_o (m_axis_tvalid),
    .out_ready_i (m_axis_tready),
    .out_data_o  ({m_axis_tlast, m_axis_tdata})
  );

endmodule

`default_nettype wire
