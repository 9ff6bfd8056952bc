// What nextpnr leaves on an iCE40, for simulation: a logic cell, a pin, a global buffer. Flip-flops start with 0; what is open is 0.
module ICESTORM_LC #(
  parameter [15:0] LUT_INIT = 0,
  parameter [0:0] NEG_CLK = 0, CARRY_ENABLE = 0, DFF_ENABLE = 0, SET_NORESET = 0, ASYNC_SR = 0, CIN_CONST = 0, CIN_SET = 0
) (
  input I0, I1, I2, I3, CIN, CLK, CEN, SR,
  output LO, O, COUT
);
  function value(input pin, input open);
    value = (pin === 1'bz) ? open : pin;
  endfunction

  wire a = value(I0, 1'b0), b = value(I1, 1'b0), c = value(I2, 1'b0), d = value(I3, 1'b0);
  wire enable = value(CEN, 1'b1), set = value(SR, 1'b0), clock = CLK ^ NEG_CLK;
  wire carry = CIN_CONST ? CIN_SET : value(CIN, 1'b0);
  wire [7:0] of_eight = d ? LUT_INIT[15:8] : LUT_INIT[7:0];  // a choice of equal bits is known, whatever chooses
  wire [3:0] of_four = c ? of_eight[7:4] : of_eight[3:0];
  wire [1:0] of_two = b ? of_four[3:2] : of_four[1:0];
  wire lut = a ? of_two[1] : of_two[0];
  reg at_once = 1'b0, in_step = 1'b0;

  always @(posedge clock or posedge set)
    if (set) at_once <= SET_NORESET;
    else if (enable) at_once <= lut;

  always @(posedge clock) if (enable) in_step <= set ? SET_NORESET : lut;

  assign COUT = CARRY_ENABLE && ((b && c) || ((b || c) && carry));
  assign LO   = lut;
  assign O    = !DFF_ENABLE ? lut : ASYNC_SR ? at_once : in_step;
endmodule

module SB_IO #(
  parameter [31:0] PIN_TYPE = 1,
  parameter [0:0] PULLUP = 0, NEG_TRIGGER = 0,
  parameter IO_STANDARD = ""
) (
  inout PACKAGE_PIN,
  input D_OUT_0,
  output D_IN_0
);
  assign D_IN_0 = PACKAGE_PIN;
  generate
    if (PIN_TYPE == 25) assign PACKAGE_PIN = D_OUT_0;
    else if (PIN_TYPE != 1) NOT_A_PLAIN_PIN u_not ();
  endgenerate
endmodule

module SB_GB (
  input USER_SIGNAL_TO_GLOBAL_BUFFER,
  output GLOBAL_BUFFER_OUTPUT
);
  assign GLOBAL_BUFFER_OUTPUT = USER_SIGNAL_TO_GLOBAL_BUFFER;
endmodule
