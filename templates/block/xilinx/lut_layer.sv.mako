<%page args="module, inputs, luts, plan, wires, unread, header"/>\
${header}
// LUT layer, rendered with the vendor's LUT cells (FPGA synthesis): a cell a LUT, or half of one where
// two have five inputs together, so that no logic optimisation has to find the tables again.

`default_nettype none

module ${module} (
  input  logic [${inputs - 1}:0] bits_i,
  output logic [${len(luts) - 1}:0] bits_o
);

<%include file="cells.sv.mako" args="plan=plan"/>\

  assign bits_o = {
% for index, wire in reversed(list(enumerate(wires))):
    ${wire}${"," if index else ""}
% endfor
  };
% if unread:

  // Bits that no table depends on.
  logic unused_bits;
  assign unused_bits = ^{${", ".join(f"bits_i[{bit}]" for bit in unread)}};
% endif

endmodule

`default_nettype wire
