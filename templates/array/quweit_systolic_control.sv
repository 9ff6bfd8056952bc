// Tile controller: walks the tiles of one product of matrices, row tiles outside, column tiles inside.
//
// Each beat that leaves the buffer is one step of the inner dimension. The first beat of a tile carries
// the start token, which also reads out the tile before; when no beat waits, a token of its own does
// that. Nothing inside of the array ever stalls: a tile is read out only when the receiver has room for
// it (`y_ready_i`), and not before the rows of the one before have left (Side cycles). The first token after
// reset reads out what the cells happen to hold, and the next one waits for that to leave, too.

`default_nettype none

module quweit_systolic_control #(
  parameter integer Side    = 8,
  parameter integer Latency = 16  // cycles from a token to the first row of results
) (
  input  logic        clk_i,
  input  logic        rst_ni,

  input  logic        job_valid_i,
  output logic        job_ready_o,
  input  logic [15:0] job_rows_i,
  input  logic [15:0] job_inner_i,
  input  logic [15:0] job_columns_i,

  input  logic        beat_valid_i,
  output logic        beat_ready_o,

  output logic        beat_o,   // the operands of this cycle count
  output logic        start_o,

  output logic        y_valid_o,
  input  logic        y_ready_i,
  output logic        y_last_o   // of the job
);

  localparam integer     CountBits = $clog2(Side + 1);
  localparam logic [15:0] Step     = 16'(Side);

  logic [15:0] inner_q, columns_q;
  logic [15:0] inner_left_q, columns_left_q, rows_left_q;  // with what is under way
  logic        busy_q, first_q;
  logic        pending_q, pending_final_q;           // a tile to be read out
  logic [CountBits-1:0] pending_rows_q;
  logic [CountBits-1:0] leaving_q, leaving_rows_q;   // cycles until the column is free, rows to come
  logic                 leaving_final_q;
  logic [Latency-1:0]   valid_line_q, last_line_q;
  logic may_start, go, bare, drain, last_step, last_column, final_tile, load;

  assign last_step   = (inner_left_q == 16'd1);
  assign last_column = (columns_left_q <= Step);
  assign final_tile  = last_column && (rows_left_q <= Step);
  assign may_start   = !pending_q || (y_ready_i && (leaving_q == '0));
  assign go          = busy_q && beat_valid_i && (!first_q || may_start);
  assign bare        = pending_q && may_start && !go;
  assign drain       = pending_q && may_start;
  assign load        = job_valid_i && job_ready_o;

  // The scale of a job is held still until its last row has left.
  assign job_ready_o  = !busy_q && !pending_q && (leaving_rows_q == '0) && (valid_line_q == '0);
  assign beat_ready_o = busy_q && (!first_q || may_start);
  assign beat_o       = go;
  assign start_o      = (go && first_q) || bare;

  always_ff @(posedge clk_i) begin
    if (load) begin
      inner_q   <= job_inner_i;
      columns_q <= job_columns_i;
    end
    if (load) begin
      inner_left_q   <= job_inner_i;
      columns_left_q <= job_columns_i;
      rows_left_q    <= job_rows_i;
    end else if (go) begin
      inner_left_q <= last_step ? inner_q : inner_left_q - 16'd1;
      if (last_step) begin
        columns_left_q <= last_column ? columns_q : columns_left_q - Step;
        if (last_column) rows_left_q <= rows_left_q - Step;
      end
    end
    if (go && last_step) begin
      pending_rows_q  <= (rows_left_q < Step) ? CountBits'(rows_left_q) : CountBits'(Side);
      pending_final_q <= final_tile;
    end
    if (drain) leaving_final_q <= pending_final_q;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q         <= 1'b0;
      first_q        <= 1'b1;
      pending_q      <= 1'b0;
      leaving_q      <= '0;
      leaving_rows_q <= '0;
      valid_line_q   <= '0;
      last_line_q    <= '0;
    end else begin
      if (load)                                busy_q <= 1'b1;
      else if (go && last_step && final_tile) busy_q <= 1'b0;
      if (go) first_q <= last_step;
      if (go && last_step) pending_q <= 1'b1;
      else if (drain)      pending_q <= 1'b0;
      if (drain || start_o)     leaving_q <= CountBits'(Side - 1);
      else if (leaving_q != '0) leaving_q <= leaving_q - 1'b1;
      if (drain)                     leaving_rows_q <= pending_rows_q;
      else if (leaving_rows_q != '0) leaving_rows_q <= leaving_rows_q - 1'b1;
      valid_line_q <= {valid_line_q[Latency-2:0], leaving_rows_q != '0};
      last_line_q  <= {last_line_q[Latency-2:0], leaving_final_q && (leaving_rows_q == CountBits'(1))};
    end
  end

  assign y_valid_o = valid_line_q[Latency-1];
  assign y_last_o  = last_line_q[Latency-1];

endmodule

`default_nettype wire
