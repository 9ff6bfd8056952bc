// The stream of a lane: an element a beat, and `Stages` registers from what is taken to what is given.
//
// A row is `Words` beats that say how, which a unit keeps for itself, and then `Elements`. All registers of a lane advance
// together. An element waits for no other of its row. So a row that x_last_i breaks off has been given as far as it came:
// y_last_o breaks it off there as well, and who collects the row discards it.

`default_nettype none

module quweit_lane #(
  parameter integer Elements = 1,
  parameter integer Words    = 0,
  parameter integer Stages   = 1
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic x_valid_i,
  output logic x_ready_o,
  input  logic x_last_i,
  output logic y_valid_o,
  input  logic y_ready_i,
  output logic y_last_o,
  output logic advance_o,
  output logic word_o,        // one of the words is taken
  output logic [1:0] final_o  // ... which is the last but one, or the last
);

  localparam integer Beats = Words + Elements;
  localparam integer IndexBits = (Beats > 1) ? $clog2(Beats) : 1;

  logic [IndexBits-1:0] index_q;
  logic [Stages:1]      valid_q, last_q;
  logic                 take, last, saying;

  assign advance_o = !y_valid_o || y_ready_i;
  assign x_ready_o = advance_o;
  assign take      = x_valid_i && advance_o;
  assign last      = (Beats == 1) || (index_q == IndexBits'(Beats - 1)) || x_last_i;
  assign saying    = (Words > 0) && (32'(index_q) < Words);
  assign word_o    = take && saying;
  assign final_o   = {word_o && (32'(index_q) + 1 == Words), word_o && (32'(index_q) + 2 == Words)};
  assign y_valid_o = valid_q[Stages];
  assign y_last_o  = last_q[Stages];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      index_q <= '0;
      valid_q <= '0;
      last_q  <= '0;
    end else if (advance_o) begin
      if (x_valid_i) index_q <= last ? '0 : index_q + 1'b1;
      valid_q <= Stages'({valid_q, x_valid_i && !saying});
      last_q  <= Stages'({last_q, x_valid_i && !saying && last});
    end
  end

endmodule

`default_nettype wire
