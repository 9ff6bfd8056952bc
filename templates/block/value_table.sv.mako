<%page args="module, block, structure, terms, words, bias_words, header"/>\
<%
  f = structure.folding
  lanes, count, bits = f.outputs_per_cycle, len(terms.largest_N), terms.bits
%>\
${header}
// Encoded values, behavioural rendering (simulation, ASIC): for time slot t, what bits add to
// outputs t*${lanes} to t*${lanes} + ${lanes - 1}, ${count} terms each, and the biases of those outputs.
% if f.gated:
// A term is the one of a set bit; the register behind this module puts the idle term in its place
// where the bit is 0.
% else:
// A value adds its magnitude where its bit differs from its sign: terms are unsigned, and the
// negative values of an output stand in its bias.
% endif

`default_nettype none

module ${module} (
  input  logic [${f.time_bits - 1}:0] time_i,
% if not f.gated:
  input  logic [${structure.bits - 1}:0] bits_i,
% endif
  output logic [${lanes * count * bits - 1}:0] terms_o,
  output logic [${lanes * structure.sum_bits - 1}:0] bias_o
);

% if all(word.constant for word in (*words, *bias_words)):
  logic unused_time;
  assign unused_time = ^time_i;

% endif
<%include file="words.sv.mako" args="words=bias_words, name='bias', select='time_i', select_bits=f.time_bits"/>\
  assign bias_o = {${", ".join(f"bias{index}" for index in reversed(range(len(bias_words))))}};

<%include file="words.sv.mako" args="words=words, name='values', select='time_i', select_bits=f.time_bits"/>\
% if f.gated:
  assign terms_o = {${", ".join(f"values{index}" for index in reversed(range(len(words))))}};
% else:
<% a_word = words[0].bits // 9 %>\
%   for lane in range(lanes):
%     for n, group in enumerate(f.groups):
<% wire = f"term{lane}_{n}" %>\
  logic [${bits - 1}:0] ${wire};
  assign ${wire} =
%       for bit in group:
<%
  place = lane * f.bits + bit
  word, low = f"values{place // a_word}", place % a_word * 9
%>\
      ((bits_i[${structure.lanes_QN[lane, bit]}] != ${word}[${low + 8}]) ? ${bits}'(${word}[${low + 7}:${low}]) : '0)${";" if bit == group[-1] else " +"}
%       endfor
%     endfor
%   endfor

  assign terms_o = {
%   for lane in reversed(range(lanes)):
    ${", ".join(f"term{lane}_{n}" for n in reversed(range(count)))}${"," if lane else ""}
%   endfor
  };
% endif

endmodule

`default_nettype wire
