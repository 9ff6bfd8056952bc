<%page args="design" expression_filter="tcl_word"/>\
# Makes an IP of ${design.axis.top} with its two AXI-Stream interfaces, in the folder `ip` of the package:
#
#   vivado -mode batch -source vivado/${design.axis.top}_ip.tcl -tclargs PART
#
# Afterwards name that folder under Settings, IP, Repository. No Vivado has run this script yet.
if {[llength $argv] != 1} { error "name the part, such as xcvu9p-flgb2104-2-i: -tclargs PART" }
set package [file dirname [file dirname [file normalize [info script]]]]
set core [file join $package ip ${design.axis.top}]
create_project -in_memory -part [lindex $argv 0]
source [file join $package vivado ${f"{design.axis.top}_add.tcl"}]
ipx::package_project -root_dir $core -vendor quweit -library block -taxonomy /UserIP -import_files -set_current true
set ip [ipx::current_core]
set_property name ${design.axis.top} $ip
set_property version 1.0 $ip
set_property display_name ${design.axis.top} $ip
set_property description ${f"Weightless {design.kind}, a row of {design.features} bytes in and of {design.outputs} numbers of {design.output_bits // 8} bytes out"} $ip
# The attributes of the ports name the interfaces; without them the core is of no use in a block design.
foreach bus {s_axis m_axis} {
  if {[llength [ipx::get_bus_interfaces $bus -of_objects $ip]] == 0} { error "no interface $bus was inferred" }
}
ipx::create_xgui_files $ip
ipx::update_checksums $ip
ipx::check_integrity $ip
ipx::save_core $ip
close_project
