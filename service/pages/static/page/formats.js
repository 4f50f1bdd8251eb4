// Links in formats for other programs.

import { isGone } from "./deletions.js";

const html = (text) =>
  text.replace(/[&<>"']/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[sign]);

const cell = (text) => {
  const plain = String(text ?? "");
  // A spreadsheet interprets a cell with this beginning as a formula.
  const safe = /^[=+\-@\t\r]/.test(plain) ? `'${plain}` : plain;
  return /[",\r\n']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

const lines = (line) => (entries) => entries.map((entry) => line(entry.link)).join("\n");

/** A result for export: a deleted image has no link. */
export const asTaken = (entry) =>
  (isGone(entry.link) ? { ...entry, state: "deleted", link: null } : entry);

/** Name → label, file extension, and a function of results. CSV takes all of them, the others those with a link. */
export const FORMATS = {
  links: { label: "Links", extension: "txt", render: lines((link) => link) },
  markdown: { label: "Markdown", extension: "md", render: lines((link) => `![](${link})`) },
  bbcode: { label: "BBCode", extension: "txt", render: lines((link) => `[img]${link}[/img]`) },
  html: { label: "HTML", extension: "html", render: lines((link) => `<img src="${html(link)}" alt="">`) },
  csv: {
    label: "CSV",
    extension: "csv",
    all: true,
    render: (entries) =>
      ["url,state,link,reason,message"]
        .concat(entries.map((entry) =>
          [entry.url, entry.state, entry.link, entry.reason, entry.message].map(cell).join(",")))
        .join("\r\n"),
  },
};
