// Bench only: compares every word that a model writes into its memories with what its program computes.
//
// Two files say what is expected: +places a word of the schedule a line (from the lowest bit: address, whether it goes to the
// residual stream, lanes that are written, lanes that hold a number), +words its lanes for each sample, 16 bits each. Words
// that are too many or missing are wrong as well. The first wrong one is kept. Pixels that come in are no such words.

`default_nettype none

module quweit_write_probe #(
  parameter integer Samples     = 1,
  parameter integer Writes      = 1,   // of a sample
  parameter integer Lanes       = 8,
  parameter integer AddressBits = 20
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic [31:0]            cycle_i,
  input  logic                   loads_i,   // a sample is coming in
  input  logic                   gives_i,   // its answer goes out
  input  logic [Lanes-1:0]       activation_write_i,
  input  logic [AddressBits-1:0] activation_address_i,
  input  logic [Lanes*8-1:0]     activation_data_i,
  input  logic [Lanes-1:0]       residual_write_i,
  input  logic [AddressBits-1:0] residual_address_i,
  input  logic [Lanes*16-1:0]    residual_data_i,

  output logic [31:0]            compared_o,  // since reset
  output logic [31:0]            wrong_o,     // since reset; what follows is of the first one
  output logic [31:0]            sample_o,
  output logic [31:0]            word_o,      // of the sample; as many as there are where words are missing at its end
  output logic [31:0]            wrong_cycle_o,
  output logic                   missing_o,
  output logic                   residual_o,
  output logic [Lanes-1:0]       write_o,
  output logic [AddressBits-1:0] address_o,
  output logic [Lanes*16-1:0]    data_o
);

  localparam integer PlaceBits = 2 * Lanes + 1 + AddressBits;

  logic [PlaceBits-1:0] places [Writes];
  logic [Lanes*16-1:0]  words [Samples*Writes];
  string path;

  initial begin
    if ($value$plusargs("places=%s", path)) $readmemh(path, places);
    else $fatal(1, "+places=FILE is missing");
    if ($value$plusargs("words=%s", path)) $readmemh(path, words);
    else $fatal(1, "+words=FILE is missing");
  end

  logic [31:0]            sample_q, word_q, place;
  logic                   gave_q, writes, residual, known, missing;
  logic [Lanes-1:0]       write;
  logic [AddressBits-1:0] address;

  // An unknown bit among those that say whether a word is written counts as one that says so.
  assign residual = (residual_write_i !== '0);
  assign writes   = !loads_i && (residual || (activation_write_i !== '0));
  assign write    = residual ? residual_write_i : activation_write_i;
  assign address  = residual ? residual_address_i : activation_address_i;
  assign known    = (word_q < Writes) && (sample_q < Samples);
  assign place    = known ? word_q : 0;
  assign missing  = gives_i && !gave_q && (word_q != Writes);

  function automatic logic [Lanes*16-1:0] widened(input logic [Lanes*8-1:0] bytes);
    for (int lane = 0; lane < Lanes; lane++) begin
      widened[lane*16 +: 16] = {{8{bytes[lane*8+7]}}, bytes[lane*8 +: 8]};
    end
  endfunction

  function automatic logic differs(
    input logic [Lanes-1:0] holds, input logic [Lanes*16-1:0] got, input logic [Lanes*16-1:0] expected
  );
    differs = 1'b0;
    for (int lane = 0; lane < Lanes; lane++) begin
      if (holds[lane] && (got[lane*16 +: 16] !== expected[lane*16 +: 16])) differs = 1'b1;
    end
  endfunction

  logic [Lanes*16-1:0] data;
  assign data = residual ? residual_data_i : widened(activation_data_i);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      sample_q      <= '0;
      word_q        <= '0;
      gave_q        <= 1'b0;
      compared_o    <= '0;
      wrong_o       <= '0;
      sample_o      <= '0;
      word_o        <= '0;
      wrong_cycle_o <= '0;
      missing_o     <= 1'b0;
      residual_o    <= 1'b0;
      write_o       <= '0;
      address_o     <= '0;
      data_o        <= '0;
    end else begin
      gave_q <= gives_i;
      if (gave_q && !gives_i) begin
        sample_q <= sample_q + 1;
        word_q   <= '0;
      end else if (writes) begin
        word_q     <= word_q + 1;
        compared_o <= compared_o + 1;
      end
      if (missing || (writes && (!known
          || (places[place][AddressBits+:Lanes+1] !== {write, residual}) || (places[place][AddressBits-1:0] !== address)
          || differs(places[place][AddressBits+1+Lanes+:Lanes], data, words[sample_q*Writes+place])))) begin
        wrong_o <= wrong_o + 1;
        if (wrong_o == 0) begin
          sample_o      <= sample_q;
          word_o        <= word_q;
          wrong_cycle_o <= cycle_i;
          missing_o     <= missing;
          residual_o    <= residual;
          write_o       <= write;
          address_o     <= address;
          data_o        <= data;
        end
      end
    end
  end

endmodule

`default_nettype wire
