// The weight of a score so many steps below the maximum, with exp in pieces: 2^16 is one. Combinational.
//
// The multiplier, a power of two of 16 at most, brings the distance to the codes of the pieces; beyond 255 it counts as 255.

`default_nettype none

module quweit_piece_exponential #(
  parameter integer Pieces   = 8,
  parameter integer WordBits = 8,
  parameter integer SumBits  = 18,
  parameter integer Align    = 5,
  parameter integer Lift     = 5,
  parameter logic [Pieces*9-1:0]        Breakpoints = '0,  // of piece 1 on, in the low bits
  parameter logic [Pieces*WordBits-1:0] Slopes = '0,
  parameter logic [Pieces*WordBits-1:0] Intercepts = '0
) (
  input  logic [7:0]  distance_i,
  input  logic [7:0]  multiplier_i,
  output logic [16:0] weight_o
);

  localparam integer WeightBits = SumBits + Lift;
  localparam logic signed [WeightBits-1:0] Most = 65536;  // to Yosys a cast number has no sign

  logic [11:0]           scaled;
  logic [8:0]            code;  // signed: 0 ... -255
  logic [WordBits-1:0]   slope, intercept;
  logic [WordBits+8:0]   product;
  logic signed [SumBits-1:0]    wide_product, wide_intercept, sum;
  logic signed [WeightBits-1:0] wide_sum, weight;

  assign scaled = ({4'd0, distance_i}       & {12{multiplier_i[0]}}) | ({3'd0, distance_i, 1'd0} & {12{multiplier_i[1]}})
                | ({2'd0, distance_i, 2'd0} & {12{multiplier_i[2]}}) | ({1'd0, distance_i, 3'd0} & {12{multiplier_i[3]}})
                | ({distance_i, 4'd0}       & {12{multiplier_i[4]}});
  assign code   = 9'd0 - {1'b0, (scaled[11:8] != '0) ? 8'd255 : scaled[7:0]};

  quweit_piece_select #(
    .Pieces    (Pieces),
    .InputBits (9),
    .WordBits  (WordBits)
  ) u_select (
    .x_i           (code),
    .breakpoints_i (Breakpoints[(Pieces-1)*9-1:0]),
    .slopes_i      (Slopes),
    .intercepts_i  (Intercepts),
    .slope_o       (slope),
    .intercept_o   (intercept)
  );

  quweit_product #(
    .ABits (9),
    .BBits (WordBits)
  ) u_product (
    .a_i       (code),
    .b_i       (slope),
    .product_o (product)
  );

  assign wide_product   = SumBits'($signed(product));
  assign wide_intercept = SumBits'($signed(intercept));
  assign sum            = wide_product + (wide_intercept <<< Align);
  assign wide_sum       = WeightBits'(sum);
  assign weight         = wide_sum <<< Lift;
  assign weight_o       = sum[SumBits-1] ? 17'd0 : (weight > Most) ? 17'h10000 : weight[16:0];

  logic unused_bits;
  assign unused_bits = ^multiplier_i[7:5];

endmodule

`default_nettype wire
