<%page args="module, block, structure, terms, tree, header"/>\
${header}
// The sum of the terms of one output and its bias, modulo 2^${structure.sum_bits}, rendered with ternary adders
// of the vendor's cells (FPGA synthesis). Terms are unsigned; the narrow ones come first.
<%include file="/block/adder_tree_body.sv.mako" args="module=module, structure=structure, terms=terms, tree=tree, ternary_cells=True"/>
