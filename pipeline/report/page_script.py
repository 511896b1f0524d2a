"""The script of index.html; a Python module as `page_template` is, and why it is.

It draws what `charts.payload` holds with Plotly. All that it shows stands in tables
too, so the page loses no fact where scripts do not run. Names that come from data
are escaped before Plotly, which reads some markup, sees them.
"""

SCRIPT = r"""
"use strict";
(() => {
const data = JSON.parse(document.getElementById("facts").textContent);
const by = id => document.getElementById(id);
const esc = text => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;")
  .replace(/>/g, "&gt;").replace(/"/g, "&quot;").replace(/'/g, "&#39;");
const css = name => getComputedStyle(document.documentElement)
  .getPropertyValue("--" + name).trim();
const colour = source => css(source === "student" ? "student" : "baseline");
const shade = (hex, alpha) => {
  const n = parseInt(hex.slice(1), 16);
  return `rgba(${n >> 16},${(n >> 8) & 255},${n & 255},${alpha})`;
};
const {key: worth, name: worthName, scale} = data.score;
const percent = value => scale * value;  // of an accuracy; other scores as they are
const unit = scale > 1 ? ", %" : "", sign = scale > 1 ? " %" : "";
const digits = scale > 1 ? ".1f" : ".3f";
const narrow = () => innerWidth < 640;
const config = {displayModeBar: false, responsive: true, scrollZoom: false};
const axis = (title, more) => Object.assign({
  title: {text: title, font: {size: 13}, standoff: 8}, gridcolor: css("grid"),
  linecolor: css("line"), zeroline: false, automargin: true, fixedrange: true,
}, more);
const keys = {orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: {size: 13}};
const layout = more => Object.assign({
  font: {family: "system-ui, sans-serif", size: 13, color: css("ink")},
  paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
  margin: {l: 56, r: 14, t: 12, b: 48}, hovermode: "closest", showlegend: false,
  legend: keys, hoverlabel: {align: "left", font: {size: 13}},
}, more);
const draw = (id, traces, more) => {
  const box = by(id);
  box.classList.add("drawn");
  return Plotly.react(box, traces, layout(more), config);
};

/* ------------------------------------------------------------ the frontier */

const sizes = {
  bytes_gzip: ["size after gzip -9, kB", 1000],
  bytes_raw: ["size of the file, kB", 1000],
  latency_ms: ["latency for one example, ms", 1], macs: ["million MACs", 1e6],
  arena_bytes: ["tensor arena, kB", 1000],
};
const ticks = (values) => {
  const low = Math.min(...values) / 1.6, high = Math.max(...values) * 1.6, found = [];
  for (let d = -4; d < 8; d++) for (const m of [1, 2, 5]) {
    const at = m * 10 ** d;
    if (at >= low && at <= high) found.push(at);
  }
  return {type: "log", tickvals: found, range: [Math.log10(low), Math.log10(high)],
          ticktext: found.map(v => String(+v.toPrecision(1)))};
};

function frontier() {
  const told = data.frontier, x = by("frontier-x").value, y = by("frontier-y").value;
  const [title, divisor] = sizes[x];
  const points = told.points.filter(p => p[x] != null && p[y] != null);
  const up = y.endsWith(worth) ? data.score.sign : 1;  // -1 where lower is better
  const values = points.map(p => p[y]), best = up * Math.max(...values.map(v => up * v));
  const least = y === worth ? told.least : null;
  const floor = up < 0 ? Math.max(...values) : Math.max(Math.min(...values), best - 0.12);
  const place = p => ({...p, x: p[x] / divisor, y: percent(up * Math.max(up * p[y], up * floor)),
                       deeper: up * p[y] < up * floor});
  const placed = points.map(place);
  const spread = (p, end) => !p.deeper && p.interval
    ? Math.abs(percent(p.interval[end]) - p.y) : 0;
  const line = placed.filter(p => !p.dominated).sort((a, b) => a.x - b.x);
  const traces = [{x: line.map(p => p.x), y: line.map(p => p.y), mode: "lines",
    line: {color: shade(css("soft"), .45), width: 1.5}, hoverinfo: "skip",
    name: "best on validation", showlegend: !narrow()}];
  const sources = [...new Set(placed.map(p => p.source))].sort();
  for (const source of sources) {
    const own = placed.filter(p => p.source === source)
      .sort((a, b) => b.dominated - a.dominated || a.x - b.x);
    traces.push({x: own.map(p => p.x), y: own.map(p => p.y), mode: "markers",
      showlegend: false, customdata: own.map(p => p.id),
      text: own.map(p => "<b>" + esc(p.lines[0]) + "</b><br>" +
                    p.lines.slice(1).map(esc).join("<br>")),
      hovertemplate: "%{text}<extra></extra>", cliponaxis: false,
      error_y: {visible: y === worth, type: "data", symmetric: false,
        thickness: 1.6, width: 4, color: shade(colour(source), .6),
        array: own.map(p => spread(p, 1)), arrayminus: own.map(p => spread(p, 0))},
      marker: {color: own.map(p => shade(colour(source), p.dominated ? .38 : 1)),
        size: own.map(p => p.id === told.chosen ? 17 : 12),
        symbol: own.map(p => p.deeper ? "triangle-down" :
                        p.id === told.chosen ? "star" : "circle"),
        line: {color: own.map(p => p.id === told.chosen ? css("green") : css("card")),
               width: own.map(p => p.id === told.chosen ? 2 : 1)}}});
  }
  const legend = (name, color, symbol = "circle") => traces.push({x: [null], y: [null],
    mode: "markers", name: name, marker: {color: color, size: 12, symbol: symbol}});
  for (const source of sources) legend(esc(source), colour(source));
  if (placed.some(p => p.dominated)) legend("dominated", shade(css("soft"), .38));
  if (placed.some(p => p.deeper))
    legend("further below", css("soft"), "triangle-down");
  const words = {[told.baseline]: ["float baseline", "soft"],
                 [told.chosen]: ["chosen", "green"]};
  const notes = placed.filter(p => words[p.id]).map(p => ({
    x: Math.log10(p.x), y: p.y, text: words[p.id][0],
    ay: p.id === told.chosen ? -40 : 36,  // smaller and better than chosen is nothing
    ax: p.id === told.chosen && narrow() ? 40 : -40,
    font: {color: css(words[p.id][1]), size: 14, weight: 700}, arrowhead: 0,
    arrowcolor: css(words[p.id][1]), arrowwidth: 1.2, standoff: 8}));
  notes.push(...placed.filter(p => p.deeper).map(p => ({x: Math.log10(p.x), y: p.y,
    text: percent(p[y]).toFixed(scale > 1 ? 1 : 3) + sign, showarrow: false, yshift: 14,
    font: {color: css("soft"), size: 12}})));
  const ends = y !== worth ? [] : placed.flatMap(p => !p.deeper && p.interval || []);
  const edges = [floor, best, least === null ? floor : least, ...ends];
  const low = percent(Math.min(...edges)), high = percent(Math.max(...edges));
  const margin = Math.max(.06 * (high - low), .004 * scale);
  const limit = told.budget.max_bytes && x === "bytes_" + told.budget.measure
    ? told.budget.max_bytes / divisor : null;
  const shapes = least === null ? [] : [{type: "rect", xref: limit ? "x" : "paper",
    x0: limit ? Math.min(...placed.map(p => p.x)) / 2 : 0, x1: limit || 1,
    y0: percent(least), y1: up > 0 ? high + margin : low - margin, layer: "below",
    fillcolor: shade(css("green"), .09), line: {width: 0}}];
  if (least !== null && !narrow()) notes.push({xref: "paper", x: .62, xanchor: "center",
    y: percent(least), yanchor: "top", showarrow: false,
    text: (up > 0 ? "above" : "below") + ": within the budget",
    font: {size: 12, color: css("green")}});
  const drawn = draw("chart-frontier", traces, {
    xaxis: axis(title, ticks(placed.map(p => p.x))),
    yaxis: axis(told.worths[y] + unit, {range: [low - margin, high + margin]}),
    shapes: shapes, annotations: notes, showlegend: true,
    legend: {...keys, itemclick: false, itemdoubleclick: false}});  // keys, no lines
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
/* Points that Tab reaches: they tell what the mouse is told, and Enter leads on. */
const reachable = box => {
  box.setAttribute("role", "group");  // an image would hide them from screen readers
  const lines = Object.fromEntries(data.frontier.points.map(p => [p.id, p.lines]));
  box.querySelectorAll(".scatterlayer .trace").forEach(trace => {
    // What Plotly binds to its nodes: of what is hidden it draws none.
    const {index: curveNumber, customdata: ids} = trace.__data__[0].trace;
    trace.querySelectorAll(".points path").forEach(point => {
      const pointNumber = point.__data__.i, id = ids[pointNumber];
      const told = {tabindex: 0, role: "link", "aria-label": lines[id].join(", ")};
      for (const name in told) point.setAttribute(name, told[name]);
      point.onfocus = () => Plotly.Fx.hover(box, [{curveNumber, pointNumber}]);
      point.onblur = () => Plotly.Fx.unhover(box);
      point.onkeydown = event => { if (event.key === "Enter") show(id); };
    });
  });
};
const show = id => {
  const details = by("detail-" + id);
  if (details) details.open = true;
  location.hash = "variant-" + id;
};

/* ------------------------------------------------------------ the other charts */

function ledger() {
  const wanted = by("ledger-of").value;
  const {steps} = data.ledger.variants.find(one => one.id === wanted);
  const key = by("ledger-size").value;
  const kb = steps.map(step => step[key] / 1000);
  const names = steps.map((step, at) => at + 1 + ". " + esc(step.step));
  const text = steps.map((step, at) => kb[at].toFixed(1) + " kB");
  const wide = kb.map((value, at) => at ? kb[at - 1] - value : value);
  draw("chart-ledger", [
    {type: "bar", x: names, y: kb, marker: {color: kb.map((v, at) =>
      at === kb.length - 1 ? css("green") : shade(css("soft"), .5))},
     text: text, textposition: "outside", cliponaxis: false, constraintext: "none",
     hovertemplate: steps.map((step, at) => "<b>" + esc(step.step) + "</b><br>" +
       text[at] + (at ? ", " + (wide[at] < 0 ? "+" : "−") +
       Math.abs(wide[at]).toFixed(1) + " kB" : "") + "<extra></extra>")},
    {type: "bar", x: names.slice(1), y: wide.slice(1).map(Math.abs),
     base: wide.slice(1).map((v, at) => Math.min(kb[at], kb[at + 1])),
     marker: {color: wide.slice(1).map(
       v => shade(css(v < 0 ? "red" : "baseline"), .22))},
     hoverinfo: "skip"},
    {x: names, y: steps.map(step => percent(step[worth])), yaxis: "y2",
     mode: "lines+markers", line: {color: css("student"), width: 2},
     marker: {size: 9},
     hovertemplate: "%{y:" + digits + "}" + sign + "<extra></extra>"},
  ], {barmode: "overlay", bargap: .35, margin: {l: 56, r: 14, t: 26, b: 48},
      xaxis: axis("", {type: "category"}), yaxis: axis("kB", {domain: [0, .58]}),
      yaxis2: axis(worthName + unit, {domain: [.7, 1]})});
}

function classes() {
  const told = data.classes, names = told.names.map(esc);
  const box = by("chart-classes");
  box.style.height = Math.max(14, 5 + 1.55 * names.length) + "rem";
  const change = told.change.map(percent);
  const ends = at => told.interval.map((pair, n) =>
    pair ? Math.abs(percent(pair[at]) - change[n]) : 0);
  draw("chart-classes", [{type: "bar", orientation: "h", y: names, x: change,
    marker: {color: change.map(v => v < 0 ? css("student") : css("baseline"))},
    error_x: {type: "data", symmetric: false, array: ends(1), arrayminus: ends(0),
              color: css("soft"), thickness: 1.2, width: 3},
    customdata: told.before.map((v, n) => [v.toFixed(3), told.after[n].toFixed(3)]),
    hovertemplate: "<b>%{y}</b><br>%{customdata[0]} before, %{customdata[1]} now" +
                   "<br>%{x:+.1f} points<extra></extra>"}],
    {xaxis: axis("change of recall, points",
                 {zeroline: true, zerolinecolor: css("soft")}),
     yaxis: axis("", {type: "category", autorange: "reversed", dtick: 1})});
}

function reliability() {
  const traces = [{x: [0, 1], y: [0, 1], mode: "lines", hoverinfo: "skip",
    showlegend: false, line: {color: css("soft"), dash: "dot", width: 1}}];
  const most = Math.max(...data.reliability.flatMap(
    one => one.raw.map(bin => bin.count)));
  data.reliability.forEach((one, at) => {
    const paint = css(at ? "student" : "baseline");
    for (const [kind, dash] of [["raw", "solid"], ["scaled", "dash"]]) {
      const bins = one[kind];
      traces.push({x: bins.map(bin => bin.confidence), y: bins.map(bin => bin.accuracy),
        mode: "lines+markers", name: esc(one.name) + (kind === "raw" ? "" :
          ", temperature " + one.temperature),
        line: {color: paint, dash: dash, width: kind === "raw" ? 2 : 1.2},
        marker: {size: bins.map(bin => 5 + 13 * Math.sqrt(bin.count / most)),
                 opacity: .75},
        customdata: bins.map(bin => bin.count),
        hovertemplate: "sure %{x:.2f}, right %{y:.2f}<br>%{customdata} examples" +
                       "<extra></extra>"});
    }
  });
  draw("chart-reliability", traces, {showlegend: true,
    xaxis: axis("confidence", {range: [-.02, 1.03]}),
    yaxis: axis("part that is right", {range: [-.03, 1.04]})});
}

function robustness() {
  data.robustness.forEach((kind, at) => {
    const traces = kind.lines.map((line, n) => ({
      x: kind.amounts.map(String), y: line.y.map(percent), mode: "lines+markers",
      line: {color: css(n ? "student" : "baseline"), width: 2}, marker: {size: 6},
      name: esc(line.name),
      hovertemplate: "<b>" + esc(line.name) + "</b><br>%{x}: %{y:" + digits + "}" +
                     sign + "<extra></extra>"}));
    draw("chart-robust-" + at, traces, {
      title: {text: esc(kind.name), font: {size: 14}, x: .02, y: .98},
      margin: {l: 38, r: 8, t: 28, b: 40},
      xaxis: axis("", {type: "category",
                       title: {text: esc(kind.unit), font: {size: 11}}}),
      yaxis: axis("", scale > 1 ? {range: [0, 103], dtick: 25} : {})});
  });
}

function search() {
  const {axes, trials, scores, best} = data.search, low = Math.min(...scores);
  const width = Math.max(...scores) - low || 1;
  const order = scores.map((_, n) => n).sort((a, b) => scores[a] - scores[b]);
  const traces = order.map(n => {
    const own = trials[n] === best, part = (scores[n] - low) / width;
    return {x: axes.map((_, at) => at), y: axes.map(one => one.places[n]),
      mode: "lines+markers",
      line: {width: own ? 3.5 : 1.6, shape: "spline", smoothing: .6,
        color: own ? css("green") : shade(css("baseline"), .15 + .6 * part)},
      marker: {size: own ? 8 : 5},
      hovertemplate: "<b>trial " + esc(trials[n]) + "</b><br>" + axes.map(one =>
        esc(one.name) + " " + esc(one.shown[n])).join("<br>") + "<extra></extra>"};
  });
  const notes = axes.flatMap((one, at) => [[1.06, 1], [-.06, 0]].map(([y, end]) => (
    {x: at, y: y, text: esc(one.ends[end]), showarrow: false, font: {size: 11}})));
  draw("chart-search", traces, {
    annotations: notes, margin: {l: 30, r: 30, t: 10, b: 50},
    xaxis: axis("", {tickvals: axes.map((_, at) => at),
      ticktext: axes.map(one => esc(one.name)),
      range: [-.3, axes.length - .7], tickangle: narrow() ? -40 : 0,
      gridcolor: css("soft")}),
    yaxis: axis("", {visible: false, range: [-.14, 1.14]})});
}

function importance() {
  const names = Object.keys(data.importance)
    .sort((a, b) => data.importance[a] - data.importance[b]);
  draw("chart-importance", [{type: "bar", orientation: "h", y: names.map(esc),
    x: names.map(name => data.importance[name]), marker: {color: css("baseline")},
    hovertemplate: "%{y}: %{x:.2f}<extra></extra>"}],
    {xaxis: axis("importance"), yaxis: axis("", {type: "category", dtick: 1})});
}

function curves() {
  const key = by("curves-of").value;
  const traces = [];
  for (const [source, columns] of Object.entries(data.curves)) {
    for (const [column, dash] of [[key, "dot"], ["val_" + key, "solid"]]) {
      if (!columns[column]) continue;
      traces.push({x: columns.epoch, y: columns[column], mode: "lines",
        name: source + (column === key ? ", training" : ", validation"),
        line: {color: colour(source), dash: dash, width: column === key ? 1.4 : 2.2},
        hovertemplate: esc(source) + ", epoch %{x}: %{y:.4f}<extra></extra>"});
    }
  }
  const loss = key === "loss";
  draw("chart-curves", traces, {showlegend: true, xaxis: axis("epoch"),
    yaxis: axis(key, loss ? {type: "log"} : {})});
}

/* ------------------------------------------------------------ tables, clipboard */

function sortable(table) {
  table.querySelectorAll("thead th[data-sort]").forEach((head) => {
    const column = [...head.parentNode.children].indexOf(head);
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.textContent = "";
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of table.querySelectorAll("[aria-sort]"))
        other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const body = table.tBodies[0], value = row => {
        const cell = row.children[column].dataset.value;
        return cell === undefined || cell === "" ? null : +cell;
      };
      [...body.rows].sort((a, b) => {
        const one = value(a), two = value(b);
        if (one === null || two === null) return (one === null) - (two === null);
        return up ? one - two : two - one;
      }).forEach(row => body.append(row));
    });
  });
}

function copyable() {
  const button = by("copy");
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const text = by("command").textContent;
    const done = () => { button.textContent = "Copied"; };
    navigator.clipboard ? navigator.clipboard.writeText(text).then(done, () => {}) : 0;
  });
}

/* ------------------------------------------------------------ in their order */

const charts = {frontier, ledger, classes, reliability, robustness, search, importance,
                curves};
const present = Object.keys(charts).filter(name => data[name]);
function drawAll() {
  const waiting = [...present];
  const next = () => {
    if (!waiting.length) { document.body.dataset.drawn = "all"; return; }
    charts[waiting.shift()]();
    setTimeout(next);
  };
  next();
}
document.querySelectorAll("table.sortable").forEach(sortable);
copyable();
addEventListener("hashchange", () => {
  const details = by(location.hash.replace("#variant-", "detail-"));
  if (details && details.tagName === "DETAILS") details.open = true;
});
if (window.Plotly) {
  for (const [id, chart] of [["frontier-x", frontier], ["frontier-y", frontier],
      ["ledger-of", ledger], ["ledger-size", ledger], ["curves-of", curves]]) {
    if (!by(id)) continue;
    by(id).addEventListener("change", chart);
    by(id).closest(".controls").hidden = false;
  }
  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
}
})();
"""
