// Runs the jobs of a schedule one after the other, each for as many cycles as it says.
//
// A job starts two cycles after the one before has ended: its word is read, then `start_o` is given. Engines never say
// that they are done; they are, by the schedule. There may be several: a sample says which one it takes. One that leaves early
// ends, or goes on with the last schedule from `rest_i` on, if that is of what is left to do.

`default_nettype none

module quweit_model_sequencer #(
  parameter integer Jobs       = 2,  // of all schedules
  parameter integer CycleBits  = 24,
  parameter integer Rests      = 0,  // 1: the last schedule is of what is left to do
  localparam integer JobBits   = (Jobs > 1) ? $clog2(Jobs) : 1
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 loaded_i,   // a sample has come
  input  logic                 refuses_i,  // one has come that is answered at once
  input  logic [JobBits-1:0]   first_i,    // with a sample: the first job of its schedule
  input  logic [JobBits-1:0]   last_i,
  input  logic                 leaves_i,   // the job that ends is the last of this sample, but for what is left to do
  input  logic [JobBits-1:0]   rest_i,     // with it: the first job of that
  input  logic                 answers_i,  // something is given after it
  input  logic                 given_i,    // that has gone
  input  logic [CycleBits-1:0] cycles_i,   // of the job that is read
  output logic [JobBits-1:0]   job_o,
  output logic                 loads_o,    // a sample may come
  output logic                 start_o,
  output logic                 gives_o     // the answer is there
);

  localparam logic [2:0] Load = 3'd0, Read = 3'd1, Start = 3'd2, Run = 3'd3, Give = 3'd4;

  logic [2:0]           state_q;
  logic [CycleBits-1:0] left_q;
  logic                 ends, more;
  logic [JobBits-1:0]   next;

  if (Rests != 0) begin : gen_rests
    assign more = leaves_i || ((job_o != last_i) && (job_o != JobBits'(Jobs - 1)));
    assign next = leaves_i ? rest_i : job_o + 1'b1;
  end else begin : gen_ends
    logic unused_rest;
    assign unused_rest = ^rest_i;
    assign more        = (job_o != last_i) && !leaves_i;
    assign next        = job_o + 1'b1;
  end

  assign ends    = (left_q == CycleBits'(1));
  assign loads_o = (state_q == Load);
  assign start_o = (state_q == Start);
  assign gives_o = (state_q == Give);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= Load;
      job_o   <= '0;
    end else begin
      case (state_q)
        Load: begin
          if (loaded_i)       state_q <= Read;
          else if (refuses_i) state_q <= Give;
          job_o <= first_i;
        end
        Read:    state_q <= Start;
        Start:   state_q <= Run;
        Run: if (ends) begin
          state_q <= more ? Read : answers_i ? Give : Load;
          job_o   <= next;
        end
        default: if (given_i) state_q <= Load;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (state_q == Start) left_q <= cycles_i;
    else                  left_q <= left_q - 1'b1;
  end

endmodule

`default_nettype wire
