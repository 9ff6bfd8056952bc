<%page args="design, sources" expression_filter="tcl_word"/>\
# Adds ${design.axis.top} to the project that is open in Vivado: its sources, the top, and constraints for synthesis out
# of context, which leave a design around the block alone. In the Tcl console, or with `vivado -source`.
# Every name is taken from the folder of the package, wherever this is started. A command takes a list of names, in which
# one may have spaces. No Vivado has read this script yet.
set package [file dirname [file dirname [file normalize [info script]]]]
set sources {}
foreach name {
% for name in sources:
  ${name}
% endfor
} { lappend sources [file join $package $name] }
add_files -norecurse -fileset [get_filesets sources_1] $sources
% if design.memories:
# What memories hold at the start. Sources name these files as they lie in the package: Vivado finds them by the last part.
set memories {}
foreach name {
%   for name in design.memories:
  ${name}
%   endfor
} { lappend memories [file join $package $name] }
add_files -norecurse -fileset [get_filesets sources_1] $memories
set_property file_type {Memory Initialization Files} [get_files $memories]
% endif
set_property top ${design.axis.top} [get_filesets sources_1]
set constraints [list [file join $package ${f"constraints/{design.axis.top}.xdc"}]]
add_files -norecurse -fileset [get_filesets constrs_1] $constraints
set_property used_in {synthesis implementation out_of_context} [get_files $constraints]
update_compile_order -fileset [get_filesets sources_1]
