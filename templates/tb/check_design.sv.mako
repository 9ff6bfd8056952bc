<%page args="design, bench, header"/>\
${header}
// Self-checking bench of ${bench.top}: plays the golden rows with and without gaps and stalls, compares every
// row, and the pace with what the package promises, and ends with PASS, or with $fatal. Needs no Python.
//
//   +inputs=FILE +outputs=FILE   golden vectors (vectors/*.hex)
//   +rows=N                      rows of each scenario; all of the file without it
//   +vcd=FILE +window=N          instead: one steady pass, in which FILE records N rows after the first

`default_nettype none
<% row_bits = bench.output_beats * bench.output_bits; valid_bits = design.outputs * design.output_bits %>
module ${bench.check};

  localparam integer Rows     = ${design.vectors.rows};
  localparam integer RowBits  = ${valid_bits};
% if bench.latency is not None:
  localparam integer Latency  = ${bench.latency};
% endif
  localparam integer Interval = ${bench.interval};
% if design.rows_of_sample > 1:
  localparam integer Tokens   = ${design.rows_of_sample};  // of a sample: only whole ones are played
% endif
  localparam integer Patience = ${64 * (design.latency_cycles + bench.input_beats + bench.output_beats) + 1000};  // cycles without a row

  logic clk = 1'b0;
  logic rst_n = 1'b0;
  logic gaps = 1'b0;
  logic stalls = 1'b0;
  logic [31:0] rows, cycle, first_cycle, done, row_cycle, violations;
  logic [${row_bits - 1}:0] row_data;
  logic [${bench.input_bits + 30}:0] checksum;

  ${bench.testbench} u_bench (
    .clk_i         (clk),
    .rst_ni        (rst_n),
    .rows_i        (${"((rows + Tokens - 1) / Tokens) * Tokens" if design.rows_of_sample > 1 else "rows"}),
    .gaps_i        (gaps),
    .stalls_i      (stalls),
    .cycle_o       (cycle),
    .first_cycle_o (first_cycle),
    .checksum_o    (checksum),
    .rows_o        (done),
    .row_data_o    (row_data),
    .row_cycle_o   (row_cycle),
    .violations_o  (violations)
  );
% if row_bits > valid_bits:

  logic unused_padding;
  assign unused_padding = ^row_data[${row_bits - 1}:${valid_bits}];
% endif

  always #2.5 clk = ~clk;

  logic [RowBits-1:0] expected [Rows];
  string              path;
  integer unsigned    seen, errors, compared, waited, last_cycle, window;

  // Everything is looked at on the falling edge, half a cycle after it changed.
  task automatic play(input logic with_gaps, input logic with_stalls);
    rst_n  = 1'b0;
    gaps   = with_gaps;
    stalls = with_stalls;
    repeat (3) @(negedge clk);
    rst_n  = 1'b1;
    seen   = 0;
    waited = 0;
    while (seen < rows && waited < Patience) begin
      @(negedge clk);
      waited = waited + 1;
      if (done != seen) begin
        compare_row(!with_gaps && !with_stalls);
        waited = 0;
      end
    end
    if (seen < rows) complain("it gives no rows any more");
    if (violations != 0) complain("the handshake was broken, or a last beat misplaced");
  endtask

  task automatic compare_row(input logic steady);
    compared = compared + 1;
    if (row_data[RowBits-1:0] !== expected[seen]) complain("a row differs");
% if bench.latency is not None:
    if (steady && seen == 0 && row_cycle - first_cycle != Latency) complain("the latency differs");
% endif
    if (steady && seen > 0 && row_cycle - last_cycle != Interval) complain("the interval differs");
    last_cycle = row_cycle;
    seen       = seen + 1;
    if (window > 0 && seen == 1) begin
      $dumpfile(path);
      $dumpvars(1, u_bench.${bench.instance});
    end
    if (window > 0 && seen == 1 + window) $dumpoff;
  endtask

  task automatic complain(input [8*64-1:0] what);
    errors = errors + 1;
    if (errors <= 10) $display("ERROR: %0s (gaps %0d, stalls %0d, row %0d, cycle %0d)", what, gaps, stalls, seen, cycle);
  endtask

  initial begin
    errors   = 0;
    compared = 0;
    window   = 0;
    if (!$value$plusargs("rows=%d", rows)) rows = Rows;
    if (rows > Rows) rows = Rows;
    if ($value$plusargs("outputs=%s", path)) $readmemh(path, expected);
    else $fatal(1, "+outputs=FILE is missing");
    #1;  // the inputs have been read, too; what a file lacked is unknown
    if (^checksum === 1'bx || ^expected[Rows-1] === 1'bx) $fatal(1, "the golden rows could not be read");
    if ($value$plusargs("window=%d", window) && $value$plusargs("vcd=%s", path)) begin
      play(1'b0, 1'b0);
    end else begin
      play(1'b0, 1'b0);
      play(1'b1, 1'b0);
      play(1'b0, 1'b1);
      play(1'b1, 1'b1);
    end
    if (errors != 0) $fatal(1, "FAIL: %0d errors in %0d rows", errors, compared);
    $display("PASS: %0d rows equal", compared);
    $finish;
  end

endmodule

`default_nettype wire
