<%page args="clocked"/>\
% if clocked:
  logic clk_i;

  initial begin
    clk_i = 1'b0;
    forever begin
      wait (run_i);
      #2.5;
      if (run_i) clk_i = 1'b1;
      #2.5;
      clk_i = 1'b0;
    end
  end

% endif
