// A memory with a write port, whose lanes are enabled one by one, and a read port of one cycle. At first all is 0.
//
// On an FPGA up to 64 words, the depth of a LUT, are in LUTs; from 4,096 words, the depth of an UltraRAM, in such where the part
// has them; the others in block RAM.

`default_nettype none

module quweit_memory #(
  parameter integer Words = 16,
  parameter integer Lanes = 8,
  parameter integer Bits  = 8,  // of a lane
  localparam integer AddressBits = (Words > 1) ? $clog2(Words) : 1
) (
  input  logic                   clk_i,
  input  logic [Lanes-1:0]       write_i,
  input  logic [AddressBits-1:0] write_address_i,
  input  logic [Lanes*Bits-1:0]  write_data_i,
  input  logic [AddressBits-1:0] read_address_i,
  output logic [Lanes*Bits-1:0]  read_data_o
);

`ifdef SYNTHESIS  // the memories of an FPGA are 0 after configuration anyway
  localparam Style = (Words <= 64) ? "distributed" : (Words >= 4096) ? "ultra" : "block";
  (* ram_style = Style *) logic [Lanes*Bits-1:0] words_q [Words];
`else
  logic [Lanes*Bits-1:0] words_q [Words];

  initial begin
    for (int word = 0; word < Words; word++) words_q[word] = '0;
  end
`endif

  always_ff @(posedge clk_i) begin
    for (int lane = 0; lane < Lanes; lane++) begin
      if (write_i[lane]) words_q[write_address_i][lane*Bits +: Bits] <= write_data_i[lane*Bits +: Bits];
    end
    read_data_o <= words_q[read_address_i];
  end

endmodule

`default_nettype wire
