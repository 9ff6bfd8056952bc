<%page args="top, cells, inputs, outputs, longest, header"/>\
${header}
// Plays what one module of an array sees, cycle by cycle, to its RTL and to its netlist, and compares all outputs.
//
//   +words=FILE +cycles=N   the inputs of N cycles, the last port in the low bits
//   +lead=N +vcd=FILE       FILE records the netlist after so many cycles
<% bits = sum(width for _, width in inputs); answer_bits = sum(width for _, width in outputs) %>
`default_nettype none

module replay;

  logic [${bits - 1}:0] words [0:${longest - 1}];
  logic [${bits - 1}:0] word;
  logic clk = 1'b0;
  wire [${answer_bits - 1}:0] expected, got;
  integer cycles, lead, different;
  string path;
<%def name="ports(answers)">\
<% place = bits %>\
% for name, width in inputs:
<% place -= width %>\
    .${name} (word[${place} +: ${width}]),
% endfor
<% place = answer_bits %>\
% for name, width in outputs:
<% place -= width %>\
    .${name} (${answers}[${place} +: ${width}]),
% endfor
    .clk_i (clk)
</%def>
  ${top} u_rtl (
${ports("expected")}  );

  ${cells} u_netlist (
${ports("got")}  );

  initial begin
    different = 0;
    if (!$value$plusargs("cycles=%d", cycles) || !$value$plusargs("lead=%d", lead)) $fatal(1, "+cycles=N +lead=N are missing");
    if ($value$plusargs("words=%s", path)) $readmemh(path, words, 0, cycles - 1);
    if (!$value$plusargs("vcd=%s", path)) $fatal(1, "+vcd=FILE is missing");
    for (int cycle = 0; cycle < cycles; cycle++) begin
      word = words[cycle];
      #2.5 clk = 1'b1;
      #2.5 clk = 1'b0;
      if (cycle >= lead && (got !== expected || ^got === 1'bx)) different = different + 1;
      if (cycle + 1 == lead) begin
        $dumpfile(path);
        $dumpvars(1, u_netlist);
      end
    end
    $dumpoff;
    if (different != 0) $fatal(1, "FAIL: %0d cycles differ", different);
    $display("PASS: %0d cycles equal", cycles - lead);
    $finish;
  end

endmodule

`default_nettype wire
