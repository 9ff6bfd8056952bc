<%page args="module, structure, cells, header"/>\
<% f = structure.folding %>\
${header}
// Encoded values, rendered with the vendor's LUT cells (FPGA synthesis).
% if f.table_inputs <= 6:
// One cell holds one bit of a partial sum for every time slot and every value of its group's bits.
% else:
// A cell holds one bit of a value for 64 time slots; the bit of the slot gates it afterwards.
% endif
// Equal cells are instantiated once.

`default_nettype none

module ${module} (
  input  logic [${f.time_bits - 1}:0] time_i,
  input  logic [${f.bits_per_cycle - 1}:0] bits_i,
  output logic [${structure.outputs * f.groups * structure.partial_bits - 1}:0] partial_o
);

% if f.cycles == 1:
  logic unused_time;
  assign unused_time = ^time_i;

% endif
% if cells.instances:
  logic [${len(cells.instances) - 1}:0] table_bits;

%   for index, cell in enumerate(cells.instances):
  LUT${len(cell.inputs)} #(.INIT(${cell.literal})) u_table${index} (${", ".join(f".I{place}({wire})" for place, wire in enumerate(cell.inputs))}, .O(table_bits[${index}]));
%   endfor

% endif
% for index, expression in enumerate(cells.partial_bits):
  assign partial_o[${index}] = ${expression};
% endfor

endmodule

`default_nettype wire
