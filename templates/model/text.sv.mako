<%page args="plan"/>\
<%
  text = plan.text
  code_bits, jobs = text.code_bits, plan.address_bits("jobs")
  vectors = plan.memories["vectors"]
%>\
<%doc>Part of a model that reads a text: requests come in, tokens become vectors, and the latest token has its place in the cache.</%doc>\
  // ---------------- tokens in

  logic                    word, code_write;
  logic [15:0]             code_place, position, latest_tile;
  logic [19:0]             latest_words;  // of keys and of the residual stream before the tile of the latest token

  assign x_ready_o = loads;
  assign word      = x_valid_i && loads;

  quweit_token_loader #(
    .Tokens   (${plan.tokens}),
    .Codes    (${text.codes}),
    .CodeBits (${text.word_bits - 1})
  ) u_loader (
    .clk_i,
    .rst_ni,
    .word_i     (word),
    .code_i     (x_data_i[${text.word_bits - 2}:0]),
    .goes_on_i  (x_data_i[${text.word_bits - 1}]),
    .ends_i     (x_last_i),
    .write_o    (code_write),
    .place_o    (code_place),
    .loaded_o   (loaded),
    .refuses_o  (refuses),
    .step_o     (is_step),
    .answers_o  (ends),
    .refused_o  (refused),
    .position_o (position)
  );

  // A prompt takes the first schedule, a decode step the one behind it${", and what is left of one that leaves early the last" if plan.rests else ""}.
  assign first_job = is_step ? ${jobs}'d${len(plan.jobs)} : '0;
  assign last_job  = is_step ? ${jobs}'d${len(plan.jobs) + len(plan.steps) - 1} : ${jobs}'d${len(plan.jobs) - 1};

  // A decode step works on one tile of tokens, and its token is in its lane of the whole sequence. A key is written into this
  // lane alone of words that hold earlier ones, a value by the row of this lane alone.
  assign latest_lane  = position[LaneBits-1:0];
  assign latest_part  = 16'(latest_lane) / 16'(Units);
  assign latest_tile  = position >> LaneBits;
  assign latest_words = 20'(latest_tile) * 20'd${plan.width};
  assign first_lane   = is_step ? latest_lane : '0;
  assign read_offset  = (to_logits && !is_step) ? latest_words : '0;
  assign write_offset = !is_step ? '0 : to_keys ? latest_words : to_values ? 20'(latest_tile) << LaneBits : '0;
  assign row_counts   = !(is_step && to_values) || (row_place == latest_lane);
  assign lanes        = (is_step && to_keys) ? Side'(1) << latest_lane : '1;
  assign query_tile   = is_step ? latest_tile : group;

  // ---------------- tokens as vectors

  logic [15:0]              token;
  logic [${code_bits - 1}:0] code;
  logic [${plan.address_bits("vectors") - 1}:0] vector_address;

  quweit_memory #(
    .Words (${plan.tokens}),
    .Lanes (1),
    .Bits  (${code_bits})
  ) u_codes (
    .clk_i,
    .write_i         (code_write),
    .write_address_i (${plan.bits_of(plan.tokens)}'(code_place)),
    .write_data_i    (x_data_i[${code_bits - 1}:0]),
    .read_address_i  (${plan.bits_of(plan.tokens)}'(token)),
    .read_data_o     (code)
  );

  quweit_token_embedding #(
    .Width       (${plan.width}),
    .CodeBits    (${code_bits}),
    .AddressBits (${plan.address_bits("vectors")})
  ) u_embedding (
    .clk_i,
    .rst_ni,
    .start_i   (start && is_embed),
    .tokens_i  (job_columns),
    .first_i   (is_step ? position : 16'd0),
    .token_o   (token),
    .code_i    (code),
    .address_o (vector_address),
    .valid_o   (vector_valid)
  );

  quweit_rom #(
    .Words    (${vectors.words}),
    .Bits     (16),
    .Contents ("${vectors.file}")
  ) u_vectors (
    .clk_i,
    .address_i (vector_address),
    .data_o    (vector)
  );

