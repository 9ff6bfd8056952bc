// Holds the bits of one row while its outputs are summed, and moves the pipeline behind it.
//
// A row takes Cycles time slots, a beat of outputs each. The pipeline has Stages registers, all
// enabled by advance_o; it stands still as long as its last beat is not taken. Rows of Cycles
// slots follow one another without a bubble.

`default_nettype none

module quweit_sequencer #(
  parameter integer Bits     = 1,
  parameter integer Cycles   = 1,
  parameter integer TimeBits = 1,
  parameter integer Stages   = 2
) (
  input  logic                clk_i,
  input  logic                rst_ni,

  input  logic                row_valid_i,
  output logic                row_ready_o,
  input  logic [Bits-1:0]     row_bits_i,

  output logic                advance_o,
  output logic [TimeBits-1:0] time_o,
  output logic [Bits-1:0]     bits_o,

  output logic                beat_valid_o,
  input  logic                beat_ready_i,
  output logic                beat_last_o
);

  localparam logic [TimeBits-1:0] LastTime = TimeBits'(Cycles - 1);

  logic [Bits-1:0]     bits_q;
  logic [TimeBits-1:0] time_q;
  logic                busy_q;
  logic [Stages-1:0]   valid_q, last_q;
  logic [Stages:0]     valid_d, last_d;  // what the pipeline holds behind what enters it
  logic                step, last_slot, load;

  assign valid_d     = {valid_q, busy_q};
  assign last_d      = {last_q, last_slot};
  assign advance_o   = !valid_d[Stages] || beat_ready_i;
  assign step        = busy_q && advance_o;
  assign last_slot   = (time_q == LastTime);
  assign row_ready_o = !busy_q || (step && last_slot);
  assign load        = row_valid_i && row_ready_o;

  always_ff @(posedge clk_i) begin
    if (load) bits_q <= row_bits_i;
  end

  if (Cycles > 1) begin : gen_count
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni)   time_q <= '0;
      else if (step) time_q <= last_slot ? '0 : time_q + 1'b1;
    end
  end else begin : gen_single
    assign time_q = '0;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q  <= 1'b0;
      valid_q <= '0;
      last_q  <= '0;
    end else begin
      busy_q <= load || (busy_q && !(step && last_slot));
      if (advance_o) begin
        valid_q <= valid_d[Stages-1:0];
        last_q  <= last_d[Stages-1:0];
      end
    end
  end

  assign time_o       = time_q;
  assign bits_o       = bits_q;
  assign beat_valid_o = valid_d[Stages];
  assign beat_last_o  = last_d[Stages];

endmodule

`default_nettype wire
