// Conditional summation: acc[e] = bias[e] + sum of the encoded values whose bit is set.
//
// A row's bits are held and consumed BitsPerCycle a cycle, Cycles cycles a row. The table beside
// this module answers, for the present time slot and the bits of that slot, Groups partial sums
// an output; they are added to the accumulator. In the first cycle of a row the accumulator starts
// from the bias, so the sum of the row before stays readable for that one cycle and rows follow
// one another without a bubble. The sum is offered until it is taken; a row that would overwrite
// it waits.

`default_nettype none

module quweit_summation #(
  parameter integer Bits         = 1,  // of one row, a multiple of BitsPerCycle
  parameter integer BitsPerCycle = 1,
  parameter integer Cycles       = 1,  // Bits / BitsPerCycle
  parameter integer TimeBits     = 1,
  parameter integer Outputs      = 1,
  parameter integer Groups       = 1,  // partial sums an output in one cycle
  parameter integer PartialBits  = 8,  // signed
  parameter integer SumBits      = 16  // signed, wide enough for every prefix of the sum
) (
  input  logic                                  clk_i,
  input  logic                                  rst_ni,

  input  logic                                  bits_valid_i,
  output logic                                  bits_ready_o,
  input  logic [Bits-1:0]                       bits_data_i,

  input  logic [Outputs*SumBits-1:0]            bias_i,  // constant
  output logic [TimeBits-1:0]                   time_o,
  output logic [BitsPerCycle-1:0]               slot_bits_o,
  input  logic [Outputs*Groups*PartialBits-1:0] partial_i,

  output logic                                  sum_valid_o,
  input  logic                                  sum_ready_i,
  output logic [Outputs*SumBits-1:0]            sum_data_o
);

  localparam logic [TimeBits-1:0] LastTime = TimeBits'(Cycles - 1);

  logic [Bits-1:0]     bits_q;
  logic [TimeBits-1:0] time_q;
  logic                busy_q;
  logic                done_q;
  logic [Outputs*SumBits-1:0] sum_q;
  logic                first_slot, last_slot, step, load;

  assign first_slot = (time_q == '0);
  assign last_slot  = (time_q == LastTime);
  // The first slot overwrites the sum of the row before, so it waits until that one is taken.
  assign step         = busy_q && !(first_slot && done_q && !sum_ready_i);
  assign bits_ready_o = !busy_q || (step && last_slot);
  assign load         = bits_valid_i && bits_ready_o;

  always_ff @(posedge clk_i) begin
    if (load) bits_q <= bits_data_i;
  end

  if (Cycles > 1) begin : gen_slots
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni)   time_q <= '0;
      else if (step) time_q <= last_slot ? '0 : time_q + 1'b1;
    end
    // A multiplexer costs a third of a shift register's load logic, and the bits do not move.
    assign slot_bits_o = bits_q[time_q*BitsPerCycle +: BitsPerCycle];
  end else begin : gen_one_slot
    assign time_q      = '0;
    assign slot_bits_o = bits_q;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      done_q <= 1'b0;
    end else begin
      busy_q <= load || (busy_q && !(step && last_slot));
      done_q <= (step && last_slot) || (done_q && !sum_ready_i);
    end
  end

  function automatic logic signed [SumBits-1:0] sum_of(input logic [Groups*PartialBits-1:0] terms);
    sum_of = '0;
    for (int g = 0; g < Groups; g++) begin
      sum_of = sum_of + SumBits'($signed(terms[g*PartialBits +: PartialBits]));
    end
  endfunction

  // One clocked process for all outputs: event-driven simulators then work once a cycle, and no net
  // is driven by parts.
  always_ff @(posedge clk_i) begin
    if (step) begin
      for (int e = 0; e < Outputs; e++) begin
        sum_q[e*SumBits +: SumBits] <=
            (first_slot ? bias_i[e*SumBits +: SumBits] : sum_q[e*SumBits +: SumBits])
            + sum_of(partial_i[e*Groups*PartialBits +: Groups*PartialBits]);
      end
    end
  end

  assign time_o      = time_q;
  assign sum_valid_o = done_q;
  assign sum_data_o  = sum_q;

endmodule

`default_nettype wire
