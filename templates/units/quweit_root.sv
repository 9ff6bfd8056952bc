// root = floor(sqrt(x)), a bit of the root a cycle, most significant first.

`default_nettype none

module quweit_root #(
  parameter integer RootBits = 24
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  logic                  start_i,
  input  logic [2*RootBits-1:0] x_i,
  output logic                  done_o,  // one cycle
  output logic [RootBits-1:0]   root_o
);

  localparam integer CountBits = $clog2(RootBits + 1);

  logic [2*RootBits-1:0] shift_q;
  logic [RootBits+1:0]   rest_q, rest_d, trial;
  logic [RootBits+2:0]   less;  // its highest bit is the sign
  logic [CountBits-1:0]  left_q;
  logic                  fits;

  // The rest with two more bits of x, less 4*root + 1.
  assign rest_d = {rest_q[RootBits-1:0], shift_q[2*RootBits-1 -: 2]};
  assign trial  = {root_o, 2'b01};
  assign less   = {1'b0, rest_d} - {1'b0, trial};
  assign fits   = !less[RootBits+2];

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      shift_q <= x_i;
      rest_q  <= '0;
      root_o  <= '0;
    end else if (left_q != '0) begin
      shift_q <= {shift_q[2*RootBits-3:0], 2'b00};
      rest_q  <= fits ? less[RootBits+1:0] : rest_d;
      root_o  <= {root_o[RootBits-2:0], fits};
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      left_q <= '0;
      done_o <= 1'b0;
    end else begin
      if (start_i)           left_q <= CountBits'(RootBits);
      else if (left_q != '0) left_q <= left_q - 1'b1;
      done_o <= (left_q == CountBits'(1));
    end
  end

  logic unused_rest;
  assign unused_rest = ^rest_q[RootBits+1:RootBits];

endmodule

`default_nettype wire
