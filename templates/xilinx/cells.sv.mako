<%page args="cells"/>\
% if cells:
  logic [${len(cells) - 1}:0] cell_out;

%   for index, one in enumerate(cells):
%     if one.kind.startswith("LUT"):
  ${one.kind} #(.INIT(${one.literal})) u_cell${index} (${", ".join(f".I{place}({wire})" for place, wire in enumerate(one.inputs))}, .O(cell_out[${index}]));
%     else:
  ${one.kind} u_cell${index} (.I0(${one.inputs[0]}), .I1(${one.inputs[1]}), .S(${one.inputs[2]}), .O(cell_out[${index}]));
%     endif
%   endfor
% endif
