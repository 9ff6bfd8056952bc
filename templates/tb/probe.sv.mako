<%page args="model, probe"/>\
% if probe:

  quweit_write_probe #(
    .Words (${probe.words}),
    .Lanes (${probe.lanes})
  ) u_probe (
    .clk_i,
    .rst_ni,
    .cycle_i              (cycle_o),
    .loads_i              (${model}.loads),
    .gives_i              (${model}.gives),
    .refused_i            (${model}.refused),
    .activation_write_i   (${model}.activation_write),
    .activation_address_i (20'(${model}.activation_write_address)),
    .activation_data_i    (${model}.activation_data),
    .residual_write_i     (${model}.residual_write),
    .residual_address_i   (20'(${model}.residual_write_address)),
    .residual_data_i      (${model}.residual_data),
    .compared_o           (probed_o),
    .wrong_o              (wrong_o),
    .row_o                (wrong_row_o),
    .word_o               (wrong_word_o),
    .wrong_cycle_o        (wrong_cycle_o),
    .missing_o            (wrong_missing_o),
    .residual_o           (wrong_residual_o),
    .write_o              (wrong_write_o),
    .address_o            (wrong_address_o),
    .data_o               (wrong_data_o)
  );
% endif
