// Looks into blocks and samples: all data is in the page, in the element `explore-data`.
"use strict";
(() => {
const data = JSON.parse(document.getElementById("explore-data").textContent);

// ---------------------------------------------------------------- arrays

const KINDS = {
  int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, int32: Int32Array, int64: BigInt64Array,
};

function flat(shape, place) {
  return place.reduce((sum, one, axis) => sum * shape[axis] + one, 0);
}

// Reads `at(row, column)`; what is packed becomes an array once.
function unpacked(packed) {
  if (packed.at) return packed;
  const text = atob(packed.data), bytes = Uint8Array.from(text, character => character.charCodeAt(0));
  if (packed.kind === "bits") {
    const shape = packed.shape, stride = Math.ceil(shape[shape.length - 1] / 8);
    packed.at = (...place) => {
      const last = place.pop();
      return bytes[flat(shape, place) * stride + (last >> 3)] >> (last & 7) & 1;
    };
  } else {
    const values = new KINDS[packed.kind](bytes.buffer);
    packed.at = (...place) => {
      const value = values[flat(packed.shape, place)];
      return typeof value === "bigint" && value === BigInt(Number(value)) ? Number(value) : value;
    };
  }
  return packed;
}

const at = (packed, ...place) => unpacked(packed).at(...place);
const numbers = count => Array.from({length: count}, (_, place) => place);

// ---------------------------------------------------------------- elements

const byId = id => document.getElementById(id);

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") node.addEventListener("click", value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter(child => child !== null));
  return node;
}

const make = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);
const draw = (tag, attributes = {}, ...children) =>
  filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

