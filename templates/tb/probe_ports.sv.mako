<%page args="probe"/>\
% if probe:
  output logic [31:0] probed_o,
  output logic [31:0] wrong_o,
  output logic [31:0] wrong_row_o,
  output logic [31:0] wrong_word_o,
  output logic [31:0] wrong_cycle_o,
  output logic        wrong_missing_o,
  output logic        wrong_residual_o,
  output logic [${probe.lanes - 1}:0] wrong_write_o,
  output logic [19:0] wrong_address_o,
  output logic [${16 * probe.lanes - 1}:0] wrong_data_o,
% endif
