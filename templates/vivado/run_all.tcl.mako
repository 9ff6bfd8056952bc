<%page expression_filter="tcl_word"/>\
# Every design, one after the other: vivado -mode batch -source run_all.tcl
% for design in designs:
source ${f"{design}.tcl"}
% endfor
