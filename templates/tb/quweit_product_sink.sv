// Bench only: takes the results of products, compares each with the golden matrix and counts cycles.

`default_nettype none

module quweit_product_sink #(
  parameter integer Side      = 8,
  parameter integer Jobs      = 1,
  parameter integer ElementsY = 1
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              stalls_i,
  input  logic              hold_i,        // take nothing at all
  input  logic [31:0]       cycle_i,

  input  logic              valid_i,
  output logic              ready_o,
  input  logic [Side*8-1:0] data_i,
  input  logic              last_i,

  output logic [31:0]       jobs_o,        // completed since reset
  output logic [31:0]       job_cycle_o,   // in which the last row of the latest was given
  output logic [31:0]       compared_o,    // elements
  output logic [31:0]       different_o,
  output logic [31:0]       misplaced_o,   // marks of the last row that are missing or too many, and unknown offers
  output logic [31:0]       first_job_o,   // the first difference
  output logic [31:0]       first_row_o,
  output logic [31:0]       first_column_o,
  output logic [31:0]       first_cycle_o,
  output logic [7:0]        first_expected_o,
  output logic [7:0]        first_got_o,
  output logic [62:0]       checksum_o     // of the memories: whether they hold what the files do
);

  // rows, columns, place of Y
  logic [31:0] jobs [0:3*Jobs-1];
  logic [7:0]  y [0:ElementsY-1];

  initial begin
    string name;
    if ($value$plusargs("results=%s", name)) $readmemh(name, jobs);
    if ($value$plusargs("y=%s", name)) $readmemh(name, y);
    checksum_o = '0;
    for (int n = 0; n < 3 * Jobs; n++)   checksum_o = {checksum_o[61:0], checksum_o[62]} ^ {31'd0, jobs[n]};
    for (int n = 0; n < ElementsY; n++) checksum_o = {checksum_o[61:0], checksum_o[62]} ^ {55'd0, y[n]};
  end

  integer row_q, column_q, inside_q;  // of the tile, and the row within it
  logic [31:0] lfsr_q, rows, columns, place;
  logic [31:0] compared, different, bad_column;
  logic [7:0]  expected, got, bad_expected, bad_got;
  logic        last_row, last_tile;

  assign ready_o   = !hold_i && (!stalls_i || (lfsr_q[1:0] == '0));
  assign rows      = (jobs_o < Jobs) ? jobs[3*jobs_o]   : 32'd1;
  assign columns   = (jobs_o < Jobs) ? jobs[3*jobs_o+1] : 32'd1;
  assign place     = (jobs_o < Jobs) ? jobs[3*jobs_o+2] : 32'd0;
  assign last_row  = (inside_q + 1 == Side) || (row_q + inside_q + 1 == rows);
  assign last_tile = (row_q + Side >= rows) && (column_q + Side >= columns);

  always_comb begin
    compared     = '0;
    different    = '0;
    bad_column   = '0;
    bad_expected = '0;
    bad_got      = '0;
    expected     = '0;
    got          = '0;
    if (valid_i) begin
      for (int n = Side - 1; n >= 0; n--) begin
        if (column_q + n < columns) begin
          expected = y[place + (row_q + inside_q) * columns + column_q + n];
          got      = data_i[n*8 +: 8];
          compared = compared + 1;
          if (got !== expected) begin
            different    = different + 1;
            bad_column   = column_q + n;
            bad_expected = expected;
            bad_got      = got;
          end
        end
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      {row_q, column_q, inside_q} <= '0;
      lfsr_q         <= 32'h1d87_2b41;
      jobs_o         <= '0;
      job_cycle_o    <= '0;
      compared_o     <= '0;
      different_o    <= '0;
      misplaced_o    <= '0;
      first_job_o    <= '0;
      first_row_o    <= '0;
      first_column_o <= '0;
      first_cycle_o  <= '0;
      first_expected_o <= '0;
      first_got_o      <= '0;
    end else begin
      lfsr_q <= {lfsr_q[30:0], lfsr_q[31] ^ lfsr_q[21] ^ lfsr_q[1] ^ lfsr_q[0]};
      if ((valid_i !== 1'b0) && (valid_i !== 1'b1)) misplaced_o <= misplaced_o + 1;
      if (valid_i) begin
        compared_o  <= compared_o + compared;
        different_o <= different_o + different;
        misplaced_o <= misplaced_o + 32'(last_i !== (last_row && last_tile));
        if (different_o == '0 && different != '0) begin
          first_job_o      <= jobs_o;
          first_row_o      <= row_q + inside_q;
          first_column_o   <= bad_column;
          first_cycle_o    <= cycle_i;
          first_expected_o <= bad_expected;
          first_got_o      <= bad_got;
        end
        if (!last_row) inside_q <= inside_q + 1;
        else begin
          inside_q <= 0;
          if (column_q + Side < columns) column_q <= column_q + Side;
          else begin
            column_q <= 0;
            row_q    <= last_tile ? 0 : row_q + Side;
          end
          if (last_tile) begin
            jobs_o      <= jobs_o + 1;
            job_cycle_o <= cycle_i;
          end
        end
      end
    end
  end

endmodule

`default_nettype wire
