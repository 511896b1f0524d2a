/* Chart data, colours of the style sheet, and defaults of all charts. */

const data = JSON.parse(document.getElementById("chart-data").textContent);
const byId = id => document.getElementById(id);
const esc = text => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;")
  .replace(/>/g, "&gt;").replace(/"/g, "&quot;").replace(/'/g, "&#39;");
const css = name => getComputedStyle(document.documentElement)
  .getPropertyValue("--" + name).trim();
const colour = source => css(source === "student" ? "student" : "baseline");
const shade = (hex, alpha) => {
  const n = parseInt(hex.slice(1), 16);
  return `rgba(${n >> 16},${(n >> 8) & 255},${n & 255},${alpha})`;
};
const {key: metric, name: metricName, scale} = data.score;
const scaled = value => scale * value;  // accuracy in percent, other metrics unchanged
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
  const box = byId(id);
  box.classList.add("drawn");
  return Plotly.react(box, traces, layout(more), config);
};
