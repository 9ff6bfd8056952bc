// Takes the tokens of requests: prompts, and tokens that go on from what is cached.
//
// A request ends with a marked word. A prompt begins anew at position 0 and runs as a whole, with its last word; of a
// request that goes on each word is a decode step. A token beyond the context, or of no code that there is, is thrown away,
// and its whole request is refused; then nothing goes on before the next prompt.

`default_nettype none

module quweit_token_loader #(
  parameter integer Tokens    = 16,  // of the context
  parameter integer Codes     = 64,
  parameter integer CodeBits  = 7    // as they come: more than there are codes may fit
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                word_i,      // one is taken
  input  logic [CodeBits-1:0] code_i,
  input  logic                goes_on_i,   // of the first word of a request
  input  logic                ends_i,      // the mark of its last word
  output logic                write_o,     // the code is kept
  output logic [15:0]         place_o,     // its position
  output logic                loaded_o,    // there is something to run
  output logic                refuses_o,   // with the last word of a request that is refused
  output logic                step_o,      // what runs is a decode step
  output logic                answers_o,   // and the last one of its request
  output logic                refused_o,   // the answer is that there is none
  output logic [15:0]         position_o   // of the latest token
);

  logic [15:0] count_q;
  logic        first_q, step_q, bad;
  logic [CodeBits:0] code;

  assign code      = {1'b0, code_i};
  assign step_o    = !word_i ? step_q : first_q ? goes_on_i : step_q;
  assign place_o   = (first_q && !goes_on_i) ? '0 : count_q;
  assign bad       = (refused_o && !first_q) || (place_o == 16'(Tokens)) || (code >= (CodeBits+1)'(Codes));
  assign write_o   = word_i && !bad;
  assign loaded_o  = word_i && !bad && (step_o || ends_i);
  assign refuses_o = word_i && bad && ends_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      first_q   <= 1'b1;
      count_q   <= '0;
      refused_o <= 1'b0;
    end else if (word_i) begin
      first_q   <= ends_i;
      count_q   <= bad ? 16'(Tokens) : place_o + 16'd1;
      refused_o <= bad;
    end
  end

  always_ff @(posedge clk_i) begin
    if (word_i) begin
      step_q     <= step_o;
      answers_o  <= ends_i;
      position_o <= place_o;
    end
  end

endmodule

`default_nettype wire
