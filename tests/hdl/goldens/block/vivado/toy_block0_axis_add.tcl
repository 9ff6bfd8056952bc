# Adds toy_block0_axis to the project that is open in Vivado: its sources, the top, and constraints for synthesis out
# of context, which leave a design around the block alone. In the Tcl console, or with `vivado -source`.
# Every name is taken from the folder of the package, wherever this is started. A command takes a list of names, in which
# one may have spaces. No Vivado has read this script yet.
set package [file dirname [file dirname [file normalize [info script]]]]
set sources {}
foreach name {
  rtl/quweit_bit_store.sv
  rtl/quweit_sequencer.sv
  rtl/quweit_requantize.sv
  rtl/xilinx/quweit_gated_terms.sv
  rtl/xilinx/quweit_greater.sv
  rtl/xilinx/quweit_ternary_adder.sv
  rtl/xilinx/toy_block0_encoder.sv
  rtl/xilinx/toy_block0_lut_layer0.sv
  rtl/xilinx/toy_block0_value_table.sv
  rtl/xilinx/toy_block0_adder_tree.sv
  rtl/toy_block0.sv
  rtl/wrapper/quweit_gearbox.v
  rtl/wrapper/toy_block0_axis.v
} { lappend sources [file join $package $name] }
add_files -norecurse -fileset [get_filesets sources_1] $sources
set_property top toy_block0_axis [get_filesets sources_1]
set constraints [list [file join $package constraints/toy_block0_axis.xdc]]
add_files -norecurse -fileset [get_filesets constrs_1] $constraints
set_property used_in {synthesis implementation out_of_context} [get_files $constraints]
update_compile_order -fileset [get_filesets sources_1]
