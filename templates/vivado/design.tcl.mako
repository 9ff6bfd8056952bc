<%page expression_filter="tcl_word"/>\
# ${top}: synthesis, placement and routing out of context, then the three reports that quweit reads.
create_project -in_memory -part ${part}
% for source in sources:
read_verilog -sv ${f"sources/{source}"}
% endfor
% for memory in memories:
read_mem ${memory}
% endfor
read_xdc -mode out_of_context constraints.xdc

synth_design -mode out_of_context -top ${top} -part ${part} -max_dsp 0\
% if not memories:
 -max_bram 0\
% endif
% for parameter, value in parameters.items():
 -generic ${f"{parameter}={value}"}\
% endfor

opt_design
place_design
route_design

report_utilization -file ${f"reports/{design}_utilization.rpt"}
report_timing_summary -file ${f"reports/{design}_timing_summary.rpt"}
# Vectorless: what is not known to toggle otherwise toggles in ${toggle_percent} % of the cycles.
set_switching_activity -default_toggle_rate ${toggle_percent} -default_static_probability 0.5
report_power -file ${f"reports/{design}_power.rpt"}
close_project
