// Copies links to the clipboard, or saves them to a file, in formats for other programs.

import { isGone } from "./deletions.js";
import { attempt, h, toast } from "./dom.js";
import { many } from "./words.js";

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
const FORMATS = {
  links: { label: "Links", extension: "txt", render: lines((link) => link) },
  markdown: { label: "Markdown", extension: "md", render: lines((link) => `![](${link})`) },
  bbcode: { label: "BBCode", extension: "txt", render: lines((link) => `[img]${link}[/img]`) },
  html: { label: "HTML", extension: "html", render: lines((link) => `<img src="${html(link)}" alt="">`) },
  csv: {
    label: "CSV",
    extension: "csv",
    mark: "\ufeff", // of a file: without it Excel takes the text for one in the system's own charset
    all: true,
    render: (entries) =>
      ["url,state,link,reason,message"]
        .concat(entries.map((entry) =>
          [entry.url, entry.state, entry.link, entry.reason, entry.message].map(cell).join(",")))
        .join("\r\n"),
  },
};

/** Copy a text, and show a message. */
export async function copy(text, message) {
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else copyBySelection(text);
  toast(message);
}

/** Works everywhere; navigator.clipboard exists with HTTPS or on localhost only. */
function copyBySelection(text) {
  const focused = document.activeElement;
  const box = h("textarea", { class: "hidden", "aria-hidden": "true", tabindex: "-1" });
  box.value = text;
  document.body.append(box);
  box.select();
  const copied = document.execCommand("copy");
  box.remove();
  focused?.focus();
  if (!copied) throw new Error("This browser does not let the page copy.");
}

function save(text, name) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/**
 * A choice of formats with Copy and Save.
 *
 * Args:
 *   read: returns all entries, as a promise.
 *   name: of the file, without extension.
 *   formats: names of the offered ones.
 */
export function copyBar(read, name, formats = Object.keys(FORMATS)) {
  const choice = h("select", { "aria-label": "Format" },
    ...formats.map((format) => h("option", { value: format }, FORMATS[format].label)));
  const take = (use) => (event) =>
    attempt(event.currentTarget, async () => {
      const format = FORMATS[choice.value];
      const entries = (await read()).filter((entry) => format.all || entry.link);
      if (!entries.length) throw new Error("There is nothing to copy yet.");
      await use(format.render(entries), format, entries.length);
    });
  const copyAll = take((text, format, number) => copy(text, `Copied: ${many(number, "entry", "entries")} as ${format.label}.`));
  const saveAll = take((text, format) => save((format.mark ?? "") + text, `${name}.${format.extension}`));
  return h("div", { class: "copy row", role: "group", "aria-label": "Take the links away" },
    choice,
    h("button", { type: "button", onclick: copyAll }, "Copy all"),
    h("button", { type: "button", onclick: saveAll }, "Save"));
}
