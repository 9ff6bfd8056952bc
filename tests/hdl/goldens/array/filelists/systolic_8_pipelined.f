rtl/pipelined/quweit_systolic_cell.sv
rtl/pipelined/quweit_systolic_column.sv
rtl/quweit_skew.sv
rtl/quweit_operand_buffer.sv
rtl/quweit_operand_register.sv
rtl/quweit_systolic_control.sv
rtl/quweit_systolic.sv
rtl/systolic_8_pipelined.sv
