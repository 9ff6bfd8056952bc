<%page args="plan"/>\
<%doc>Part of a model that reads an image: its pixels come in, and its last normalisation is summed over all tokens.</%doc>\
  // ---------------- pixels in

  logic                      pixel;
  logic [ActivationBits-1:0] pixel_address;
  logic [LaneBits-1:0]       pixel_lane;

  assign x_ready_o = loads;
  assign pixel     = x_valid_i && loads;

  quweit_image_loader #(
    .Lanes       (Side),
    .Channels    (${plan.reads.channels}),
    .Rows        (${plan.reads.rows}),
    .Columns     (${plan.reads.columns}),
    .Patch       (${plan.reads.patch}),
    .AddressBits (ActivationBits)
  ) u_loader (
    .clk_i,
    .rst_ni,
    .pixel_i   (pixel),
    .ends_i    (x_last_i),
    .address_o (pixel_address),
    .lane_o    (pixel_lane),
    .loaded_o  (loaded)
  );

  // One schedule, and every sample is answered.
  assign first_job    = '0;
  assign last_job     = ${plan.address_bits("jobs")}'d${plan.places - 1};
  assign refuses      = 1'b0;
  assign refused      = 1'b0;
  assign ends         = 1'b1;
  assign read_offset  = '0;
  assign write_offset = '0;
  assign row_counts   = 1'b1;
  assign first_lane   = '0;

  // ---------------- the sum over tokens

  logic [19:0] sum_address;
  logic        sum_valid;
  logic [31:0] token_sum, pooled;
  logic [7:0]  pooled_byte;
  logic [1:0]  sum_valid_q;
  logic        pooled_valid;
  logic [15:0] pooled_place_q;

  quweit_token_sum #(
    .Lanes  (Side),
    .Tokens (${plan.tokens})
  ) u_token_sum (
    .clk_i,
    .rst_ni,
    .start_i    (start && is_sum),
    .features_i (job_inner),
    .base_i     (job_b_base),
    .address_o  (sum_address),
    .word_i     (b_word),
    .valid_o    (sum_valid),
    .sum_o      (token_sum)
  );

  quweit_rescale #(
    .Lanes (1)
  ) u_pooled (
    .clk_i,
    .sums_i    (token_sum),
    .scales_i  (first_scale),
    .bits_i    (6'd8),
    .results_o (pooled)
  );

  assign pooled_byte  = pooled[7:0];
  assign pooled_valid = sum_valid_q[1];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) sum_valid_q <= '0;
    else         sum_valid_q <= {sum_valid_q[0], sum_valid};
  end

  always_ff @(posedge clk_i) begin
    if (start)               pooled_place_q <= '0;
    else if (pooled_valid) pooled_place_q <= pooled_place_q + 16'd1;
  end

