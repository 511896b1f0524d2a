/* The frontier chart: metric against size, one point per file. */

const sizes = {
  bytes_flash: ["size in flash, kB", 1000],
  bytes_raw: ["size of the .tflite file, kB", 1000],
  bytes_gzip: ["download (gzip -9), kB", 1000],
  latency_ms: ["latency per example, ms", 1], macs: ["million MACs", 1e6],
  arena_bytes: ["arena, kB", 1000],
};
const ticks = (values) => {
  const low = Math.min(...values) / 1.6, high = Math.max(...values) * 1.6;
  const marks = [];
  for (let d = -4; d < 8; d++) for (const m of [1, 2, 5]) {
    const value = m * 10 ** d;
    if (value >= low && value <= high) marks.push(value);
  }
  return {type: "log", tickvals: marks, range: [Math.log10(low), Math.log10(high)],
          ticktext: marks.map(v => String(+v.toPrecision(1)))};
};

function frontier() {
  const chart = data.frontier;
  const x = byId("frontier-x").value, y = byId("frontier-y").value;
  const [title, divisor] = sizes[x];
  const points = chart.points
    .map(p => ({...p, size: p.sizes[x], value: p.metrics[y]}))
    .filter(p => p.size != null && p.value != null);
  const up = y.endsWith(metric) ? data.score.sign : 1;  // -1 if lower is better
  const values = points.map(p => p.value), best = up * Math.max(...values.map(v => up * v));
  // The budget limits validation: a band on another axis would contradict the choice.
  const minimum = y === chart.bound_axis ? chart.bound : null;
  const depth = minimum === null ? .12 : Math.max(.04, 4 * (best - minimum));
  const floor = up < 0 ? Math.max(...values) : Math.max(Math.min(...values), best - depth);
  const place = p => ({...p, x: p.size / divisor,
                       y: scaled(up * Math.max(up * p.value, up * floor)),
                       below: up * p.value < up * floor});
  const placed = points.map(place);
  const interval = p => p.below ? null : p.intervals[y] || null;
  const spread = (p, end) => interval(p) ? Math.abs(scaled(interval(p)[end]) - p.y) : 0;
  const line = placed.filter(p => !p.dominated).sort((a, b) => a.x - b.x);
  const traces = [{x: line.map(p => p.x), y: line.map(p => p.y), mode: "lines",
    line: {color: shade(css("soft"), .45), width: 1.5}, hoverinfo: "skip",
    name: "frontier (validation)", showlegend: !narrow()}];
  const sources = [...new Set(placed.map(p => p.source))].sort();
  for (const source of sources) {
    const own = placed.filter(p => p.source === source)
      .sort((a, b) => b.dominated - a.dominated || a.x - b.x);
    traces.push({x: own.map(p => p.x), y: own.map(p => p.y), mode: "markers",
      showlegend: false, customdata: own.map(p => p.id),
      text: own.map(p => "<b>" + esc(p.lines[0]) + "</b><br>" +
                    p.lines.slice(1).map(esc).join("<br>")),
      hovertemplate: "%{text}<extra></extra>", cliponaxis: false,
      error_y: {visible: own.some(interval), type: "data", symmetric: false,
        thickness: 1.6, width: 4, color: shade(colour(source), .6),
        array: own.map(p => spread(p, 1)), arrayminus: own.map(p => spread(p, 0))},
      marker: {color: own.map(p => shade(colour(source), p.dominated ? .38 : 1)),
        size: own.map(p => p.id === chart.chosen ? 17 : 12),
        symbol: own.map(p => (p.below ? "triangle-down" : p.id === chart.chosen ? "star" :
                              "circle") + (p.over_budget ? "-open" : "")),
        line: {color: own.map(p => p.over_budget ?
                 shade(colour(source), p.dominated ? .5 : 1) :
                 p.id === chart.chosen ? css("green") : css("card")),
               width: own.map(p => p.over_budget || p.id === chart.chosen ? 2 : 1)}}});
  }
  const legend = (name, color, symbol = "circle") => traces.push({x: [null], y: [null],
    mode: "markers", name: name, marker: {color: color, size: 12, symbol: symbol}});
  for (const source of sources) legend(esc(source), colour(source));
  for (const source of sources)
    if (placed.some(p => p.dominated && p.source === source))
      legend(esc(source) + ", dominated", shade(colour(source), .38));
  if (placed.some(p => p.over_budget)) legend("over the budget", css("ink"), "circle-open");
  if (minimum !== null) 
    legend("within the budget: " + chart.bounded, shade(css("green"), .3), "square");
  if (placed.some(p => p.below))
    legend("below the axis", css("soft"), "triangle-down");
  const roles = {[chart.baseline]: ["float baseline", "soft"],
                 [chart.chosen]: ["chosen", "green"]};
  const extent = placed.map(p => p.x);
  const middle = Math.sqrt(Math.min(...extent) * Math.max(...extent));
  const notes = placed.filter(p => roles[p.id]).map(p => ({
    x: Math.log10(p.x), y: p.y, text: roles[p.id][0],
    ay: p.id === chart.chosen ? -40 : 36,  // nothing lies up and left of the chosen point
    ax: p.id === chart.chosen && narrow() && p.x < middle ? 40 :
      p.id === chart.chosen ? -40 : -72,
    font: {color: css(roles[p.id][1]), size: 14, weight: 700}, arrowhead: 0,
    arrowcolor: css(roles[p.id][1]), arrowwidth: 1.2, standoff: 8}));
  notes.push(...placed.filter(p => p.below).map(p => ({x: Math.log10(p.x), y: p.y,
    text: scaled(p.value).toFixed(scale > 1 ? 1 : 3) + sign, showarrow: false, yshift: 14,
    font: {color: css("soft"), size: 12}})));
  const ends = placed.flatMap(p => interval(p) || []);
  const edges = [floor, best, minimum === null ? floor : minimum, ...ends];
  const low = scaled(Math.min(...edges)), high = scaled(Math.max(...edges));
  const margin = Math.max(.06 * (high - low), .004 * scale);
  const limit = chart.max_bytes && x === "bytes_" + chart.size_metric
    ? chart.max_bytes / divisor : null;
  const shapes = minimum === null ? [] : [{type: "rect", xref: limit ? "x" : "paper",
    x0: limit ? Math.min(...placed.map(p => p.x)) / 2 : 0, x1: limit || 1,
    y0: scaled(minimum), y1: up > 0 ? high + margin : low - margin, layer: "below",
    fillcolor: shade(css("green"), .09), line: {width: 0}}];
  const drawn = draw("chart-frontier", traces, {
    xaxis: axis(title, ticks(placed.map(p => p.x))),
    yaxis: axis(chart.axes[y] + unit, {range: [low - margin, high + margin]}),
    shapes: shapes, annotations: notes, showlegend: true,
    legend: {...keys, itemclick: false, itemdoubleclick: false}});  // they are explanations, not switches
  drawn.then(box => {
    for (const name of ["plotly_click", "plotly_afterplot"])
      box.removeAllListeners(name);
    box.on("plotly_click", event => {
      const id = event.points[0].customdata;
      if (id) show(id);
    });
    box.on("plotly_afterplot", () => reachable(box));
    reachable(box);
  });
}
/* Let Tab reach the points: focus shows the box of the mouse, Enter opens the row. */
const reachable = box => {
  box.setAttribute("role", "group");  // an image would hide them from screen readers
  const lines = Object.fromEntries(data.frontier.points.map(p => [p.id, p.lines]));
  box.querySelectorAll(".scatterlayer .trace").forEach(trace => {
    // Plotly binds its data to the nodes; hidden traces have no nodes.
    const {index: curveNumber, customdata: ids} = trace.__data__[0].trace;
    trace.querySelectorAll(".points path").forEach(point => {
      const pointNumber = point.__data__.i, id = ids[pointNumber];
      const attributes = {tabindex: 0, role: "link",
                          "aria-label": lines[id].join(", ")};
      for (const name in attributes) point.setAttribute(name, attributes[name]);
      point.onfocus = () => Plotly.Fx.hover(box, [{curveNumber, pointNumber}]);
      point.onblur = () => Plotly.Fx.unhover(box);
      point.onkeydown = event => { if (event.key === "Enter") show(id); };
    });
  });
};
const show = id => {
  const details = byId("detail-" + id);
  if (details) details.open = true;
  location.hash = "variant-" + id;
};
