// Dropped, pasted or chosen data → text with links in it.

import { isTable, linksOfHtml, linksOfTable } from "./urls.js";

const LARGEST_FILE = 32 * 1024 * 1024; // far more than a job may contain

/** The text of a drop: files, a dragged link or image, or plain text. */
export async function textOfDrop(transfer) {
  const links = linksOfHtml(transfer.getData("text/html"));
  if (links.length) return links.join("\n"); // also where the browser adds the image itself as a file
  const list = transfer.getData("text/uri-list").split(/[\r\n]+/).filter((line) => /^(https?|data):/i.test(line));
  if (list.length) return list.join("\n"); // of a picture that is a data URL, too
  return transfer.files.length ? textOfFiles(transfer.files) : transfer.getData("text/plain");
}

/** The text of pasted data, or its links if the text has none (a part of a web page); a promise, if these are files. */
export function textOfPaste(clipboard) {
  const text = clipboard.getData("text/plain");
  if (/https?:\/\//i.test(text)) return isTable(text) ? linksOfTable(text) : text;
  const links = linksOfHtml(clipboard.getData("text/html"));
  if (links.length) return links.join("\n");
  // A spreadsheet adds a picture of its cells; some systems add the names of copied files.
  const isOfFiles = [...clipboard.files].some(({ type }) => !text || !type.startsWith("image/"));
  return isOfFiles ? textOfFiles(clipboard.files) : text;
}

/** The texts of all files, joined. Throws for images, other files that are no text, and files that are too large. */
export async function textOfFiles(files) {
  const texts = await Promise.all([...files].map(async (file) => {
    if (file.type.startsWith("image/")) {
      throw new Error(`${file.name} is an image. Links are sent here: drop a list of them.`);
    }
    if (file.size > LARGEST_FILE) throw new Error(`${file.name} is too large for a list of links.`);
    const bytes = await file.arrayBuffer().catch(() => { throw new Error(`${file.name} cannot be read. Is it a folder?`); });
    const text = decoded(bytes);
    if (text.includes("\0")) throw new Error(`${file.name} is not a text. Links are sent here: drop a list of them.`);
    return /\.[ct]sv$/i.test(file.name) || isTable(text) ? linksOfTable(text) : text;
  }));
  return texts.join("\n");
}

/** Lists of Windows may be in UTF-16, with a mark in front. */
function decoded(bytes) {
  const [first, second] = new Uint8Array(bytes);
  const utf16 = first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff && "utf-16be";
  return new TextDecoder(utf16 || "utf-8").decode(bytes);
}

/** Accept drops in the whole window, and highlight `zone` meanwhile. */
export function takeDrops(zone, take) {
  const abort = new AbortController();
  const on = (type, act) => window.addEventListener(type, act, { signal: abort.signal });
  const isField = (target) => Boolean(target.closest?.("input, textarea"));
  let isMoving = false; // text of a field
  // The browser moves text within fields, and puts it into others than that for links.
  const isOfBrowser = ({ target, dataTransfer }) =>
    isMoving || (isField(target) && !zone.contains(target) && !dataTransfer.types.includes("Files"));
  on("dragstart", ({ target }) => { isMoving = isField(target); });
  on("dragend", () => { isMoving = false; });
  on("dragover", (event) => {
    if (isOfBrowser(event)) return;
    event.preventDefault();
    zone.classList.add("over");
  });
  on("dragleave", (event) => {
    if (!event.relatedTarget) zone.classList.remove("over");
  });
  on("drop", (event) => {
    if (isOfBrowser(event)) return;
    event.preventDefault();
    zone.classList.remove("over");
    take(textOfDrop(event.dataTransfer));
  });
  return () => abort.abort();
}