function picture(width, height, title, ...children) {
  return draw("svg", {viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": title}, ...children);
}

const words = (x, y, text, anchor = "start", size = 12.5) =>
  draw("text", {x, y, "font-size": size, "text-anchor": anchor}, text);

// Three digits of a real number.
const real = value => String(Number(Number(value).toPrecision(3)));
const percent = (part, whole) => (whole ? `${real(100 * part / whole)} %` : "–");
const signed = value => (value > 0 ? `+${value}` : String(value));
const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

// What does not fit scrolls, so that words keep their size.
const boxed = drawing => make("div", {class: "scroll", tabindex: 0}, drawing);

function options(select, texts) {
  select.replaceChildren(...texts.map((text, place) => make("option", {value: place}, text)));
}

// One of a group has the focus; arrow keys, Home and End move it, up and down to the next line.
function roving(group, chosen) {
  group.addEventListener("keydown", event => {
    const all = [...group.children], here = all.indexOf(document.activeElement);
    if (here < 0) return;
    const across = Math.max(1, all.findIndex(one => one.offsetTop > all[0].offsetTop));
    const line = all[all.length - 1].offsetTop === all[0].offsetTop ? all.length : across;
    const next = {
      ArrowRight: here + 1, ArrowLeft: here - 1, ArrowDown: here + line, ArrowUp: here - line, Home: 0, End: all.length - 1,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    if (all[next]) { chosen(next); group.children[next].focus(); }
  });
}

function press(group, place) {
  [...group.children].forEach((one, index) => {
    one.setAttribute("aria-pressed", index === place);
    one.tabIndex = index === place ? 0 : -1;
  });
}

function step(select, by, chosen) {
  const next = Number(select.value) + by;
  if (next >= 0 && next < select.options.length) { select.value = next; chosen(next); }
}

// ---------------------------------------------------------------- a block

const now = {block: 0, layer: 0, lut: 0, row: 0, feature: 0};
const block = () => data.blocks[now.block];
const layer = () => block().layers[now.layer];
const isLast = () => now.layer === block().layers.length - 1;

function threshold(bit) {
  const [, count] = block().thresholds.shape;
  const feature = Math.floor(bit / count);
  return {feature, integer: at(block().thresholds, feature, bit % count)};
}

const scaled = integer => String(Number((Number(integer) * block().inputScale).toPrecision(6)));

// A threshold that no input passes, or that every input does, makes a bit that never changes.
const never = integer => (integer >= block().high ? ", never" : integer < block().low ? ", always" : "");

// What a pin of the layer reads, and its bit on the row that is shown.
function source(pin) {
  const rows = block().rows;
  if (now.layer === 0) {
    const {feature, integer} = threshold(pin);
    const limit = `> ${scaled(integer)}${never(integer)}`;
    return {
      name: block().features[feature], limit, detail: `integer > ${integer}`, place: feature, bit: at(rows.bits, now.row, pin),
      go: () => showFeature(feature, true),
    };
  }
  const before = block().layers[now.layer - 1], there = pin < before.shown;
  return {
    name: `LUT ${pin}`, limit: `of layer ${now.layer - 1}`, detail: "", place: pin, bit: there ? at(before.answers, now.row, pin) : null,
    go: there ? () => { showLayer(now.layer - 1, pin); byId("lut-title").focus(); } : null,
  };
}

const pins = lut => numbers(layer().fanIn).map(pin => at(layer().pins, lut, pin));

function address(lut) {
  const bits = pins(lut).map(pin => source(pin).bit);
  return bits.includes(null) ? null : bits.reduce((sum, bit, pin) => sum | bit << pin, 0);
}

function init(lut) {
  const entries = 2 ** layer().fanIn;
  let table = 0n;
  for (let place = entries - 1; place >= 0; place--) table = table << 1n | BigInt(at(layer().tables, lut, place));
  return `${entries}'h${table.toString(16).padStart(Math.max(1, entries / 4), "0")}`;
}

function showBlock(place) {
  now.block = place; now.layer = 0; now.row = 0; now.feature = 0;
  byId("block").value = place;
  options(byId("layer"), block().layers.map((one, index) => `${index}: ${plural(one.luts, "LUT")}`));
  options(byId("row"), numbers(block().rows.number.shape[0]).map(row => `row ${at(block().rows.number, row)}`));
  showLayer(0, 0);
  showRow(0);
}

function showLayer(place, lut) {
  now.layer = place;
  byId("layer").value = place;
  const one = layer(), hidden = one.luts - one.shown;
  byId("left-out").textContent = hidden > 0
    ? `The first ${one.shown.toLocaleString("en")} of ${plural(one.luts, "LUT")} are here; ${hidden.toLocaleString("en")} are left out, as the page would grow too large.`
    : "";
  byId("luts").replaceChildren(...numbers(one.shown).map(number => make("button", {
    type: "button", "data-lut": number, onclick: () => showLut(number),
  }, String(number))));
  markLuts();
  showLut(Math.min(lut, one.shown - 1));
}

function markLuts() {
  const one = layer();
  [...byId("luts").children].forEach((button, lut) => {
    const answer = at(one.answers, now.row, lut), marks = lutMarks(lut);
    button.className = [answer ? "one" : "zero", ...Object.keys(marks)].join(" ");
    button.setAttribute("aria-label", [`LUT ${lut}, answers ${answer}`, ...Object.values(marks)].join(", "));
  });
}

function lutMarks(lut) {
  const one = layer(), marks = {}, first = at(one.first, lut);
  if (!at(one.rendered, lut)) marks.pruned = "nothing reads it";
  if (at(one.constant, lut)) marks.constant = "constant";
  else if (first !== lut) marks.duplicate = `computes the same as LUT ${first}`;
  if (at(one.passing, lut)) marks.passing = "a wire: passes its first pin on";
  return marks;
}

function showLut(lut) {
  now.lut = lut;
  press(byId("luts"), lut);
  const one = layer(), ones = at(one.ones, lut), place = address(lut);
  byId("lut-title").textContent = `LUT ${lut} of layer ${now.layer}, ${block().name}: ${init(lut)}`;
  const marks = Object.values(lutMarks(lut));
  byId("lut-said").textContent =
    `It answers 1 on ${percent(ones, block().counted)} of ${plural(block().counted, "golden row")}. `
    + `On row ${at(block().rows.number, now.row)} it `
    + (place === null ? "" : `reads entry ${place} and `) + `answers ${at(one.answers, now.row, lut)}.`
    + (marks.length ? ` ${marks.join("; ").replace(/^./, letter => letter.toUpperCase())}.` : "");
  byId("lut-wiring").replaceChildren(boxed(wiring(lut)));
  byId("lut-table").replaceChildren(karnaugh(lut, place));
  byId("lut-pins").replaceChildren(pinTable(lut));
  byId("lut-gives-title").textContent = isLast() ? "Integers that it adds where it answers 1" : "Read by";
  byId("lut-gives").replaceChildren(isLast() ? values(lut) : readers(lut));
}

// ---------------------------------------------------------------- wiring

const GRID = 112, LINE = 38, WIDE = 410, LETTER = 6.4;

function wiring(lut) {
  const sources = pins(lut).map(source), height = sources.length * LINE + 12;
  const parts = [], grid = sourceGrid(new Set(sources.map(one => one.place)), parts);
  const tall = Math.max(height, grid.height), left = GRID + 46, top = (tall - sources.length * LINE) / 2;
  const box = left + 34 + LETTER * Math.max(...sources.map(one => Math.max(one.name.length, one.limit.length + 4)));
  sources.forEach((one, pin) => {
    const y = top + pin * LINE + LINE / 2, kind = one.bit === 0 ? "wire zero" : "wire", [x0, y0] = grid.of(one.place);
    parts.push(draw("path", {class: kind, d: `M${x0} ${y0}C${GRID + 30} ${y0} ${GRID + 16} ${y} ${left - 4} ${y}`}));
    parts.push(words(left, y - 3, one.name, "start", 12), words(left, y + 12, `${one.limit}${one.bit === null ? "" : ` → ${one.bit}`}`, "start", 12));
    parts.push(draw("path", {class: kind, d: `M${box - 26} ${y}H${box}`}), words(box + 4, y + 4, `I${pin}`, "start", 11.5));
  });
  const answer = at(layer().answers, now.row, lut);
  parts.push(draw("rect", {class: "box", x: box, y: top, width: 40, height: sources.length * LINE, rx: 4, "fill-opacity": 0}));
  parts.push(draw("path", {class: answer ? "wire" : "wire zero", d: `M${box + 40} ${tall / 2}h16`}), words(box + 60, tall / 2 + 5, String(answer), "start", 15));
  const title = `LUT ${lut} reads ${sources.map((one, pin) => `${one.name} ${one.limit} at pin ${pin}`).join(", ")}`;
  return picture(box + 76, tall, title, ...parts);
}

// Where what can be read is drawn: all features, or LUTs of the layer before, in one grid; with neighbours a grid for each
// patch where it lies around the own one, of a text for each token before.
function regions() {
  const {features, around, layers} = block();
  if (now.layer) return {name: plural(layers[now.layer - 1].luts, "LUT"), across: 1, all: [[0, layers[now.layer - 1].luts, 0, 0]]};
  if (!around) return {name: plural(features.length, "feature"), across: 1, all: [[0, features.length, 0, 0]]};
  const all = around.parts.map(([first, last, down, right], part) => around.causal
    ? [first, last, around.parts.slice(0, part).filter(other => other[3] === right).length, 3 + right]
    : [first, last, 1 + down, 1 + right]);
  return {
    name: around.causal ? "tokens before, and its own" : "patches around, and its own",
    across: around.causal ? 4 : 3, all: [...all, [0, around.own, around.causal ? 0 : 1, around.causal ? 3 : 1]],
  };
}

function sourceGrid(read, parts) {
  const {name, across: columns, all} = regions(), place = new Map(), wide = GRID / columns - (columns > 1 ? 5 : 0);
  const rows = 1 + Math.max(...all.map(region => region[2])), tops = [18];
  const shape = count => { const across = Math.ceil(Math.sqrt(count * (columns > 1 ? 1 : 1.4))); return [across, wide / across]; };
  for (let row = 0; row < rows; row++) tops.push(tops[row] + 6 + Math.max(0, ...all.filter(region => region[2] === row).map(([first, last]) => {
    const [across, size] = shape(last - first);
    return Math.ceil((last - first) / across) * size;
  })));
  parts.push(words(0, 12, name, "start", 11.5));
  for (const [first, last, row, column] of all) {
    const [across, size] = shape(last - first);
    let cells = "";
    for (let one = first; one < last; one++) {
      const x = column * (wide + 5) + (one - first) % across * size, y = tops[row] + Math.floor((one - first) / across) * size;
      cells += `M${x.toFixed(1)} ${y.toFixed(1)}h${size.toFixed(2)}v${size.toFixed(2)}h-${size.toFixed(2)}z`;
      if (read.has(one)) place.set(one, [x, y, size]);
    }
    parts.push(draw("path", {class: first ? "cell around" : "cell", d: cells}));
  }
  for (const [x, y, size] of place.values()) parts.push(draw("rect", {class: "read", x, y, width: size, height: size}));
  return {height: tops[rows] + 4, of: one => { const [x, y, size] = place.get(one); return [x + size / 2, y + size / 2]; }};
}

// ---------------------------------------------------------------- truth table

const gray = bits => numbers(2 ** bits).map(number => number ^ number >> 1);
const binary = (number, bits) => (bits ? number.toString(2).padStart(bits, "0") : "");
const pinNames = (first, count) => numbers(count).map(pin => `I${first + count - 1 - pin}`).join(" ");

function karnaugh(lut, here) {
  const fanIn = layer().fanIn, low = Math.ceil(fanIn / 2), high = fanIn - low;
  const head = make("tr", {}, make("th", {}, high ? `${pinNames(low, high)} ↓` : "", high ? make("br") : "", `${pinNames(0, low)} →`),
    ...gray(low).map(code => make("th", {scope: "col"}, binary(code, low))));
  const rows = gray(high).map(upper => make("tr", {}, make("th", {scope: "row"}, binary(upper, high)),
    ...gray(low).map(lower => {
      const entry = upper << low | lower, answer = at(layer().tables, lut, entry), reads = at(layer().reads, lut, entry);
      return make("td", {
        class: `${answer ? "one" : "zero"}${entry === here ? " here" : ""}`, "data-address": entry, title: `entry ${entry}`,
        "aria-current": entry === here ? "true" : null,
      }, String(answer), make("small", {}, String(reads)));
    })));
  return make("div", {class: "scroll", tabindex: 0}, make("table", {class: "karnaugh", "aria-label": `Truth table of LUT ${lut}`}, make("thead", {}, head), make("tbody", {}, ...rows)));
}

function meter(part, whole) {
  const bar = make("i");
  bar.style.width = `${whole ? 100 * part / whole : 0}%`;
  return make("span", {class: "meter", "aria-hidden": "true"}, bar);
}

function pinTable(lut) {
  const entries = 2 ** layer().fanIn;
  const rows = pins(lut).map((pin, place) => {
    const one = source(pin), text = `${one.name} ${one.limit}`;
    const rowsSwayed = at(layer().swayed, lut, place), swayed = at(layer().swayedEntries, lut, place);
    return make("tr", {"data-pin": place}, make("td", {}, `I${place}`),
      make("td", {title: one.detail}, one.go ? make("button", {type: "button", class: "link", onclick: one.go}, text) : text),
      make("td", {class: "number"}, one.bit === null ? "–" : String(one.bit)),
      make("td", {class: "number"}, percent(rowsSwayed, block().counted), meter(rowsSwayed, block().counted)),
      make("td", {class: "number"}, percent(swayed, entries)));
  });
  const head = ["pin", "reads", "on the row", "sways, rows", "entries"].map((name, place) => make("th", {class: place > 1 ? "number" : null}, name));
  return make("div", {class: "scroll", tabindex: 0}, make("table", {class: "pins"}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)));
}

// ---------------------------------------------------------------- what a LUT gives

const LARGEST = 8;

function values(lut) {
  const count = block().values.shape[1], all = numbers(count).map(output => at(block().values, lut, output));
  const most = Math.max(1, ...all.map(Math.abs)), wide = 400 / count;
  const bars = all.map((value, output) => {
    const height = Math.abs(value) / most * 46;
    return value ? `M${(5 + output * wide).toFixed(1)} 60v${(value > 0 ? -height : height).toFixed(1)}h${Math.max(wide * .8, .5).toFixed(1)}V60z` : "";
  }).join("");
  const chart = picture(WIDE, 122, `Values of LUT ${lut}, an output a bar`, words(5, 11, signed(most), "start", 11.5),
    words(5, 118, signed(-most), "start", 11.5), draw("path", {class: "bars", d: bars}), draw("path", {class: "axis", d: "M5 60h400"}),
    words(405, 118, `output ${count - 1}`, "end", 11.5), words(60, 118, "output 0", "start", 11.5));
  const best = numbers(count).filter(output => all[output]).sort((a, b) => Math.abs(all[b]) - Math.abs(all[a]) || a - b).slice(0, LARGEST);
  const list = make("p", {class: "largest"}, best.length ? "Largest: " : "All are 0.",
    best.map(output => `${signed(all[output])} to output ${output}`).join(", "));
  return make("div", {}, boxed(chart), list);
}

function readers(lut) {
  const after = block().layers[now.layer + 1], found = [];
  for (let reader = 0; reader < after.shown; reader++)
    if (numbers(after.fanIn).some(pin => at(after.pins, reader, pin) === lut)) found.push(reader);
  const few = after.shown < after.luts ? ` of the first ${after.shown}` : "";
  return make("div", {}, make("p", {}, `${plural(found.length, "LUT")} of layer ${now.layer + 1}${few}.`),
    lutLinks(found, now.layer + 1));
}

const MOST_LINKS = 24;

function lutLinks(luts, place) {
  const links = luts.slice(0, MOST_LINKS).map(lut => make("button", {
    type: "button", class: "link", onclick: () => { showLayer(place, lut); byId("lut-title").focus(); },
  }, `LUT ${lut}`));
  const more = luts.length - links.length;
  return make("div", {class: "links-row"}, ...links, more > 0 ? `and ${more} more` : null);
}

// ---------------------------------------------------------------- a row

function showRow(row) {
  now.row = row;
  byId("row").value = row;
  markLuts();
  showLut(now.lut);
  const {rows, features, layers} = block(), bits = rows.bits.shape[1], outputs = rows.sums.shape[1];
  byId("row-inputs-said").textContent =
    `${plural(features.length, "feature")} in steps of ${block().inputScale}; choose one to see its thresholds.`;
  const inputs = numbers(features.length).map(place => at(rows.inputs, row, place));
  byId("row-inputs").replaceChildren(...cells(inputs, "button", place => ({
    type: "button", "data-feature": place, onclick: () => showFeature(place),
    "aria-label": `${features[place]}: ${inputs[place]}`,
  })));
  showFeature(now.feature);
  const ones = numbers(bits).filter(bit => at(rows.bits, row, bit)).length;
  byId("row-bits-said").textContent =
    `${ones.toLocaleString("en")} of ${plural(bits, "bit")} are 1: filled. A column a feature, a line a threshold.`;
  const across = block().thresholds.shape[0], down = block().thresholds.shape[1];
  byId("row-bits").replaceChildren(squares(across, bits, `Bits of the row, ${ones} of ${bits} are 1`,
    place => at(rows.bits, row, place % across * down + Math.floor(place / across))));
  byId("row-answers-said").textContent = layers.map((one, place) =>
    `Layer ${place}: ${numbers(one.shown).filter(lut => at(one.answers, row, lut)).length} of ${plural(one.shown, "LUT")} answer 1.`).join(" ");
  byId("row-answers").replaceChildren(...layers.map((one, place) =>
    squares(Math.min(64, one.shown), one.shown, `Answers of layer ${place}`, lut => at(one.answers, row, lut))));
  const sums = numbers(outputs).map(place => at(rows.sums, row, place));
  byId("row-sums-said").textContent = "The bias of each output, and the values of every LUT of the last layer that answers 1.";
  byId("row-sums").replaceChildren(...cells(sums, "div", place => ({"data-place": place, title: `bias ${at(block().bias, place)}`})));
  const {multiplier, shift, clamp, outputScale} = block();
  const given = numbers(outputs).map(place => at(rows.outputs, row, place));
  byId("row-outputs-said").textContent =
    `sum${multiplier === 1 ? "" : ` × ${multiplier}`}${shift ? `, rounded and shifted right by ${shift}` : ""}, within ${clamp[0]} … ${clamp[1]}. `
    + `A step is ${real(outputScale)} of the residual stream, which they join.`;
  byId("row-outputs").replaceChildren(...cells(given, "div", place => ({
    "data-place": place, title: `${real(Number(given[place]) * outputScale)}`,
  })));
}

// Numbers, each shaded by its magnitude.
function cells(all, tag, attributes) {
  const most = Math.max(1, ...all.map(value => Math.abs(Number(value))));
  return all.map((value, place) => {
    const cell = make(tag, {class: "cell", ...attributes(place)}, make("small", {"aria-hidden": "true"}, String(place)), String(value));
    cell.style.setProperty("--share", Math.abs(Number(value)) / most);
    return cell;
  });
}

const SQUARE = 9;

function squares(across, count, title, bit) {
  let ones = "", zeros = "";
  for (let place = 0; place < count; place++) {
    const shape = `M${place % across * SQUARE + 1} ${Math.floor(place / across) * SQUARE + 1}h7v7h-7z`;
    if (bit(place)) ones += shape; else zeros += shape;
  }
  const svg = picture(across * SQUARE + 2, Math.ceil(count / across) * SQUARE + 4, title,
    draw("path", {class: "zeros", d: zeros}), draw("path", {class: "ones", d: ones}));
  return svg;
}

// ---------------------------------------------------------------- a feature

function showFeature(feature, follow = false) {
  now.feature = feature;
  press(byId("row-inputs"), feature);
  const {features, histogram, edges, thresholds, rows, layers} = block();
  const bins = histogram.shape[1], low = at(edges, 0), high = at(edges, bins);
  const x = integer => 10 + (Math.min(Math.max(Number(integer), low), high) - low) / (high - low) * 390;
  const counts = numbers(bins).map(bin => at(histogram, feature, bin)), most = Math.max(1, ...counts);
  const bars = counts.map((count, bin) => count
    ? `M${x(at(edges, bin)).toFixed(1)} 110v${(-84 * count / most).toFixed(1)}H${x(at(edges, bin + 1)).toFixed(1)}V110z` : "").join("");
  const cuts = numbers(thresholds.shape[1]).map(place => at(thresholds, feature, place));
  const value = at(rows.inputs, now.row, feature);
  const chart = picture(WIDE, 150, `Histogram of ${features[feature]} with its thresholds`,
    draw("path", {class: "bars", d: bars}), draw("path", {class: "axis", d: "M10 110h390"}),
    ...[...new Set(cuts)].map(cut => draw("path", {class: "cut", d: `M${x(Number(cut) + 1).toFixed(1)} 20v96`})),
    words(x(value), 14, `▾ ${value}`, "middle", 12), words(10, 30, `at most ${plural(most, "row")}`, "start", 11.5), words(10, 130, String(low), "start", 11.5), words(400, 130, String(high - 1), "end", 11.5),
    words(205, 146, "integer on golden rows; dashed: thresholds", "middle", 11.5));
  const readers = numbers(layers[0].shown).filter(lut =>
    numbers(layers[0].fanIn).some(pin => Math.floor(at(layers[0].pins, lut, pin) / thresholds.shape[1]) === feature));
  byId("feature").replaceChildren(
    make("h4", {tabindex: -1}, features[feature][0].toUpperCase() + features[feature].slice(1)), boxed(chart),
    make("p", {class: "cuts"}, `Above ${[...cuts].sort((a, b) => Number(a) - Number(b)).map(cut => `${cut} (${scaled(cut)}${never(cut)})`).join(", ")}. Read by ${plural(readers.length, "LUT")} of layer 0:`),
    lutLinks(readers, 0));
  if (follow) byId("feature").firstChild.focus();
}

// ---------------------------------------------------------------- a sample

function colour(share) {
  const [low, middle, high] = data.model.colours;
  const [from, to, part] = share < 0.5 ? [low, middle, 2 * share] : [middle, high, 2 * share - 1];
  return from.map((one, place) => Math.round(one + (to[place] - one) * part));
}

function painted(across, down, rgb, title) {
  const canvas = make("canvas", {width: across, height: down, role: "img", "aria-label": title});
  const context = canvas.getContext("2d"), image = context.createImageData(across, down);
  for (let y = 0; y < down; y++)
    for (let x = 0; x < across; x++) image.data.set([...rgb(y, x), 255], 4 * (y * across + x));
  context.putImageData(image, 0, 0);
  return canvas;
}

function showSample(place) {
  const {number, streams, pixels, text} = data.model;
  byId("sample").value = place;
  const name = `sample ${at(number, place)}`;
  if (pixels) {
    const [, channels, rows, columns] = pixels.shape;
    const read = (c, y, x) => at(pixels, place, channels === 3 ? c : 0, y, x);
    let white = 1;
    for (let c = 0; c < channels; c++)
      for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) white = Math.max(white, read(c, y, x));
    now.image = painted(columns, rows, (y, x) => [0, 1, 2].map(c => 255 * read(c, y, x) / white), `Image of ${name}`);
    byId("sample-input").replaceChildren(now.image);
  } else byId("sample-input").replaceChildren(make("pre", {}, text[place]));
  byId("sample-logits").replaceChildren(logits(place));
  let most = 1;
  for (const one of streams) {
    const [, down, across] = one.values.shape;
    for (let y = 0; y < down; y++) for (let x = 0; x < across; x++) most = Math.max(most, Math.abs(Number(at(one.values, place, y, x))));
  }
  byId("stream-scale").replaceChildren(`Integers, one scale for all: ${-most} `, painted(64, 1, (_, x) => colour(x / 63), "from dark to light"), ` ${most}`);
  byId("streams").replaceChildren(...streams.map(one => stream(one, place, most)));
  if (attention) showTokens(place);
}

const CELL = 14, WIDEST = 736, HIGHEST = 320;  // pixels

function stream(one, place, most) {
  const [, down, across] = one.values.shape;
  const canvas = painted(across, down, (y, x) => colour((Number(at(one.values, place, y, x)) + most) / (2 * most)), `${one.name}, ${down} tokens of ${across} features`);
  const cursor = make("span", {class: "cursor", hidden: ""}), cell = {x: 0, y: 0};
  const wide = across * Math.min(CELL, WIDEST / across), tall = down * Math.min(CELL, Math.max(2, HIGHEST / down));
  const map = make("div", {class: "map"}, canvas, cursor);
  Object.assign(map.style, {width: `${wide}px`, aspectRatio: `${wide} / ${tall}`});
  const tell = () => {
    const value = at(one.values, place, cell.y, cell.x);
    cursor.hidden = false;
    Object.assign(cursor.style, {
      left: `${100 * cell.x / across}%`, top: `${100 * cell.y / down}%`, width: `${100 / across}%`, height: `${100 / down}%`,
    });
    byId("stream-said").textContent = `${one.title}, token ${cell.y}, feature ${cell.x}: ${value}${one.scale ? ` = ${real(Number(value) * one.scale)}` : ""}`;
  };
  canvas.tabIndex = 0;
  canvas.addEventListener("mousemove", event => {
    const box = canvas.getBoundingClientRect();
    cell.x = Math.min(across - 1, Math.max(0, Math.floor((event.clientX - box.left) / box.width * across)));
    cell.y = Math.min(down - 1, Math.max(0, Math.floor((event.clientY - box.top) / box.height * down)));
    tell();
  });
  canvas.addEventListener("focus", tell);
  canvas.addEventListener("keydown", event => {
    const move = {ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1]}[event.key];
    if (!move) return;
    event.preventDefault();
    cell.x = Math.min(across - 1, Math.max(0, cell.x + move[0]));
    cell.y = Math.min(down - 1, Math.max(0, cell.y + move[1]));
    tell();
  });
  return make("figure", {class: "stream"}, make("figcaption", {}, one.title), map);
}

