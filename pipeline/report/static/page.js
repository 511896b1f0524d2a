/* Sortable tables, the copy button, and the order in which charts are drawn. */

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
        const left = value(a), right = value(b);
        if (left === null || right === null)
          return (left === null) - (right === null);
        return up ? left - right : right - left;
      }).forEach(row => body.append(row));
    });
  });
}

function copyable() {
  const button = byId("copy");
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const text = byId("command").textContent;
    const done = () => { button.textContent = "Copied"; };
    navigator.clipboard ? navigator.clipboard.writeText(text).then(done, () => {}) : 0;
  });
}

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
/* The menus of the navigation close behind whoever has chosen, or looks elsewhere. */
document.addEventListener("click", event => {
  document.querySelectorAll("nav details[open]").forEach(menu => {
    if (!menu.contains(event.target) || event.target.closest("a")) menu.open = false;
  });
});
document.querySelectorAll("table.sortable").forEach(sortable);
copyable();
addEventListener("hashchange", () => {
  const details = byId(location.hash.replace("#variant-", "detail-"));
  if (details && details.tagName === "DETAILS") details.open = true;
});
if (window.Plotly) {
  for (const [id, chart] of [["frontier-x", frontier], ["frontier-y", frontier],
      ["ledger-of", ledger], ["ledger-size", ledger], ["curves-of", curves]]) {
    if (!byId(id)) continue;
    byId(id).addEventListener("change", chart);
    byId(id).closest(".controls").hidden = false;
  }
  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
}
