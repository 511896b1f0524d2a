"""The style of index.html; a Python module as `page_template` is, and why it is."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #f5f6f8; --card: #fff; --ink: #1b1f24; --soft: #59636e; --line: #dde2e7;
  --grid: #e9edf0; --green: #0f7a49; --green-paper: #e6f4ec; --red: #b3261e;
  --amber: #8a5300; --code: #eef1f4; --baseline: #1f5fa8; --student: #c4551a;
  --shadow: 0 1px 2px rgba(20, 30, 40, .06), 0 4px 16px rgba(20, 30, 40, .05);
  --edge: rgba(20, 30, 40, .22);
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #111418; --card: #1a1e24; --ink: #e7eaee; --soft: #a3adb7;
    --line: #323941; --grid: #2a3037; --green: #5fd39d; --green-paper: #14301f;
    --red: #ff8a80; --amber: #f0b866; --code: #242a31; --baseline: #7db3ee;
    --student: #f09a63; --shadow: none; --edge: rgba(0, 0, 0, .6);
  }
  .plot { filter: invert(1) hue-rotate(180deg); mix-blend-mode: screen; }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 3.6rem; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: break-word;
}
main, header, footer, nav ul { max-width: 70rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 2rem; padding-bottom: .8rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .3rem; letter-spacing: -.01em; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 0 0 .5rem; }
h3 { font-size: 1.02rem; margin: 1.2rem 0 .4rem; }
p { margin: 0 0 .8rem; max-width: 48rem; }
a { color: inherit; text-underline-offset: .18em; }
:focus-visible { outline: 3px solid var(--green); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; }
.skip:focus {
  left: 1rem; top: .5rem; background: var(--card); padding: .4rem; z-index: 9;
}
nav {
  position: sticky; top: 0; z-index: 5; background: var(--paper);
  border-bottom: 1px solid var(--line); margin-bottom: 1rem; font-size: .93rem;
}
nav ul { display: flex; gap: .2rem; list-style: none; overflow-x: auto; }
nav a {
  display: block; padding: .65rem .6rem; white-space: nowrap; text-decoration: none;
  color: var(--soft);
}
nav a:hover, nav a:focus-visible { color: var(--ink); text-decoration: underline; }
section {
  background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 1.3rem; margin: 0 0 1rem; box-shadow: var(--shadow);
}
.soft, figcaption, td small, .absent { color: var(--soft); }
.absent { font-style: italic; }
.verdict { border-top: 5px solid var(--green); }
.verdict.none { border-top-color: var(--red); }
.verdict h2 { font-size: 1.6rem; color: var(--green); }
.verdict.none h2 { color: var(--red); }
.lead { font-size: 1.1rem; max-width: 52rem; }
.figures {
  display: grid; grid-template-columns: repeat(3, minmax(0, 1fr));
  gap: 1rem .8rem; margin: 1rem 0 1.3rem;
}
.figures div { border-left: 3px solid var(--line); padding: .1rem 0 .1rem .8rem; }
.figures dt { color: var(--soft); font-size: .9rem; }
.figures dd { margin: 0; font-size: .92rem; color: var(--soft); }
.figures .large {
  font-size: 1.8rem; font-weight: 680; line-height: 1.25; color: var(--ink);
  font-variant-numeric: tabular-nums; letter-spacing: -.01em;
}
.warn { color: var(--amber); font-weight: 600; }
pre {
  background: var(--code); border-radius: 8px; font-size: .88rem;
  padding: .65rem .8rem; margin: 0 0 .8rem; overflow-x: auto;
}
code { font-family: ui-monospace, "Cascadia Code", Menlo, Consolas, monospace; }
.copy { display: flex; gap: .5rem; align-items: start; }
.copy pre { flex: 1; min-width: 0; }
button, select {
  font: inherit; font-size: .92rem; color: var(--ink); background: var(--code);
  border: 1px solid var(--line); border-radius: 8px; padding: .45rem .7rem;
  max-width: 100%;
}
button { cursor: pointer; }
thead button {
  all: unset; cursor: pointer; text-decoration: underline dotted;
  text-underline-offset: .2em;
}
thead button:focus-visible { outline: 3px solid var(--green); outline-offset: 2px; }
.controls { display: flex; flex-wrap: wrap; gap: .5rem 1.2rem; margin: 0 0 .6rem; }
.controls label { color: var(--soft); font-size: .92rem; }
figure { margin: 0 0 1rem; }
figure:last-child { margin-bottom: 0; }
figure img { display: block; max-width: 100%; height: auto; border-radius: 6px; }
.scrolled { overflow-x: auto; }
figcaption { font-size: .9rem; margin-top: .4rem; max-width: 48rem; }
.chart { min-height: 22rem; width: 100%; }
.chart.tall { min-height: 28rem; }
.chart.low { min-height: 12rem; }
.chart.drawn > img { display: none; }
#chart-frontier .point { cursor: pointer; }
.pair {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1rem;
}
.pair > * { min-width: 0; }
.small {
  display: grid; gap: .4rem;
  grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr));
}
.small .chart { min-height: 13rem; }
.key {
  display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: 0 0 .6rem; padding: 0;
  list-style: none; font-size: .92rem;
}
.key li::before {
  content: ""; display: inline-block; width: 1.6rem; border-top: 3px solid currentColor;
  vertical-align: middle; margin-right: .5rem;
}
.key .before { color: var(--baseline); } .key .after { color: var(--student); }
.scroll {
  overflow-x: auto; margin: 0 -.2rem .8rem; padding: 0 .2rem;
  /* A shadow at the edge beyond which there is more. */
  background:
    linear-gradient(to right, var(--card), var(--card)) left / 1.2rem 100% local,
    linear-gradient(to right, var(--card), var(--card)) right / 1.2rem 100% local,
    linear-gradient(to right, var(--edge), transparent) left / .8rem 100%,
    linear-gradient(to left, var(--edge), transparent) right / .8rem 100%;
  background-repeat: no-repeat;
}
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td {
  text-align: left; vertical-align: top; padding: .45rem .8rem .45rem 0;
  border-bottom: 1px solid var(--line);
}
thead th { color: var(--soft); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 500; min-width: 9rem; }
td { font-variant-numeric: tabular-nums; white-space: nowrap; }
td.words { white-space: normal; min-width: 9rem; }
td small { display: block; }
tr.chosen > * { background: var(--green-paper); }
tr.chosen > :first-child { box-shadow: inset 4px 0 var(--green); padding-left: .7rem; }
tr.pale { color: var(--soft); }
tr:target > * { background: var(--code); }
tr.chosen:target > * { background: var(--green-paper); }
.tag { color: var(--green); font-weight: 650; }
.wrong { color: var(--red); font-weight: 650; }
dl.facts {
  display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem;
  margin: 0 0 1.2rem;
}
dl.facts dt { color: var(--soft); }
dl.facts dd { margin: 0; min-width: 0; }
details { margin-top: .6rem; }
summary { cursor: pointer; padding: .25rem 0; }
details.variant { border-top: 1px solid var(--line); margin: 0; padding: .2rem 0; }
details.variant:target > summary { color: var(--green); font-weight: 650; }
details pre { margin-top: .5rem; }
.flips {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(7.6rem, 1fr));
  gap: .8rem; list-style: none; margin: 0 0 .8rem; padding: 0; font-size: .88rem;
}
.flips.words { grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); }
.flips li { line-height: 1.35; }
.flips img {
  width: 100%; height: auto; max-width: 8rem; image-rendering: pixelated;
  border-radius: 6px; display: block; margin-bottom: .3rem;
}
.flips q { display: block; margin-bottom: .2rem; }
.row { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; align-items: start; }
.row > figure { flex: 1 1 18rem; max-width: 32rem; }
.proof { background: var(--green-paper); border-radius: 8px; padding: .7rem .9rem; }
.proof.hurt { background: var(--code); border-left: 4px solid var(--red); }
footer { color: var(--soft); font-size: .88rem; padding-bottom: 2rem; }
@media (max-width: 40rem) {
  section { padding: .95rem; border-radius: 10px; }
  h1 { font-size: 1.55rem; }
  .verdict h2 { font-size: 1.3rem; }
  .figures { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .figures .large { font-size: 1.4rem; }
  .scrolled .plot { max-width: none; width: 33rem; }
  dl.facts { grid-template-columns: 1fr; gap: 0; }
  dl.facts dd { margin-bottom: .5rem; }
  .pair { grid-template-columns: 1fr; }
  .flow thead { display: none; }
  .flow, .flow tbody, .flow tr, .flow .words { display: block; }
  .flow tr { border-bottom: 1px solid var(--line); padding: .45rem 0; }
  .flow th, .flow td { display: inline-block; border: 0; padding: 0 .6rem 0 0; }
  .flow th { min-width: 0; font-weight: 650; }
}
@media print { nav, button, .controls { display: none; } section { box-shadow: none; } }
"""
