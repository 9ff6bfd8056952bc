// A row in flip-flops, read in the order of its indices: two steps after `read_index_i` its element is in `data_o`.
//
// The first step takes a page of 16 elements when the index comes to it, the second one element of the page. So
// neither has all elements to choose from, and the wide one moves once in 16 steps.

`default_nettype none

module quweit_row_store #(
  parameter integer Elements  = 192,
  parameter integer Bits      = 16,
  parameter integer IndexBits = 8
) (
  input  logic                 clk_i,
  input  logic                 write_i,
  input  logic [IndexBits-1:0] write_index_i,
  input  logic [Bits-1:0]      write_data_i,
  input  logic                 advance_i,      // a step of both reads
  input  logic [IndexBits-1:0] read_index_i,
  output logic [Bits-1:0]      data_o
);

  localparam integer Lanes    = 16;
  localparam integer LaneBits = 4;
  localparam integer WideBits = (IndexBits > LaneBits) ? IndexBits : LaneBits + 1;

  logic [WideBits-1:0] write_index, read_index;
  logic [LaneBits-1:0]   lane_q;
  logic [Bits*Lanes-1:0] page;

  assign write_index = WideBits'(write_index_i);
  assign read_index  = WideBits'(read_index_i);

  for (genvar lane = 0; lane < Lanes; lane++) begin : gen_lane
    if (lane < Elements) begin : gen_elements
      localparam integer Pages    = (Elements - lane + Lanes - 1) / Lanes;
      localparam integer PageBits = (Pages > 1) ? $clog2(Pages) : 1;

      logic [Bits-1:0] elements_q [Pages];
      logic [Bits-1:0] element_q;

      always_ff @(posedge clk_i) begin
        if (write_i && (write_index[LaneBits-1:0] == LaneBits'(lane))) begin
          elements_q[write_index[LaneBits +: PageBits]] <= write_data_i;
        end
        if (advance_i && (read_index[LaneBits-1:0] == '0)) begin
          element_q <= elements_q[read_index[LaneBits +: PageBits]];
        end
      end

      assign page[lane*Bits +: Bits] = element_q;
    end else begin : gen_none
      assign page[lane*Bits +: Bits] = '0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (advance_i) begin
      lane_q <= read_index[LaneBits-1:0];
      data_o <= page[lane_q*Bits +: Bits];
    end
  end

endmodule

`default_nettype wire