const SHOWN_LOGITS = 12;

function logits(place) {
  const {logits, names, true: right} = data.model, count = logits.shape[1];
  const all = numbers(count).map(one => Number(at(logits, place, one))), order = numbers(count).sort((a, b) => all[b] - all[a] || a - b);
  const read = order[0], is = right ? right[place] : null;
  const shown = count <= SHOWN_LOGITS ? numbers(count) : order.slice(0, SHOWN_LOGITS);
  const low = Math.min(...shown.map(one => all[one])), span = Math.max(1, all[read] - low);
  const rows = shown.map(one => make("tr", {"data-class": one}, make("td", {}, names[one]), make("td", {class: "number"}, all[one].toLocaleString("en")),
    make("td", {}, meter(all[one] - low, span), ` ${[one === read ? "read" : "", one === is ? "true" : ""].filter(Boolean).join(", ")}`)));
  const verdict = is === null ? `Read as ${names[read]}.` : read === is ? `Read as ${names[read]}, which is right.` : `Read as ${names[read]}, and is ${names[is]}.`;
  return make("div", {}, make("p", {id: "verdict"}, verdict), make("table", {}, make("thead", {}, make("tr", {}, make("th", {}, right ? "class" : "read"), make("th", {class: "number"}, "logit, integer"), make("th", {}, `from ${low.toLocaleString("en")} up`))), make("tbody", {}, ...rows)));
}

