<%page args="plan, of_lane"/>\
<%
  lane, exits = plan.exit_lane, plan.exits
%>\
<%doc>Part of a model that samples can leave early.</%doc>\
  // ---------------- exits

  logic [15:0] exit_place;
  logic [1:0]  exit_feeds_q;
  logic        exit_feeds, exit_ready, exit_valid, exit_last, exit_leaves;
  logic [31:0] exit_logit, exit_score;
  logic [7:0]  exit_share, exit_information;

  assign leaves     = is_exit && exit_leaves;
  assign exit_logit = logits_q[OutputBits'(exit_place)];

  quweit_rescale #(
    .Lanes (1)
  ) u_exit_scores (
    .clk_i,
    .sums_i    (exit_logit),
    .scales_i  (first_scale),
    .bits_i    (6'd8),
    .results_o (exit_score)
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) exit_feeds_q <= '0;
    else         exit_feeds_q <= {exit_feeds_q[0], exit_feeds};
  end

  ${lane.module} #(
    ${of_lane(lane)}
  ) u_exit_softmax (
    .clk_i,
    .rst_ni,
    .multiplier_i (job_number),
    .counts_i     (16'hffff),
    .x_valid_i    (exit_feeds_q[1]),
    .x_ready_o    (exit_ready),
    .x_data_i     (exit_score[7:0]),
    .x_last_i     (1'b0),
    .y_valid_o    (exit_valid),
    .y_ready_i    (1'b1),
    .y_data_o     (exit_share),
    .y_last_o     (exit_last)
  );

  quweit_rom #(
    .Words    (${plan.memories["information"].words}),
    .Bits     (8),
    .Contents ("${plan.memories["information"].file}")
  ) u_information (
    .clk_i,
    .address_i (exit_share[6:0]),
    .data_o    (exit_information)
  );

  quweit_exit #(
    .Classes   (${plan.logits}),
    .Criterion (${exits.criterion_number}),
    .Steps     (${exits.steps})
  ) u_exit (
    .clk_i,
    .rst_ni,
    .start_i       (start && is_exit),
    .first_i       (job_rows == 16'd0),
    .place_o       (exit_place),
    .feeds_o       (exit_feeds),
    .share_valid_i (exit_valid),
    .share_i       (exit_share),
    .information_i (exit_information),
    .leaves_o      (exit_leaves)
  );

  logic unused_exit;
  assign unused_exit = ^{exit_ready, exit_last, exit_score[31:8], exit_share[7], exit_place};

