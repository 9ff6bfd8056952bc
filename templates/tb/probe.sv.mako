<%page args="model, design, probe"/>\
% if probe:
<%
  # Words that follow one another lie in memories of their own where several are read in a cycle; they are written one by one.
  stores = [f"{model}.u_{bank.name}" for bank in design.banks if bank.name.startswith("activations_a")] or [f"{model}.u_activations_a"]
  place = [
      " | ".join(f"{store}.write_i" for number, store in enumerate(stores) if number >> bit & 1)
      for bit in reversed(range(len(stores).bit_length() - 1))
  ]
%>\

  quweit_write_probe #(
    .Words (${probe.words}),
    .Lanes (${probe.lanes})
  ) u_probe (
    .clk_i,
    .rst_ni,
    .cycle_i              (cycle_o),
    .loads_i              (${model}.u_sequencer.loads_o),
    .gives_i              (${model}.u_sequencer.gives_o),
    .refused_i            (${f"{model}.u_loader.refused_o" if design.decode else "1'b0"}),
% if len(stores) == 1:
    .activation_write_i   (${stores[0]}.write_i),
    .activation_address_i (20'(${stores[0]}.write_address_i)),
% else:
    .activation_write_i   (${" | ".join(f"{store}.write_i" for store in stores)}),
    .activation_address_i (20'({${stores[0]}.write_address_i, ${", ".join(f"|({one})" for one in place)}})),
% endif
    .activation_data_i    (${stores[0]}.write_data_i),
    .residual_write_i     (${model}.u_residual.write_i),
    .residual_address_i   (20'(${model}.u_residual.write_address_i)),
    .residual_data_i      (${model}.u_residual.write_data_i),
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
