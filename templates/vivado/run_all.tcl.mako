<%page expression_filter="tcl_word"/>\
# Every block, one after the other: vivado -mode batch -source run_all.tcl
% for block in blocks:
source ${f"{block}.tcl"}
% endfor
