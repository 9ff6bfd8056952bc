<%page args="module, inputs, luts, unread, header"/>\
${header}
// LUT layer, behavioural rendering (simulation, ASIC): bit a of a table answers address a,
// pin 0 is address bit 0. Pins that a table does not depend on are left out.

`default_nettype none

module ${module} (
  input  logic [${inputs - 1}:0] bits_i,
  output logic [${len(luts) - 1}:0] bits_o
);

% for index, lut in enumerate(luts):
%   if lut.pins:
  localparam logic [${2 ** len(lut.pins) - 1}:0] Table${index} = ${lut.literal};
  wire bit${index} = Table${index}[{${", ".join(f"bits_i[{pin}]" for pin in reversed(lut.pins))}}];
%   else:
  wire bit${index} = ${lut.literal};
%   endif
% endfor

  assign bits_o = {
% for index in reversed(range(len(luts))):
    bit${index}${"," if index else ""}
% endfor
  };
% if unread:

  // Bits that no table depends on.
  logic unused_bits;
  assign unused_bits = ^{${", ".join(f"bits_i[{bit}]" for bit in unread)}};
% endif

endmodule

`default_nettype wire
