<%page args="module, inputs, luts, unread, header"/>\
${header}
// LUT layer, rendered with the vendor's LUT cells (FPGA synthesis): one cell a LUT, so that no
// logic optimisation has to find the tables again.

`default_nettype none

module ${module} (
  input  logic [${inputs - 1}:0] bits_i,
  output logic [${len(luts) - 1}:0] bits_o
);

% for index, lut in enumerate(luts):
%   if lut.pins:
  LUT${len(lut.pins)} #(.INIT(${lut.literal})) u_lut${index} (${", ".join(f".I{place}(bits_i[{pin}])" for place, pin in enumerate(lut.pins))}, .O(bits_o[${index}]));
%   else:
  assign bits_o[${index}] = ${lut.literal};
%   endif
% endfor
% if unread:

  // Bits that no table depends on.
  logic unused_bits;
  assign unused_bits = ^{${", ".join(f"bits_i[{bit}]" for bit in unread)}};
% endif

endmodule

`default_nettype wire
