<%page args="design, period, delay" expression_filter="tcl_word"/>\
# ${design.axis.top} out of context. The period is to be replaced by that of the clock it gets.
create_clock -period ${period} -name aclk [get_ports aclk]
# Nothing is known of what the ports meet: a fifth of the period is left to it on each side.
set_input_delay -clock aclk ${delay} [get_ports {s_axis_tdata[*] s_axis_tvalid s_axis_tlast m_axis_tready}]
set_output_delay -clock aclk ${delay} [get_ports {m_axis_tdata[*] m_axis_tvalid m_axis_tlast s_axis_tready}]
# Asserted whenever, released by a synchroniser of the user's.
set_false_path -from [get_ports aresetn]
