<%page args="module, structure, terms, tree, ternary_cells"/>\
<% count, bits = len(terms.largest_N), terms.bits; widths = {"bias": structure.sum_bits} %>\

`default_nettype none

module ${module} (
% if any(level.registered for level in tree.levels):
  input  logic clk_i,
  input  logic advance_i,
% endif
  input  logic [${count * bits - 1}:0] terms_i,
  input  logic [${structure.sum_bits - 1}:0] bias_i,
  output logic [${structure.sum_bits - 1}:0] sum_o
);

  logic [${structure.sum_bits - 1}:0] bias;
  assign bias = bias_i;
% for n, largest in enumerate(terms.largest_N.tolist()):
<% used = largest.bit_length(); widths[f"term{n}"] = used %>\
%   if used:
  logic [${used - 1}:0] term${n};
  assign term${n} = terms_i[${n * bits + used - 1}:${n * bits}];
%   endif
%   if used < bits:
  logic unused_term${n};
  assign unused_term${n} = ^terms_i[${n * bits + bits - 1}:${n * bits + used}];
%   endif
% endfor
% for depth, level in enumerate(tree.levels):

  // ---------------------------------------------------------------- level ${depth}: ${len(level.sums)} sum${"s" if len(level.sums) > 1 else ""}
%   for one in level.sums:
<%
  wire = one.name + ("_d" if level.registered else "")
  widths[one.name] = one.bits
%>\
  logic [${one.bits - 1}:0] ${wire};
%     if len(one.terms) == 3 and ternary_cells and one.bits > 2:
<% operand = min(one.term_bits, one.bits) %>\
  quweit_ternary_adder #(.Bits(${operand}), .SumBits(${one.bits})) u_${one.name} (
    .a_i(${operand}'(${one.terms[0]})), .b_i(${operand}'(${one.terms[1]})), .c_i(${operand}'(${one.terms[2]})), .sum_o(${wire})
  );
%     else:
  assign ${wire} = ${" + ".join(f"{one.bits}'({term})" for term in one.terms)};
%     endif
%   endfor
%   if level.registered:

%     for one in level.sums:
  logic [${one.bits - 1}:0] ${one.name};
%     endfor
  always_ff @(posedge clk_i) begin
    if (advance_i) begin
%     for one in level.sums:
      ${one.name} <= ${one.name}_d;
%     endfor
    end
  end
%   endif
% endfor

  assign sum_o = ${tree.levels[-1].sums[0].name};

endmodule

`default_nettype wire
