// Bench only: plays the operands of products of matrices, tile by tile, with random gaps when asked.
//
// The matrices lie in memory as they are, a row after the other; this module does what a host would:
// it walks the tiles and puts zeros beyond the edges. A product may have a right side of its own for every
// row of tiles, such as the heads of one attention below one another.

`default_nettype none

module quweit_product_source #(
  parameter integer Side       = 8,
  parameter integer Steps      = 1,  // of the inner dimension a beat
  parameter integer Jobs       = 1,
  parameter integer ElementsA  = 1,
  parameter integer ElementsB  = 1
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              gaps_i,

  output logic              job_valid_o,
  input  logic              job_ready_i,
  output logic [15:0]       job_rows_o,
  output logic [15:0]       job_inner_o,    // beats of a tile
  output logic [15:0]       job_columns_o,
  output logic [6:0]        job_multiplier_o,
  output logic [4:0]        job_shift_o,

  output logic              valid_o,
  input  logic              ready_i,
  output logic [Side*Steps*8-1:0] a_o,
  output logic [Side*Steps*8-1:0] b_o,

  output logic [62:0]       checksum_o  // of the memories: whether they hold what the files do
);

  // rows, inner, columns, multiplier, shift, place of A, place of B, its step from a row of tiles to the next
  logic [31:0] jobs [0:8*Jobs-1];
  logic [7:0]  a [0:ElementsA-1];
  logic [7:0]  b [0:ElementsB-1];

  initial begin
    string name;
    if ($value$plusargs("jobs=%s", name)) $readmemh(name, jobs);
    if ($value$plusargs("a=%s", name)) $readmemh(name, a);
    if ($value$plusargs("b=%s", name)) $readmemh(name, b);
    checksum_o = '0;
    for (int n = 0; n < 8 * Jobs; n++)   checksum_o = {checksum_o[61:0], checksum_o[62]} ^ {31'd0, jobs[n]};
    for (int n = 0; n < ElementsA; n++) checksum_o = {checksum_o[61:0], checksum_o[62]} ^ {55'd0, a[n]};
    for (int n = 0; n < ElementsB; n++) checksum_o = {checksum_o[61:0], checksum_o[62]} ^ {55'd0, b[n]};
  end

  integer job_q, offered_q, row_q, column_q, step_q;  // of the beat to come
  logic [31:0] lfsr_q;
  logic [31:0] rows, inner, columns, place_b;
  logic        more, advance;

  assign more    = job_q < Jobs;
  assign rows    = more ? jobs[8*job_q]   : 32'd1;
  assign inner   = more ? jobs[8*job_q+1] : 32'd1;
  assign columns = more ? jobs[8*job_q+2] : 32'd1;
  assign place_b = more ? jobs[8*job_q+6] + (row_q / Side) * jobs[8*job_q+7] : 32'd0;
  assign advance = (!valid_o || ready_i) && more && (!gaps_i || lfsr_q[0]);

  assign job_valid_o      = offered_q < Jobs;
  assign job_rows_o       = job_valid_o ? jobs[8*offered_q][15:0]   : '0;
  assign job_inner_o      = job_valid_o ? 16'((jobs[8*offered_q+1] + Steps - 1) / Steps) : '0;
  assign job_columns_o    = job_valid_o ? jobs[8*offered_q+2][15:0] : '0;
  assign job_multiplier_o = job_valid_o ? jobs[8*offered_q+3][6:0]  : '0;
  assign job_shift_o      = job_valid_o ? jobs[8*offered_q+4][4:0]  : '0;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      {job_q, offered_q, row_q, column_q, step_q} <= '0;
      lfsr_q  <= 32'h5eed_1234;
      valid_o <= 1'b0;
    end else begin
      lfsr_q <= {lfsr_q[30:0], lfsr_q[31] ^ lfsr_q[21] ^ lfsr_q[1] ^ lfsr_q[0]};
      if (job_valid_o && job_ready_i) offered_q <= offered_q + 1;
      if (!valid_o || ready_i) valid_o <= advance;
      if (advance) begin
        if (step_q + Steps < inner) step_q <= step_q + Steps;
        else begin
          step_q <= 0;
          if (column_q + Side < columns) column_q <= column_q + Side;
          else begin
            column_q <= 0;
            if (row_q + Side < rows) row_q <= row_q + Side;
            else begin
              row_q <= 0;
              job_q <= job_q + 1;
            end
          end
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (advance) begin
      for (int n = 0; n < Side; n++) begin
        for (int step = 0; step < Steps; step++) begin
          a_o[(n*Steps + step)*8 +: 8] <= (row_q + n < rows && step_q + step < inner)
                                        ? a[jobs[8*job_q+5] + (row_q + n) * inner + step_q + step] : 8'd0;
          b_o[(n*Steps + step)*8 +: 8] <= (column_q + n < columns && step_q + step < inner)
                                        ? b[place_b + (step_q + step) * columns + column_q + n] : 8'd0;
        end
      end
    end
  end

endmodule

`default_nettype wire
