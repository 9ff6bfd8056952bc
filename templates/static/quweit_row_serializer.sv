// Holds one row and gives it out in Beats beats, beat 0 from the low bits.
//
// A new row is taken while the last beat of the one before leaves, so rows of Beats beats follow
// one another without a bubble.

`default_nettype none

module quweit_row_serializer #(
  parameter integer Beats    = 1,
  parameter integer BeatBits = 8
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,

  input  logic                      row_valid_i,
  output logic                      row_ready_o,
  input  logic [Beats*BeatBits-1:0] row_data_i,

  output logic                      beat_valid_o,
  input  logic                      beat_ready_i,
  output logic [BeatBits-1:0]       beat_data_o,
  output logic                      beat_last_o
);

  localparam integer CountBits = (Beats > 1) ? $clog2(Beats) : 1;
  localparam logic [CountBits-1:0] LastBeat = CountBits'(Beats - 1);

  logic [Beats*BeatBits-1:0] row_q;
  logic [CountBits-1:0]      count_q;
  logic                      valid_q;
  logic                      give_beat, load;

  assign give_beat   = valid_q && beat_ready_i;
  assign row_ready_o = !valid_q || (give_beat && beat_last_o);
  assign load        = row_valid_i && row_ready_o;

  always_ff @(posedge clk_i) begin
    if (load) row_q <= row_data_i;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      count_q <= '0;
      valid_q <= 1'b0;
    end else begin
      if (give_beat) count_q <= beat_last_o ? '0 : count_q + 1'b1;
      valid_q <= load || (valid_q && !(give_beat && beat_last_o));
    end
  end

  // A multiplexer costs a third of a shift register's load logic, and the row does not move.
  if (Beats > 1) begin : gen_select
    assign beat_data_o = row_q[count_q*BeatBits +: BeatBits];
  end else begin : gen_single
    assign beat_data_o = row_q;
  end

  assign beat_valid_o = valid_q;
  assign beat_last_o  = (count_q == LastBeat);

endmodule

`default_nettype wire
