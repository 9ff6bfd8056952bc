<%page expression_filter="tcl_word"/>\
# ${clock_mhz} MHz; inside the design only: its ports have no delays, as nothing is known of what they meet.
create_clock -period ${period_ns} -name clk [get_ports clk_i]
