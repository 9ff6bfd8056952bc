// Rows of bytes from beats of one width to beats of another, in plain Verilog.
//
// A row is RowIn beats in and RowOut beats out; its last beats may be filled with zeros. Both sides may
// pause at any time. in_last on an earlier beat gives the row up: the beat that comes out next is marked
// as last, too, at a place where the receiver knows that the row is broken. For that the last two beats
// of a row stay here until the row is complete. With equal widths there is nothing to do, and nothing here.

`default_nettype none

module quweit_gearbox #(
  parameter InUnits    = 1,  // width of a beat in, in units
  parameter OutUnits   = 1,  // width of a beat out
  parameter UnitBits   = 8,  // largest unit that divides both widths
  parameter RowIn      = 1,  // beats of a row
  parameter RowOut     = 1,
  parameter LastUnits  = 1,  // that the last beat in adds: the row comes to whole beats out
  parameter LastBits   = 8,  // of the last beat in that are not filling
  parameter CountBits  = 4,  // for numbers up to OutUnits * 2 + the larger of InUnits and LastUnits
  parameter BeatBits   = 4   // for numbers up to RowIn and RowOut
) (
  input  wire                         clk_i,
  input  wire                         rst_ni,

  input  wire                         in_valid_i,
  output wire                         in_ready_o,
  input  wire [InUnits*UnitBits-1:0]  in_data_i,
  input  wire                         in_last_i,

  output wire                         out_valid_o,
  input  wire                         out_ready_i,
  output wire [OutUnits*UnitBits-1:0] out_data_o,
  output wire                         out_last_o
);

  generate
    if (InUnits == OutUnits) begin : gen_straight
      wire unused_clock;
      assign unused_clock = &{1'b0, clk_i, rst_ni};
      assign in_ready_o   = out_ready_i;
      assign out_valid_o  = in_valid_i;
      assign out_data_o   = in_data_i;
      assign out_last_o   = in_last_i;
    end else begin : gen_gear
      localparam MostIn = (LastUnits > InUnits) ? LastUnits : InUnits;
      localparam Full   = 2 * OutUnits;  // units with which no more is taken
      localparam Units  = Full + MostIn;
      localparam Held   = 2;             // beats that wait until their row is complete

      reg  [Units*UnitBits-1:0] store_q;
      reg  [CountBits-1:0]      count_q;   // units in store_q
      reg  [BeatBits-1:0]       in_q;      // beats of the row that comes in
      reg  [BeatBits-1:0]       out_q;     // beats of the row that goes out
      reg  [1:0]                rows_q;    // complete rows of which the last beat is still here
      reg                       broken_q;  // the row that came in last was given up

      wire last_in, early, take, give, final_out, break_off;
      assign last_in   = (in_q == RowIn[BeatBits-1:0] - 1'b1);
      assign take      = in_valid_i && in_ready_o;
      assign early     = take && in_last_i && !last_in;
      assign final_out = (out_q == RowOut[BeatBits-1:0] - 1'b1);
      // Of a broken row only what has begun to go out must be ended.
      assign break_off = broken_q && (rows_q == 2'd0);
      assign give      = out_valid_o && out_ready_i;

      assign in_ready_o  = !broken_q && (rows_q != 2'd2) && (count_q <= Full[CountBits-1:0]);
      assign out_valid_o = break_off ? (out_q != {BeatBits{1'b0}})
                         : ((count_q >= OutUnits[CountBits-1:0])
                            && ((rows_q != 2'd0) || (out_q + Held[BeatBits-1:0] < RowOut[BeatBits-1:0])));
      assign out_data_o  = store_q[OutUnits*UnitBits-1:0];
      assign out_last_o  = break_off || final_out;

      // What leaves makes room first; what comes in is put behind the rest.
      wire [Units*UnitBits-1:0] kept, filled, added, behind;
      wire [CountBits-1:0]      kept_count;
      assign kept       = give ? (store_q >> (OutUnits * UnitBits)) : store_q;
      assign kept_count = give ? count_q - OutUnits[CountBits-1:0] : count_q;
      assign filled     = {{(Units-InUnits)*UnitBits{1'b0}}, in_data_i}
                        & (last_in ? {{Units*UnitBits-LastBits{1'b0}}, {LastBits{1'b1}}} : {Units*UnitBits{1'b1}});
      assign added      = filled << (kept_count * UnitBits);
      assign behind     = {Units*UnitBits{1'b1}} << (kept_count * UnitBits);

      always @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          count_q  <= {CountBits{1'b0}};
          in_q     <= {BeatBits{1'b0}};
          out_q    <= {BeatBits{1'b0}};
          rows_q   <= 2'd0;
          broken_q <= 1'b0;
        end else begin
          if (break_off && (give || (out_q == {BeatBits{1'b0}}))) begin
            count_q  <= {CountBits{1'b0}};
            broken_q <= 1'b0;
          end else begin
            count_q  <= kept_count + (!take ? {CountBits{1'b0}}
                                     : last_in ? LastUnits[CountBits-1:0] : InUnits[CountBits-1:0]);
            if (early) broken_q <= 1'b1;
          end
          if (take) in_q  <= (last_in || in_last_i) ? {BeatBits{1'b0}} : in_q + 1'b1;
          if (give) out_q <= out_last_o ? {BeatBits{1'b0}} : out_q + 1'b1;
          rows_q <= rows_q + {1'b0, take && last_in} - {1'b0, give && final_out && !break_off};
        end
      end

      always @(posedge clk_i) begin
        if (take)      store_q <= (kept & ~behind) | added;
        else if (give) store_q <= kept;
      end
    end
  endgenerate

endmodule

`default_nettype wire
