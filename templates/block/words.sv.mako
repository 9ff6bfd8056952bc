<%page args="words, name, select, select_bits"/>\
% for index, word in enumerate(words):
  logic [${word.bits - 1}:0] ${name}${index};
%   if word.constant:
  assign ${name}${index} = ${word.slots[0]};
%   else:
  always_comb begin
    case (${select})
%     for slot, literal in enumerate(word.slots):
      ${select_bits}'d${slot}: ${name}${index} = ${literal};
%     endfor
      default: ${name}${index} = '0;
    endcase
  end
%   endif
% endfor
