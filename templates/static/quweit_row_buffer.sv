// Collects the beats of one row and offers the whole row.
//
// The row is taken by the next stage in one cycle, and the first beat of the following row may
// arrive in that same cycle, so rows of Beats beats follow one another without a bubble.
// A row is Beats beats; x_last_i on an earlier beat discards what has come of the row, so that a
// source that was interrupted finds back to the row boundary.

`default_nettype none

module quweit_row_buffer #(
  parameter integer Beats    = 1,
  parameter integer BeatBits = 8
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,

  input  logic                      beat_valid_i,
  output logic                      beat_ready_o,
  input  logic [BeatBits-1:0]       beat_data_i,
  input  logic                      beat_last_i,

  output logic                      row_valid_o,
  input  logic                      row_ready_i,
  output logic [Beats*BeatBits-1:0] row_data_o
);

  localparam integer CountBits = (Beats > 1) ? $clog2(Beats) : 1;
  localparam logic [CountBits-1:0] LastBeat = CountBits'(Beats - 1);

  logic [Beats*BeatBits-1:0] row_q;
  logic [CountBits-1:0]      count_q;
  logic                      full_q;
  logic                      take_beat;
  logic                      completes;

  // A full buffer takes a beat only in the cycle in which its row leaves.
  assign beat_ready_o = !full_q || row_ready_i;
  assign take_beat    = beat_valid_i && beat_ready_o;
  assign completes    = take_beat && (count_q == LastBeat);

  // Each beat has its own place: what lies behind a feature toggles once a row, not once a beat.
  always_ff @(posedge clk_i) begin
    for (int b = 0; b < Beats; b++) begin
      if (take_beat && (count_q == CountBits'(b))) begin
        row_q[b*BeatBits +: BeatBits] <= beat_data_i;
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      count_q <= '0;
      full_q  <= 1'b0;
    end else begin
      if (take_beat) begin
        count_q <= (completes || beat_last_i) ? '0 : count_q + 1'b1;
      end
      full_q <= completes || (full_q && !row_ready_i);
    end
  end

  assign row_valid_o = full_q;
  assign row_data_o  = row_q;

endmodule

`default_nettype wire