// ---------------------------------------------------------------- attention

const attention = data.model && data.model.attention;

// Tokens that may look, of a sample; of an image first all of them, as their mean.
function showTokens(sample) {
  const select = byId("attention-token"), before = select.value, names = attention.names[sample];
  if (names) {
    const each = numbers(attention.queries.shape[0]).map(place => at(attention.queries, place)).map(token => `token ${token}: ${names[token]}`);
    options(select, attention.causal ? each : ["all tokens, their mean", ...each]);
    select.value = before === "" ? (attention.causal ? each.length - 1 : 0) : before;
  }
  showAttention();
}

function lookAt(token) {
  const place = numbers(attention.queries.shape[0]).find(one => at(attention.queries, one) === token);
  if (place === undefined) return;
  byId("attention-token").value = place + (attention.causal ? 0 : 1);
  showAttention();
}

function showAttention() {
  const sample = Number(byId("sample").value), names = attention.names[sample];
  if (!names) {
    byId("attention-said").textContent = `Only of the first ${plural(attention.names.length, "sample")}: choose one of them.`;
    byId("attention-heads").replaceChildren();
    return;
  }
  const chosen = Number(byId("attention-token").value) - (attention.causal ? 0 : 1), {weights, title, scale} = attention.layers[Number(byId("attention-layer").value)];
  const [, heads, count, tokens] = weights.shape, token = chosen < 0 ? null : at(attention.queries, chosen);
  const rows = chosen < 0 ? numbers(count) : [chosen];
  const all = numbers(heads).map(head => numbers(tokens).map(seen =>
    rows.reduce((sum, row) => sum + at(weights, sample, head, row, seen), 0) / rows.length));
  const most = Math.max(1, ...all.flat());
  byId("attention-said").textContent = `Sample ${at(data.model.number, sample)}, ${title}, ${token === null ? "the mean of all tokens" : `token ${token}, ${names[token]}, framed`}. `
    + `${attention.grid ? "The area of a square" : "The height of a bar"} is the weight, ${scale ? `${real(1 / scale)} being one, ` : ""}on one scale for all heads.`;
  byId("attention-heads").replaceChildren(...all.map((looks, head) => make("figure", {class: "head"},
    make("figcaption", {}, `Head ${head}: ${summary(looks, names)}`),
    attention.grid ? patches(looks, most, token, names) : characters(looks, most, token, names))));
}

