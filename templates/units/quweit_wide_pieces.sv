// A function in pieces of wide inputs: f(x * 2^Step) = f(x) * 2^-AnswerStep, so that the pieces know one window alone.
//
// An input, a whole number above 0, is brought to `Window` bits, of which the leading one is among the highest `Step`. The
// answer of the pieces is shifted up by `Lift`, less AnswerStep for every step that the input was brought down; no input may
// be brought down further. Six registers: the window; those of the line; the answer.

`default_nettype none

module quweit_wide_pieces #(
  parameter integer                Elements    = 1,
  parameter integer                Pieces      = 8,
  parameter integer                InputBits   = 16,
  parameter integer                Window      = 7,
  parameter integer                Step        = 3,
  parameter integer                AnswerStep  = 3,
  parameter integer                Lift        = 15,
  parameter integer                WordBits    = 9,
  parameter integer                SumBits     = 18,
  parameter integer                OutputBits  = 32,
  parameter integer                Align       = 5,
  parameter logic [Pieces*(Window+1)-1:0] Breakpoints = '0,  // of piece 1 on, in the low bits
  parameter logic [Pieces*WordBits-1:0] Slopes = '0,
  parameter logic [Pieces*WordBits-1:0] Intercepts = '0
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  logic                  x_valid_i,
  output logic                  x_ready_o,
  input  logic [InputBits-1:0]  x_data_i,
  input  logic                  x_last_i,
  output logic                  y_valid_o,
  input  logic                  y_ready_i,
  output logic [OutputBits-1:0] y_data_o,
  output logic                  y_last_o
);

  localparam integer Steps     = (InputBits + Step - 1) / Step;
  localparam integer StepBits  = (Steps > 1) ? $clog2(Steps) : 1;

  logic                       advance, unused_word;
  logic [1:0]                 unused_final;
  logic [4*StepBits-1:0]      waiting_q;       // of the elements in the line
  logic [StepBits-1:0]        steps_q, line_steps;
  logic [SumBits-1:0]         sum;
  logic [OutputBits-1:0]      answer;

  quweit_lane #(
    .Elements (Elements),
    .Words    (0),
    .Stages   (6)
  ) u_lane (
    .clk_i,
    .rst_ni,
    .x_valid_i,
    .x_ready_o,
    .x_last_i,
    .y_valid_o,
    .y_ready_i,
    .y_last_o,
    .advance_o (advance),
    .word_o    (unused_word),
    .final_o   (unused_final)
  );

  quweit_scaled_line #(
    .InputBits   (InputBits),
    .Pieces      (Pieces),
    .Window      (Window),
    .Step        (Step),
    .StepBits    (StepBits),
    .WordBits    (WordBits),
    .SumBits     (SumBits),
    .Align       (Align),
    .Breakpoints (Breakpoints),
    .Slopes      (Slopes),
    .Intercepts  (Intercepts)
  ) u_line (
    .clk_i,
    .advance_i (advance),
    .x_i       (x_data_i),
    .sum_o     (sum),
    .steps_o   (steps_q)
  );

  assign line_steps = waiting_q[3*StepBits +: StepBits];

  // The steps that there can be, each a constant shift.
  always_comb begin
    answer = OutputBits'($signed(sum)) << Lift;
    for (int step = 1; step < Steps; step++) begin
      if (line_steps == StepBits'(step)) answer = OutputBits'($signed(sum)) << (Lift - AnswerStep * step);
    end
  end

  always_ff @(posedge clk_i) begin
    if (advance) begin
      waiting_q <= {waiting_q[3*StepBits-1:0], steps_q};
      y_data_o  <= answer;
    end
  end

endmodule

`default_nettype wire
