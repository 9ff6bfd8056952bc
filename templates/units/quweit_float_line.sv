// y = slope * x + intercept in float32, each result rounded to the nearest, ties to even. Ten registers.
//
// Finite numbers alone: a number below the least normal one is 0, and nothing is made of one above the greatest.

`default_nettype none

module quweit_float_line (
  input  logic        clk_i,
  input  logic        advance_i,
  input  logic [31:0] x_i,
  input  logic [31:0] slope_i,
  input  logic [31:0] intercept_i,
  output logic [31:0] y_o
);

  // With its leading one, where there is one.
  function automatic logic [23:0] mantissa_of(input logic [30:0] number);
    mantissa_of = (number[30:23] == '0) ? '0 : {1'b1, number[22:0]};
  endfunction

  // ---------------------------------------------------------------- product: 1 to 5
  logic [3:0]         sign_q, zero_q;        // of the products in the multiplier
  logic [4*10-1:0]    exponent_q;            // signed, of the higher of the two leading bits that a product can have
  logic [5*32-1:0]    waiting_q;             // intercepts
  logic signed [24:0] slope;
  logic [23:0]        x;
  logic signed [48:0] product;
  logic               high, up;
  logic [9:0]         exponent;
  logic [23:0]        kept;
  logic [24:0]        rounded;
  logic [31:0]        term_q;                // the product as float32

  assign slope = $signed({2'b01, slope_i[22:0]});
  assign x     = {1'b1, x_i[22:0]};

  quweit_multiplier #(
    .ABits (25),
    .BBits (24)
  ) u_product (
    .clk_i,
    .advance_i,
    .a_i       (slope),
    .b_i       (x),
    .product_o (product)
  );

  assign high     = product[47];
  assign kept     = high ? product[47:24] : product[46:23];
  assign up       = high ? product[23] && ((product[22:0] != '0) || product[24])
                         : product[22] && ((product[21:0] != '0) || product[23]);
  assign rounded  = {1'b0, kept} + 25'(up);
  assign exponent = exponent_q[30 +: 10] - 10'(!high) + 10'(rounded[24]);

  // ---------------------------------------------------------------- sum: 6 to 10
  logic [31:0] intercept;
  logic        term_less;
  logic [31:0] larger_q, smaller_q;
  logic [7:0]  apart;
  logic [26:0] smaller, aligned_q;           // with guard, round and sticky bits
  logic [50:0] spread;
  logic [31:0] larger_end_q, larger_sum_q;
  logic        minus_q;
  logic [27:0] sum_q;
  logic [4:0]  zeros;
  logic [26:0] normal_q;
  logic [9:0]  normal_exponent_q;
  logic        normal_sign_q, normal_zero_q;
  logic [24:0] mantissa;
  logic [9:0]  exponent_end;

  assign intercept = waiting_q[4*32 +: 32];
  assign term_less = (term_q[30:0] < intercept[30:0]);
  assign apart     = larger_q[30:23] - smaller_q[30:23];
  assign spread    = {mantissa_of(smaller_q[30:0]), 27'd0} >> ((apart > 8'd26) ? 5'd26 : apart[4:0]);
  assign smaller   = {spread[50:25], spread[24:0] != '0};

  always_comb begin
    zeros = 5'd27;
    for (int place = 0; place < 27; place++) begin
      if (sum_q[place]) zeros = 5'(26 - place);
    end
  end

  assign mantissa     = {1'b0, normal_q[26:3]} + 25'(normal_q[2] && ((normal_q[1:0] != '0) || normal_q[3]));
  assign exponent_end = normal_exponent_q + 10'(mantissa[24]);

  always_ff @(posedge clk_i) begin
    if (advance_i) begin
      sign_q     <= {sign_q[2:0], slope_i[31] ^ x_i[31]};
      zero_q     <= {zero_q[2:0], (slope_i[30:23] == '0) || (x_i[30:23] == '0)};
      exponent_q <= {exponent_q[29:0], 10'(slope_i[30:23]) + 10'(x_i[30:23]) - 10'd126};
      waiting_q  <= {waiting_q[4*32-1:0], intercept_i};
      term_q     <= (zero_q[3] || $signed(exponent) <= 10'sd0) ? '0
                  : {sign_q[3], exponent[7:0], rounded[24] ? 23'd0 : rounded[22:0]};

      larger_q     <= term_less ? intercept : term_q;
      smaller_q    <= term_less ? term_q : intercept;

      aligned_q    <= smaller;
      larger_end_q <= larger_q;
      minus_q      <= larger_q[31] ^ smaller_q[31];

      sum_q        <= minus_q ? {1'b0, mantissa_of(larger_end_q[30:0]), 3'd0} - {1'b0, aligned_q}
                              : {1'b0, mantissa_of(larger_end_q[30:0]), 3'd0} + {1'b0, aligned_q};
      larger_sum_q <= larger_end_q;

      normal_q          <= sum_q[27] ? {sum_q[27:2], sum_q[1] | sum_q[0]} : sum_q[26:0] << zeros;
      normal_exponent_q <= 10'(larger_sum_q[30:23]) + 10'(sum_q[27]) - (sum_q[27] ? 10'd0 : 10'(zeros));
      normal_sign_q     <= larger_sum_q[31];
      normal_zero_q     <= (sum_q == '0);

      y_o <= (normal_zero_q || $signed(exponent_end) <= 10'sd0) ? '0
           : {normal_sign_q, exponent_end[7:0], mantissa[24] ? 23'd0 : mantissa[22:0]};
    end
  end

  logic unused_bits;
  assign unused_bits = ^{product[48], larger_sum_q[22:0], rounded[23], mantissa[23]};

endmodule

`default_nettype wire