// Where a head looks most, and over how many tokens weights of this spread would be even.
function summary(looks, names) {
  const sum = looks.reduce((one, two) => one + two, 0), best = looks.indexOf(Math.max(...looks));
  if (sum <= 0) return "all weights are 0";
  const bits = looks.filter(one => one > 0).reduce((entropy, one) => entropy - one / sum * Math.log2(one / sum), 0);
  return `most at ${names[best]} (${real(looks[best])}), spread over ${real(2 ** bits)} tokens`;
}

const NUMBERED = 8, PATCH = 46, SMALL_PATCH = 18;  // patches in a row, up to which each has its number; pixels

function patches(looks, most, chosen, names) {
  const [rows, columns] = attention.grid, numbered = columns <= NUMBERED, size = numbered ? PATCH : SMALL_PATCH;
  const cells = looks.flatMap((weight, token) => {
    const x = token % columns * size, y = Math.floor(token / columns) * size, room = size - (numbered ? 16 : 3), side = room * Math.sqrt(Math.max(0, weight) / most);
    return [
      draw("rect", {class: "look", x: x + (size - side) / 2, y: y + 2 + (room - side) / 2, width: side, height: side}),
      numbered ? words(x + size / 2, y + size - 4, real(weight), "middle", 11) : null,
      draw("rect", {class: token === chosen ? "patch chosen" : "patch", "data-token": token, "data-weight": weight, x: x + 1, y: y + 1, width: size - 2, height: size - 2, onclick: () => lookAt(token)},
        draw("title", {}, `${names[token]}: ${real(weight)}`)),
    ];
  });
  const wide = columns * size, high = rows * size;
  return boxed(picture(wide, high, "Weights of the head, over the patches of the image",
    draw("image", {class: "under", href: now.image.toDataURL(), width: wide, height: high, preserveAspectRatio: "none"}), ...cells));
}

