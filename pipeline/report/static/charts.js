/* All charts but the frontier; each function draws one of them. */

function ledger() {
  const id = byId("ledger-of").value;
  const {steps} = data.ledger.variants.find(v => v.id === id);
  const key = byId("ledger-size").value;
  const kb = steps.map(step => step[key] / 1000);
  const names = steps.map((step, n) => n + 1 + ". " + esc(step.step));
  const text = steps.map((step, n) => kb[n].toFixed(1) + " kB");
  const saved = kb.map((value, n) => n ? kb[n - 1] - value : value);
  draw("chart-ledger", [
    {type: "bar", x: names, y: kb, marker: {color: kb.map((v, n) =>
      n === kb.length - 1 ? css("green") : shade(css("soft"), .5))},
     text: text, textposition: "outside", cliponaxis: false, constraintext: "none",
     hovertemplate: steps.map((step, n) => "<b>" + esc(step.step) + "</b><br>" +
       text[n] + (n ? ", " + (saved[n] < 0 ? "+" : "−") +
       Math.abs(saved[n]).toFixed(1) + " kB" : "") + "<extra></extra>")},
    {type: "bar", x: names.slice(1), y: saved.slice(1).map(Math.abs),
     base: saved.slice(1).map((v, n) => Math.min(kb[n], kb[n + 1])),
     marker: {color: saved.slice(1).map(
       v => shade(css(v < 0 ? "red" : "baseline"), .22))},
     hoverinfo: "skip"},
    {x: names, y: steps.map(step => scaled(step[metric])), yaxis: "y2",
     mode: "lines+markers", line: {color: css("student"), width: 2},
     marker: {size: 9},
     hovertemplate: "%{y:" + digits + "}" + sign + "<extra></extra>"},
  ], {barmode: "overlay", bargap: .35, margin: {l: 56, r: 14, t: 26, b: 48},
      xaxis: axis("", {type: "category"}), yaxis: axis("kB", {domain: [0, .58]}),
      yaxis2: axis(metricName + unit, {domain: [.7, 1]})});
}

function classes() {
  const chart = data.classes, names = chart.names.map(esc);
  const box = byId("chart-classes");
  box.style.height = Math.max(14, 5 + 1.55 * names.length) + "rem";
  const change = chart.change.map(scaled);
  const ends = end => chart.interval.map((pair, n) =>
    pair ? Math.abs(scaled(pair[end]) - change[n]) : 0);
  draw("chart-classes", [{type: "bar", orientation: "h", y: names, x: change,
    marker: {color: change.map(v => v < 0 ? css("student") : css("baseline"))},
    error_x: {type: "data", symmetric: false, array: ends(1), arrayminus: ends(0),
              color: css("soft"), thickness: 1.2, width: 3},
    customdata: chart.before.map((v, n) => [v.toFixed(3), chart.after[n].toFixed(3)]),
    hovertemplate: "<b>%{y}</b><br>%{customdata[0]} before, %{customdata[1]} now" +
                   "<br>%{x:+.1f} percentage points<extra></extra>"}],
    {xaxis: axis("change of recall, percentage points",
                 {zeroline: true, zerolinecolor: css("soft")}),
     yaxis: axis("", {type: "category", autorange: "reversed", dtick: 1})});
}

function reliability() {
  const traces = [{x: [0, 1], y: [0, 1], mode: "lines", hoverinfo: "skip",
    showlegend: false, line: {color: css("soft"), dash: "dot", width: 1}}];
  const largest = Math.max(...data.reliability.flatMap(
    file => file.raw.map(bin => bin.count)));
  data.reliability.forEach((file, n) => {
    const paint = css(n ? "student" : "baseline");
    for (const [kind, dash] of [["raw", "solid"], ["scaled", "dash"]]) {
      const bins = file[kind];
      traces.push({x: bins.map(bin => bin.confidence), y: bins.map(bin => bin.accuracy),
        mode: "lines+markers", name: esc(file.name) + (kind === "raw" ? "" :
          ", temperature " + file.temperature),
        line: {color: paint, dash: dash, width: kind === "raw" ? 2 : 1.2},
        marker: {size: bins.map(bin => 5 + 13 * Math.sqrt(bin.count / largest)),
                 opacity: .75},
        customdata: bins.map(bin => bin.count),
        hovertemplate: "confidence %{x:.2f}, accuracy %{y:.2f}<br>examples: %{customdata}" +
                       "<extra></extra>"});
    }
  });
  draw("chart-reliability", traces, {showlegend: true,
    xaxis: axis("confidence", {range: [-.02, 1.03]}),
    yaxis: axis("accuracy", {range: [-.03, 1.04]})});
}

function robustness() {
  data.robustness.forEach((kind, index) => {
    const traces = kind.lines.map((line, n) => ({
      x: kind.amounts.map(String), y: line.y.map(scaled), mode: "lines+markers",
      line: {color: css(n ? "student" : "baseline"), width: 2}, marker: {size: 6},
      name: esc(line.name),
      hovertemplate: "<b>" + esc(line.name) + "</b><br>%{x}: %{y:" + digits + "}" +
                     sign + "<extra></extra>"}));
    draw("chart-robust-" + index, traces, {
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
    const winner = trials[n] === best, height = (scores[n] - low) / width;
    return {x: axes.map((_, i) => i), y: axes.map(a => a.positions[n]),
      mode: "lines+markers",
      line: {width: winner ? 3.5 : 1.6, shape: "spline", smoothing: .6,
        color: winner ? css("green") : shade(css("baseline"), .15 + .6 * height)},
      marker: {size: winner ? 8 : 5},
      hovertemplate: "<b>trial " + esc(trials[n]) + "</b><br>" + axes.map(a =>
        esc(a.name) + " " + esc(a.labels[n])).join("<br>") + "<extra></extra>"};
  });
  const notes = axes.flatMap((a, i) => [[1.06, 1], [-.06, 0]].map(([y, end]) => (
    {x: i, y: y, text: esc(a.ends[end]), showarrow: false, font: {size: 11}})));
  byId("chart-search").style.minWidth = 4.6 * axes.length + "rem";
  draw("chart-search", traces, {
    annotations: notes, margin: {l: 30, r: 30, t: 10, b: 50},
    xaxis: axis("", {tickvals: axes.map((_, i) => i),
      ticktext: axes.map(a => esc(a.name)),
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
    {xaxis: axis("share of the variance of the score"), yaxis: axis("", {type: "category", dtick: 1})});
}

function curves() {
  const key = byId("curves-of").value;
  // The student is trained on another loss than the one it is validated with.
  const loss = key === "loss", split = loss && data.curves.student?.loss;
  const traces = [];
  for (const [source, columns] of Object.entries(data.curves)) {
    for (const [column, dash] of [[key, "dot"], ["val_" + key, "solid"]]) {
      if (!columns[column]) continue;
      traces.push({x: columns.epoch, y: columns[column], mode: "lines",
        name: source + (column === key ? ", training" : ", validation"),
        yaxis: split && source === "student" && column === key ? "y2" : "y",
        line: {color: colour(source), dash: dash, width: column === key ? 1.4 : 2.2},
        hovertemplate: esc(source) + ", epoch %{x}: %{y:.4f}<extra></extra>"});
    }
  }
  const log = loss ? {type: "log"} : {};
  draw("chart-curves", traces, {showlegend: true, xaxis: axis("epoch"),
    yaxis: axis(key, split ? {...log, domain: [.42, 1]} : log),
    ...(split ? {yaxis2: axis("distillation loss", {...log, domain: [0, .32]})} : {})});
}
