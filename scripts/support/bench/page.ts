/** The report as one HTML page: tables, and plots as inline SVG. Nothing is loaded from anywhere. */
import { caveatsOf } from "./machine.ts";
import { plotSvg } from "./plot.ts";
import { cellsOf, COLUMNS, summaryOf, type Entry, type Report } from "./report.ts";

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --good: #1a7f37; --bad: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --good: #56d364; --bad: #ff7b72; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
td, th { padding: 0.25rem 0.6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
td:nth-child(2) { text-align: right; white-space: nowrap; }
.ok { color: var(--good); } .missed, .failed { color: var(--bad); }
.failed, pre { white-space: pre-wrap; } figure { margin: 1rem 0; } figcaption, .note { opacity: 0.75; }
svg { width: 100%; height: auto; } svg text { fill: currentColor; font: 12px system-ui, sans-serif; }`;

export function escapeHtml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

export function pageOf(report: Report): string {
  const { machine, at, postgres } = report;
  const { cores, model, memoryGiB, node, platform } = machine;
  const about = `${at}. ${cores} cores (${model}), ${memoryGiB} GiB, ${platform}, Node ${node}, PostgreSQL ${postgres}. Load average before: ${machine.load.toFixed(1)}.`;
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Tillwire: measurements</title><style>${STYLE}</style>
<h1>Tillwire: measurements${report.quick ? " (quick)" : ""}</h1>
<p>${escapeHtml(about)}</p>${caveatsOf(machine)
    .map((caveat) => `<p>${escapeHtml(caveat)}</p>`)
    .join("")}
<pre>${escapeHtml(summaryOf(report.entries).join("\n"))}</pre>
${report.entries.map(sectionOf).join("\n")}</html>\n`;
}

function sectionOf({ title, figures = [], plots = [], notes = [], error, loadBefore, ms }: Entry): string {
  const rows = figures.map((figure) => {
    const [what, value, beside, aim, verdict] = cellsOf(figure).map(escapeHtml);
    const holds = figure.aim?.holds ? "ok" : "missed";
    return `<tr><td>${what}</td><td>${value}</td><td>${beside}</td><td>${aim}</td><td class="${holds}">${verdict}</td></tr>`;
  });
  return `<section><h2>${escapeHtml(title)}</h2>
${error === undefined ? "" : `<p class="failed">${escapeHtml(error)}</p>`}
<table><tr>${COLUMNS.map((column) => `<th>${column}</th>`).join("")}</tr>${rows.join("")}</table>
${notes.map((note) => `<p class="note">${escapeHtml(note)}</p>`).join("")}
${plots.map((plot) => `<figure><figcaption>${escapeHtml(plot.title)}</figcaption>${plotSvg(plot)}</figure>`).join("")}
<p class="note">${(ms / 1_000).toFixed(1)} s; load average before: ${loadBefore.toFixed(1)}</p></section>`;
}