function characters(looks, most, chosen, names) {
  const seen = attention.causal && chosen !== null ? looks.slice(0, chosen + 1) : looks;
  return make("div", {class: "written"}, ...seen.map((weight, token) => {
    const one = make("span", {class: token === chosen ? "chosen" : null, "data-token": token, "data-weight": weight, title: `token ${token}`, onclick: () => lookAt(token)},
      make("b", {}, names[token]), make("small", {}, real(weight)));
    one.style.setProperty("--share", Math.max(0, weight) / most);
    return one;
  }));
}

// ---------------------------------------------------------------- start

document.documentElement.classList.add("scripted");

if (data.blocks.length) {
  byId("explore-blocks").hidden = false;
  options(byId("block"), data.blocks.map(one => one.name));
  byId("block").addEventListener("change", event => showBlock(Number(event.target.value)));
  byId("layer").addEventListener("change", event => showLayer(Number(event.target.value), 0));
  byId("row").addEventListener("change", event => showRow(Number(event.target.value)));
  byId("row-before").addEventListener("click", () => step(byId("row"), -1, showRow));
  byId("row-after").addEventListener("click", () => step(byId("row"), 1, showRow));
  roving(byId("luts"), showLut);
  roving(byId("row-inputs"), feature => showFeature(feature));
  showBlock(0);
}

if (data.model) {
  byId("explore-model").hidden = false;
  options(byId("sample"), numbers(data.model.number.shape[0]).map(place => `sample ${at(data.model.number, place)}`));
  byId("sample").addEventListener("change", event => showSample(Number(event.target.value)));
  byId("sample-before").addEventListener("click", () => step(byId("sample"), -1, showSample));
  byId("sample-after").addEventListener("click", () => step(byId("sample"), 1, showSample));
  if (attention) {
    byId("explore-attention").hidden = false;
    options(byId("attention-layer"), attention.layers.map(one => one.title));
    for (const name of ["layer", "token"]) byId(`attention-${name}`).addEventListener("change", showAttention);
    byId("attention-before").addEventListener("click", () => step(byId("attention-token"), -1, showAttention));
    byId("attention-after").addEventListener("click", () => step(byId("attention-token"), 1, showAttention));
  }
  showSample(0);
}
})();
