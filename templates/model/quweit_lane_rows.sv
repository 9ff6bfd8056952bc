// Reads rows of elements for units that stand side by side, a row each, and says where their answers go.
//
// Words hold an element each of a group of rows. A part of the group, as many rows as there are units, is read word by word, and
// its answers are taken once every unit has one; then comes the next part, from the same words, or the next group.

`default_nettype none

module quweit_lane_rows #(
  parameter integer AddressBits = 20
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic                   start_i,
  input  logic [15:0]            groups_i,
  input  logic [15:0]            first_part_i,   // of a group
  input  logic [15:0]            last_part_i,
  input  logic [15:0]            elements_i,
  input  logic [AddressBits-1:0] read_base_i,
  input  logic [AddressBits-1:0] write_base_i,
  input  logic                   answers_i,      // every lane has an element of its answer
  output logic [AddressBits-1:0] read_address_o,
  output logic                   element_o,      // the word of the address before is there
  output logic                   take_o,         // answers are taken, and written
  output logic [15:0]            group_o,        // which they are of
  output logic [15:0]            part_o,
  output logic [AddressBits-1:0] write_address_o
);

  logic [15:0] read_q, taken_q;
  logic        reading_q, active_q, last_taken, last_part, last_group;

  assign take_o     = active_q && answers_i;
  assign last_taken = take_o && (taken_q == elements_i - 16'd1);
  assign last_part  = (part_o == last_part_i);
  assign last_group = last_part && (group_o == groups_i - 16'd1);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      reading_q <= 1'b0;
      active_q  <= 1'b0;
      element_o <= 1'b0;
    end else begin
      element_o <= reading_q;
      if (start_i) begin
        reading_q <= 1'b1;
        active_q  <= 1'b1;
      end else if (last_taken) begin
        reading_q <= !last_group;
        active_q  <= !last_group;
      end else if (read_q == elements_i - 16'd1) begin
        reading_q <= 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      read_q          <= '0;
      taken_q         <= '0;
      group_o         <= '0;
      part_o          <= first_part_i;
      read_address_o  <= read_base_i;
      write_address_o <= write_base_i;
    end else begin
      if (reading_q) begin
        read_q         <= (read_q == elements_i - 16'd1) ? '0 : read_q + 16'd1;
        read_address_o <= read_address_o + 1'b1;
      end
      if (take_o) begin
        taken_q         <= last_taken ? '0 : taken_q + 16'd1;
        write_address_o <= write_address_o + 1'b1;
      end
      if (last_taken && last_part) begin
        part_o  <= first_part_i;
        group_o <= group_o + 16'd1;
      end else if (last_taken) begin
        part_o          <= part_o + 16'd1;
        read_address_o  <= read_address_o - AddressBits'(elements_i);
        write_address_o <= write_address_o - AddressBits'(elements_i - 16'd1);
      end
    end
  end

endmodule

`default_nettype wire
