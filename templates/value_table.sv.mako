<%page args="module, structure, words, header"/>\
<% f = structure.folding %>\
${header}
// Encoded values, behavioural rendering (simulation, ASIC). For time slot t, place p of the slot
// stands for bit t*${f.bits_per_cycle} + p of the last LUT layer; a partial sum adds the values of the places
// of its group whose bit is set.

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
% for index, word in enumerate(words):
  // Values of outputs ${word.outputs[0]} to ${word.outputs[-1]}, ${f.bits_per_cycle} an output.
  logic [${word.bits - 1}:0] values${index};
%   if f.cycles == 1:
  assign values${index} = ${word.slots[0]};
%   else:
  always_comb begin
    case (time_i)
%     for time, slot in enumerate(word.slots):
      ${f.time_bits}'d${time}: values${index} = ${slot};
%     endfor
      default: values${index} = '0;
    endcase
  end
%   endif

%   for place_of_output, output in enumerate(word.outputs):
%     for group, places in enumerate(f.places_of_groups):
  logic [${structure.partial_bits - 1}:0] partial${output}_${group};
  assign partial${output}_${group} =
%       for place in places:
<% first = (place_of_output * f.bits_per_cycle + place) * 8 %>\
      (bits_i[${place}] ? ${structure.partial_bits}'($signed(values${index}[${first + 7}:${first}])) : '0)${";" if place == places[-1] else " +"}
%       endfor
%     endfor
%   endfor

% endfor
  assign partial_o = {
% for output in reversed(range(structure.outputs)):
    ${", ".join(f"partial{output}_{group}" for group in reversed(range(f.groups)))}${"," if output else ""}
% endfor
  };

endmodule

`default_nettype wire
