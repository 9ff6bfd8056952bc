// What a file of hexadecimal words holds, a word a cycle. The file is read where the tool runs.
//
// On an FPGA up to 64 words, the depth of a LUT, are in LUTs, and others in block RAM. An UltraRAM cannot hold anything at first.

`default_nettype none

module quweit_rom #(
  parameter integer Words = 16,
  parameter integer Bits  = 8,
  parameter         Contents = "",
  localparam integer AddressBits = (Words > 1) ? $clog2(Words) : 1
) (
  input  logic                   clk_i,
  input  logic [AddressBits-1:0] address_i,
  output logic [Bits-1:0]        data_o
);

`ifdef SYNTHESIS
  localparam Style = (Words <= 64) ? "distributed" : "block";
  (* rom_style = Style *) logic [Bits-1:0] words [Words];
`else
  logic [Bits-1:0] words [Words];
`endif

  initial $readmemh(Contents, words);

  always_ff @(posedge clk_i) data_o <= words[address_i];

endmodule

`default_nettype wire
