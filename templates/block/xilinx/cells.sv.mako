<%page args="plan"/>\
% if plan.cells:
  logic [${len(plan.cells) - 1}:0] cell_out;

%   for one in plan.placed():
  ${one.kind} ${f"#(.INIT({one.init})) " if one.init else ""}${one.name} (${", ".join(f".{port}({wire})" for port, wire in one.ports.items())});
%   endfor
% endif
