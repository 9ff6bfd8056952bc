// Bench only: plays rows from a memory file into a design, with random gaps when asked.
//
// With gaps, four rows in eight come with random gaps, the next four as fast as they are taken, and then nothing for up to
// two intervals between rows, one time in eight for sixteen more: what waits behind a row runs dry. Rows are broken off now and then: a beat
// before the last is marked as last, and the row begins anew, so that the design must discard what it has of it. The mark
// of a last beat is left out now and then, which changes nothing. Everything is decided in the clocked process, so no
// simulator race is possible.

`default_nettype none

module quweit_row_source #(
  parameter integer Rows     = 1,
  parameter integer Beats    = 1,
  parameter integer BeatBits = 8,
  parameter integer Interval = 1,  // cycles between rows
  parameter integer Breaks   = 1   // 0: rows are neither broken off nor without a mark
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic [31:0]         rows_i,   // rows to play
  input  logic                gaps_i,

  output logic                valid_o,
  input  logic                ready_i,
  output logic [BeatBits-1:0] data_o,
  output logic                last_o,

  input  logic [31:0]         cycle_i,
  output logic [31:0]         first_cycle_o,  // in which the first beat of row 0 was taken
  output logic [BeatBits+30:0] checksum_o     // of the memory: whether it holds what the file does
);

  localparam logic [31:0] LastBeat = 32'(Beats - 1);

  logic [BeatBits-1:0] memory [Rows*Beats];
  string path;

  initial begin
    if ($value$plusargs("inputs=%s", path)) $readmemh(path, memory);
    else $fatal(1, "+inputs=FILE is missing");
    checksum_o = '0;
    for (int beat = 0; beat < Rows * Beats; beat++) begin
      checksum_o = {checksum_o[BeatBits+29:0], checksum_o[BeatBits+30]} ^ {31'd0, memory[beat]};
    end
  end

  logic [31:0] row_q, beat_q, lfsr_q, silence_q;
  logic        valid_q, broken_q, unmarked_q;
  logic [31:0] next_beat;
  logic        taken, pause, break_off, exhausted, falls_silent;

  assign taken         = valid_q && ready_i && !broken_q;
  assign exhausted     = (row_q == rows_i)
                       || (taken && (beat_q == LastBeat) && (row_q + 1 == rows_i));
  assign next_beat     = (valid_q && ready_i && (broken_q || beat_q == LastBeat)) ? '0
                       : taken ? beat_q + 1 : beat_q;
  assign falls_silent  = gaps_i && taken && (beat_q == LastBeat) && (row_q[2:0] == 3'd7);
  assign pause         = falls_silent || (silence_q != 0) || (gaps_i && lfsr_q[0] && !row_q[2]);
  // Often in short rows and on first beats, else seldom enough that hundreds of beats come through.
  assign break_off     = gaps_i && (Breaks != 0) && (next_beat != LastBeat) && (lfsr_q[7:4] == 4'd3)
                       && ((Beats <= 16) || (next_beat == 0) || (lfsr_q[12:8] == 5'd9));

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      row_q         <= '0;
      beat_q        <= '0;
      valid_q       <= 1'b0;
      broken_q      <= 1'b0;
      unmarked_q    <= 1'b0;
      lfsr_q        <= 32'hace1_2b4d;
      silence_q     <= '0;
      first_cycle_o <= '0;
    end else begin
      lfsr_q <= {lfsr_q[30:0], lfsr_q[31] ^ lfsr_q[21] ^ lfsr_q[1] ^ lfsr_q[0]};
      if (falls_silent)        silence_q <= ((32'(Interval) * 32'(lfsr_q[12:8])) >> 4)
                                           + ((lfsr_q[15:13] == 3'd3) ? 32'(16 * Interval) : 0);
      else if (silence_q != 0) silence_q <= silence_q - 1;
      if (taken) begin
        if (row_q == 0 && beat_q == 0) first_cycle_o <= cycle_i;
        if (beat_q == LastBeat) row_q <= row_q + 1;
      end
      beat_q <= next_beat;
      // Once valid, a beat stays until it is taken.
      if (!valid_q || ready_i) begin
        valid_q    <= !pause && !exhausted;
        broken_q   <= break_off;
        unmarked_q <= gaps_i && (Breaks != 0) && (lfsr_q[3:2] == 2'd1);
      end
    end
  end

  assign valid_o = valid_q;
  assign data_o  = memory[row_q*Beats + beat_q];
  assign last_o  = broken_q || (beat_q == LastBeat && !unmarked_q);

endmodule

`default_nettype wire
