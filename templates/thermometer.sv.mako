<%page args="module, features, comparisons, unread, header"/>\
${header}
// Thermometer: bits_o[i] tells whether a feature lies above a threshold (strict, signed).
// Only thresholds that a LUT reads are here.

`default_nettype none

module ${module} (
  input  logic [${features * 8 - 1}:0] x_i,
  output logic [${len(comparisons) - 1}:0] bits_o
);

% for feature in range(features):
  wire signed [7:0] x${feature} = x_i[${feature * 8 + 7}:${feature * 8}];
% endfor

% for index, comparison in enumerate(comparisons):
  wire bit${index} = ${comparison};
% endfor

  assign bits_o = {
% for index in reversed(range(len(comparisons))):
    bit${index}${"," if index else ""}
% endfor
  };
% if unread:

  // Features that no LUT reads.
  logic unused_features;
  assign unused_features = ^{${", ".join(f"x{feature}" for feature in unread)}};
% endif

endmodule

`default_nettype wire
