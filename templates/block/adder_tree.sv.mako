<%page args="module, block, structure, terms, tree, header"/>\
${header}
// The sum of the terms of one output and its bias, modulo 2^${structure.sum_bits}: behavioural rendering
// (simulation, ASIC). Terms are unsigned; the narrow ones come first.
<%include file="adder_tree_body.sv.mako" args="module=module, structure=structure, terms=terms, tree=tree, ternary_cells=False"/>
