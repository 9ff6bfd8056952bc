// Collects the thermometer bits of one row, beat by beat, and offers the whole row of bits.
//
// The comparators beside this module see one beat at a time: `slot_o` tells them which beat comes
// next, and their answer is written to its own place, so that a bit toggles once a row. A one-hot
// token follows the beats and is the write enable: no decoder. The row is taken by the next stage
// in one cycle, and the following row may arrive meanwhile, so rows of Beats beats follow one
// another without a bubble. x_last on an earlier beat discards what has come of the row, so that a
// source that was interrupted finds back to the row boundary.

`default_nettype none

module quweit_bit_store #(
  parameter integer Beats    = 1,
  parameter integer SlotBits = 1,
  parameter integer BeatBits = 8  // thermometer bits of one beat
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,

  input  logic                      beat_valid_i,
  output logic                      beat_ready_o,
  input  logic                      beat_last_i,
  input  logic [BeatBits-1:0]       beat_bits_i,
  output logic [SlotBits-1:0]       slot_o,

  output logic                      row_valid_o,
  input  logic                      row_ready_i,
  output logic [Beats*BeatBits-1:0] row_bits_o
);

  localparam logic [SlotBits-1:0] LastSlot = SlotBits'(Beats - 1);

  logic [SlotBits-1:0]       slot_q;   // of the beat to come
  logic [Beats-1:0]          token_q;  // of the beat in code_q
  logic [BeatBits-1:0]       code_q;
  logic [Beats*BeatBits-1:0] bits_q;
  logic                      final_q;  // code_q completes a row
  logic                      full_q;
  logic                      held, take;

  // While a complete row waits, code_q can only hold the first beat of the next one.
  assign held         = full_q && !row_ready_i;
  assign beat_ready_o = !held;
  assign take         = beat_valid_i && beat_ready_o;

  if (Beats > 1) begin : gen_count
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni)   slot_q <= '0;
      else if (take) slot_q <= ((slot_q == LastSlot) || beat_last_i) ? '0 : slot_q + 1'b1;
    end
    always_ff @(posedge clk_i) begin
      if (take) begin
        if (slot_q == '0) token_q <= {{Beats - 1{1'b0}}, 1'b1};
        else              token_q <= {token_q[Beats-2:0], 1'b0};
      end
    end
  end else begin : gen_single
    logic unused_last;
    assign unused_last = beat_last_i;
    assign slot_q      = '0;
    assign token_q     = 1'b1;
  end

  always_ff @(posedge clk_i) begin
    if (take) code_q <= beat_bits_i;
  end

  // Written again and again until the next beat comes, always with the same bits.
  always_ff @(posedge clk_i) begin
    for (int b = 0; b < Beats; b++) begin
      if (token_q[b] && !(b == 0 && held)) bits_q[b*BeatBits +: BeatBits] <= code_q;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      final_q <= 1'b0;
      full_q  <= 1'b0;
    end else if (!held) begin
      final_q <= take && (slot_q == LastSlot);
      full_q  <= final_q;
    end
  end

  assign slot_o      = slot_q;
  assign row_valid_o = full_q;
  assign row_bits_o  = bits_q;

endmodule

`default_nettype wire
