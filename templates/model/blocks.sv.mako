<%page args="plan, blocks"/>\
<%
  def shifted(output, left):
      if left >= 0:
          return f"33'({output}) <<< {left}"
      return f"(33'({output}) + 33'sd{1 << -left - 1}) >>> {-left}"
%>\
<%doc>Part of a model: its blocks, and what adds to the residual stream one feature of one token a cycle.</%doc>\
  // ---------------- the blocks

  logic [Side-1:0]         token_write;
  logic [ResidualBits-1:0] token_address, token_write_address;
  logic [15:0]             token_sum_data;
  logic [19:0]             token_read;
% if blocks or plan.text:
  logic                    output_valid;
  logic signed [32:0]      term;

% endif
% if plan.stores:
  logic       to_parts;  // queries, keys and values, and not the residual stream
  logic [1:0] part_of_row;

  assign to_parts = is_block && to_activations;

% endif
% if blocks:
  logic       feature_valid, feature_ready, feature_last;
  logic [7:0] feature;

  quweit_token_rows #(
    .Lanes (Side)
  ) u_token_rows (
    .clk_i,
    .rst_ni,
    .start_i    (start && is_block),
    .first_i    (first_lane),
    .tokens_i   (job_columns),
    .features_i (job_inner),
    .base_i     (job_b_base),
    .address_o  (token_read),
    .word_i     (b_word),
    .valid_o    (feature_valid),
    .ready_i    (feature_ready),
    .data_o     (feature),
    .last_o     (feature_last)
  );

% for place, block in enumerate(blocks):
  logic signed [${block.design.output_bits - 1}:0] output${place};
  logic ready${place}, valid${place}, unused_last${place};

  ${block.design.top} u_block${place} (
    .clk_i,
    .rst_ni,
    .x_valid_i (feature_valid && (job_number == 8'd${place})),
    .x_ready_o (ready${place}),
    .x_data_i  (feature),
    .x_last_i  (feature_last),
    .y_valid_o (valid${place}),
    .y_ready_i (1'b1),
    .y_data_o  (output${place}),
    .y_last_o  (unused_last${place})
  );

% endfor
  always_comb begin
    case (job_number)
% for place, block in enumerate(blocks):
      8'd${place}: begin
        feature_ready = ready${place};
        output_valid  = valid${place};
% if len(block.shifts) == 1:
        term          = ${shifted(f"output{place}", block.shifts[0])};
% else:
        case (part_of_row)
          2'd0:    term = ${shifted(f"output{place}", block.shifts[0])};
          2'd1:    term = ${shifted(f"output{place}", block.shifts[1])};
          default: term = ${shifted(f"output{place}", block.shifts[2])};
        endcase
% endif
      end
% endfor
      default: begin
        feature_ready = 1'b0;
        output_valid  = 1'b0;
        term          = '0;
      end
    endcase
% if plan.text:
    if (is_embed) begin
      output_valid = vector_valid;
      term         = 33'($signed(vector));
    end
% endif
  end
% else:
  assign token_read = '0;
% if plan.text:
  assign output_valid = vector_valid;
  assign term         = 33'($signed(vector));
% endif
% endif
% if blocks or plan.text:

  quweit_token_sums #(
    .Lanes       (Side),
    .AddressBits (ResidualBits)
  ) u_token_sums (
    .clk_i,
    .rst_ni,
    .start_i         (start),
    .first_i         (first_lane),
    .outputs_i       (job_rows),
    .valid_i         (output_valid && ${"(is_block || is_embed)" if plan.text else "is_block"}${" && !to_parts" if plan.stores else ""}),
    .term_i          (term),
    .read_address_o  (token_address),
    .word_i          (${"is_embed ? positions : residual_word" if plan.text else "residual_word"}),
    .write_o         (token_write),
    .write_address_o (token_write_address),
    .sum_o           (token_sum_data)
  );
% else:
  assign token_write         = '0;
  assign token_address       = '0;
  assign token_write_address = '0;
  assign token_sum_data      = '0;
% endif
% if plan.stores:

  logic [Side-1:0] store_write;
  logic [19:0]     store_address;
  logic [7:0]      store_byte;

  quweit_token_stores #(
    .Lanes     (Side),
    .Width     (${plan.width}),
    .HeadWidth (${plan.head_width}),
    .Tokens    (${plan.tokens})
  ) u_token_stores (
    .clk_i,
    .rst_ni,
    .start_i      (start),
    .first_i      (first_lane),
    .query_base_i (job_result_base),
    .query_step_i (20'(job_column_step)),
    .key_base_i   (job_a_base + ${"(is_step ? latest_words : 20'd0)" if plan.text else "20'd0"}),
    .key_step_i   (20'(job_a_step)),
    .value_base_i (job_a_base + 20'd${plan.values_after_keys} + ${"(is_step ? 20'(position) : 20'd0)" if plan.text else "20'd0"}),
    .valid_i      (output_valid && to_parts),
    .term_i       (term),
    .part_o       (part_of_row),
    .write_o      (store_write),
    .address_o    (store_address),
    .byte_o       (store_byte)
  );
% endif

