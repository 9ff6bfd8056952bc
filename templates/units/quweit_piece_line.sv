// y = clamp((slope * x + intercept * 2^align, shifted down with rounding), to `OutputBits`), all signed.
//
// Four registers: operands; product, and intercept with half of what is shifted out; sum; result. With `Shifts` one more
// behind the sum, where the shift is no constant. The sum must fit `SumBits`.

`default_nettype none

module quweit_piece_line #(
  parameter integer InputBits  = 8,
  parameter integer WordBits   = 8,
  parameter integer SumBits    = 17,
  parameter integer OutputBits = 8,
  parameter integer AlignBits  = 4,
  parameter integer ShiftBits  = 4,
  parameter integer Shifts     = 0
) (
  input  logic                  clk_i,
  input  logic                  advance_i,
  input  logic [InputBits-1:0]  x_i,
  input  logic [WordBits-1:0]   slope_i,
  input  logic [WordBits-1:0]   intercept_i,
  input  logic [AlignBits-1:0]  align_i,
  input  logic [ShiftBits-1:0]  shift_i,
  output logic [OutputBits-1:0] y_o
);

  logic [InputBits-1:0]          x_q;
  logic [WordBits-1:0]           slope_q, intercept_q;
  logic [InputBits+WordBits-1:0] product, product_q;
  logic signed [SumBits-1:0]     half, offset_q, sum_q, shifted, shifted_end;
  logic                          fits;

  quweit_product #(
    .ABits (InputBits),
    .BBits (WordBits)
  ) u_product (
    .a_i       (x_q),
    .b_i       (slope_q),
    .product_o (product)
  );

  assign half    = SumBits'((SumBits'(1) << shift_i) >> 1);
  assign shifted = sum_q >>> shift_i;

  if (Shifts != 0) begin : gen_shift
    logic signed [SumBits-1:0] shifted_q;

    always_ff @(posedge clk_i) begin
      if (advance_i) shifted_q <= shifted;
    end

    assign shifted_end = shifted_q;
  end else begin : gen_wire
    assign shifted_end = shifted;
  end

  assign fits = (shifted_end[SumBits-1:OutputBits-1] == {SumBits-OutputBits+1{shifted_end[SumBits-1]}});

  always_ff @(posedge clk_i) begin
    if (advance_i) begin
      x_q         <= x_i;
      slope_q     <= slope_i;
      intercept_q <= intercept_i;
      product_q   <= product;
      offset_q    <= (SumBits'($signed(intercept_q)) << align_i) + half;
      sum_q       <= SumBits'($signed(product_q)) + offset_q;
      y_o         <= fits ? shifted_end[OutputBits-1:0]
                   : {shifted_end[SumBits-1], {OutputBits-1{~shifted_end[SumBits-1]}}};
    end
  end

endmodule

`default_nettype wire
