// Bench only: takes beats from a design, with random stalls when asked, and shows whole rows.
//
// It also watches the handshake: a beat that was offered and not taken must stay as it is, the last beat of a
// row, and no other, must be marked, and whether a beat is offered must always be known.

`default_nettype none

module quweit_row_sink #(
  parameter integer Beats    = 1,
  parameter integer BeatBits = 8
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  logic                      stalls_i,
  input  logic [31:0]               cycle_i,

  input  logic                      valid_i,
  output logic                      ready_o,
  input  logic [BeatBits-1:0]       data_i,
  input  logic                      last_i,

  output logic [31:0]               rows_o,       // completed since reset
  output logic [Beats*BeatBits-1:0] row_data_o,   // the latest
  output logic [31:0]               row_cycle_o,  // in which its last beat was taken
  output logic [31:0]               violations_o  // of the handshake, since reset
);

  localparam logic [31:0] LastBeat = 32'(Beats - 1);

  logic [Beats*BeatBits-1:0] row_q;
  logic [31:0]               beat_q, lfsr_q;
  logic                      waiting_q;
  logic [BeatBits:0]         offered_q;
  logic                      taken, unstable, misplaced_last, unknown;

  assign ready_o        = !stalls_i || lfsr_q[0];
  assign taken          = valid_i && ready_o;
  assign unstable       = waiting_q && (!valid_i || ({last_i, data_i} !== offered_q));
  assign unknown        = (valid_i !== 1'b0) && (valid_i !== 1'b1);
  assign misplaced_last = valid_i && (last_i !== (beat_q == LastBeat));

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      beat_q       <= '0;
      lfsr_q       <= 32'h1d87_2b41;
      waiting_q    <= 1'b0;
      offered_q    <= '0;
      row_q        <= '0;
      rows_o       <= '0;
      row_data_o   <= '0;
      row_cycle_o  <= '0;
      violations_o <= '0;
    end else begin
      lfsr_q    <= {lfsr_q[30:0], lfsr_q[31] ^ lfsr_q[21] ^ lfsr_q[1] ^ lfsr_q[0]};
      waiting_q <= valid_i && !ready_o;
      offered_q <= {last_i, data_i};
      if (unstable || misplaced_last || unknown) violations_o <= violations_o + 1;
      if (taken) begin
        row_q[beat_q*BeatBits +: BeatBits] <= data_i;
        beat_q <= (beat_q == LastBeat) ? '0 : beat_q + 1;
        if (beat_q == LastBeat) begin
          row_data_o <= row_q;
          row_data_o[(Beats-1)*BeatBits +: BeatBits] <= data_i;
          row_cycle_o <= cycle_i;
          rows_o      <= rows_o + 1;
        end
      end
    end
  end

endmodule

`default_nettype wire
