// Ping-pong buffer of operands: two banks of Depth beats, one filled while the other feeds the array.
//
// A bank is freed beat by beat, so that products whose inner dimension is no multiple of Depth lose no
// cycle at the change of banks.

`default_nettype none

module quweit_operand_buffer #(
  parameter integer Depth = 16,  // beats of a bank, a power of two
  parameter integer Bits  = 128
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic            x_valid_i,
  output logic            x_ready_o,
  input  logic [Bits-1:0] x_data_i,
  output logic            beat_valid_o,
  input  logic            beat_ready_i,
  output logic [Bits-1:0] beat_data_o
);

  localparam integer AddressBits = $clog2(2 * Depth);

  logic [Bits-1:0]      bank_q [2*Depth];
  logic [AddressBits:0] write_q, read_q;  // one bit more tells full from empty
  logic                 fill, take;

  assign x_ready_o    = (write_q ^ read_q) != {1'b1, {AddressBits{1'b0}}};
  assign beat_valid_o = write_q != read_q;
  assign fill         = x_valid_i && x_ready_o;
  assign take         = beat_valid_o && beat_ready_i;
  assign beat_data_o  = bank_q[read_q[AddressBits-1:0]];

  always_ff @(posedge clk_i) begin
    if (fill) bank_q[write_q[AddressBits-1:0]] <= x_data_i;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      write_q <= '0;
      read_q  <= '0;
    end else begin
      write_q <= write_q + (AddressBits + 1)'(fill);
      read_q  <= read_q + (AddressBits + 1)'(take);
    end
  end

endmodule

`default_nettype wire
