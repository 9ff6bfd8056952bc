// Bench only: compares every word that a model writes into its memories with what its program computes.
//
// Two files say what is expected, a word a line: +places (from the lowest bit: address, whether it goes to the residual
// stream, lanes that are written, lanes that hold a number, whether it is the last of its row), +words its lanes, 16 bits each.
// Words that are too many or missing are wrong as well. The first wrong one is kept. Pixels and tokens that come in are no
// such words, and a row that is refused has none.

`default_nettype none

module quweit_write_probe #(
  parameter integer Words       = 1,   // of all rows
  parameter integer Lanes       = 8,
  parameter integer AddressBits = 20
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic [31:0]            cycle_i,
  input  logic                   loads_i,   // a sample is coming in
  input  logic                   gives_i,   // its answer goes out
  input  logic                   refused_i, // which is that it is refused
  input  logic [Lanes-1:0]       activation_write_i,
  input  logic [AddressBits-1:0] activation_address_i,
  input  logic [Lanes*8-1:0]     activation_data_i,
  input  logic [Lanes-1:0]       residual_write_i,
  input  logic [AddressBits-1:0] residual_address_i,
  input  logic [Lanes*16-1:0]    residual_data_i,

  output logic [31:0]            compared_o,  // since reset
  output logic [31:0]            wrong_o,     // since reset; what follows is of the first one
  output logic [31:0]            row_o,
  output logic [31:0]            word_o,      // of all; as many as there are where it is one too many
  output logic [31:0]            wrong_cycle_o,
  output logic                   missing_o,
  output logic                   residual_o,
  output logic [Lanes-1:0]       write_o,
  output logic [AddressBits-1:0] address_o,
  output logic [Lanes*16-1:0]    data_o
);

  localparam integer PlaceBits = 2 * Lanes + 2 + AddressBits;
  localparam integer IndexBits = (Words > 1) ? $clog2(Words) : 1;

  logic [PlaceBits-1:0] places [Words];
  logic [Lanes*16-1:0]  words [Words];
  string path;

  initial begin
    if ($value$plusargs("places=%s", path)) $readmemh(path, places);
    else $fatal(1, "+places=FILE is missing");
    if ($value$plusargs("words=%s", path)) $readmemh(path, words);
    else $fatal(1, "+words=FILE is missing");
  end

  logic [31:0]            row_q, word_q;
  logic [IndexBits-1:0]   place;
  logic                   gave_q, over_q, writes, residual, known, missing;  // over: the last word of the row has come
  logic [Lanes-1:0]       write;
  logic [AddressBits-1:0] address;

  // An unknown bit among those that say whether a word is written counts as one that says so.
  assign residual = (residual_write_i !== '0);
  assign writes   = !loads_i && (residual || (activation_write_i !== '0));
  assign write    = residual ? residual_write_i : activation_write_i;
  assign address  = residual ? residual_address_i : activation_address_i;
  assign known    = (word_q < Words) && !over_q;
  assign place    = known ? IndexBits'(word_q) : '0;
  assign missing  = gives_i && !refused_i && !gave_q && !over_q;

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
      row_q         <= '0;
      word_q        <= '0;
      gave_q        <= 1'b0;
      over_q        <= 1'b0;
      compared_o    <= '0;
      wrong_o       <= '0;
      row_o         <= '0;
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
        row_q  <= row_q + 1;
        over_q <= 1'b0;
      end else if (writes) begin
        if (known) begin
          word_q <= word_q + 1;
          over_q <= places[place][PlaceBits-1];
        end
        compared_o <= compared_o + 1;
      end
      if (missing || (writes && (!known
          || (places[place][AddressBits+:Lanes+1] !== {write, residual}) || (places[place][AddressBits-1:0] !== address)
          || differs(places[place][AddressBits+1+Lanes+:Lanes], data, words[place])))) begin
        wrong_o <= wrong_o + 1;
        if (wrong_o == 0) begin
          row_o         <= row_q;
          word_o        <= (known || missing) ? word_q : Words;
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
