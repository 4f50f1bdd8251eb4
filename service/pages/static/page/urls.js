// Text, HTML or JSON → image links that can be sent, and those that cannot, with the reason.
// The rules are those of the service (workers/contract/wire_url.py); it checks again.

import { Slices } from "./slices.js";

const LONGEST = 8192; // a data URL may be longer
const DATA = /^[\u0000-\u0020]*data:/i;
const LINK = /https?:\/\/[^\s<>"'`]+/gi;
// A link whose file name has spaces: nothing before it, and only what follows ends as an image's name.
const SPACED = /^https?:\/\/(?!\S*\.(?:png|jpe?g|gif|bmp|tiff?|webp)\s)\S+\s.*\.(?:png|jpe?g|gif|bmp|tiff?|webp)$/i;

/**
 * Links of texts as a person has them: one a line, several in a line, Markdown, HTML or JSON.
 *
 * Resolves with `{ urls, duplicates, bad }`: distinct links in their order, entries that came before
 * (the same text), and `{ value, why }` of what is no link.
 */
export async function readLinks(texts) {
  const urls = new Set();
  const duplicates = [];
  const bad = [];
  const slices = new Slices();
  for (const text of texts) {
    for (const value of entries(text)) {
      if (slices.isOver) await slices.rest();
      const why = check(value);
      if (why) bad.push({ value, why });
      else if (urls.has(value)) duplicates.push(value);
      else urls.add(value);
    }
  }
  return { urls: [...urls], duplicates, bad };
}

/** The links and images of a piece of HTML. Parsed, never shown: nothing in it runs or loads. */
export function linksOfHtml(html) {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  const images = [...parsed.querySelectorAll("img[src]")].map((image) => image.getAttribute("src"));
  const links = [...parsed.querySelectorAll("a[href]")].map((link) => link.getAttribute("href"));
  // A picture within a link is what was dragged; the link around it leads to a page.
  const found = images.length ? images : links;
  return found.map((link) => link.trim()).filter((link) => /^https?:\/\//i.test(link));
}

/** Why an entry cannot be sent, or null. */
export function check(value) {
  if (DATA.test(value)) {
    if (!value.includes(",")) return "a data URL without a comma before its data";
    return value.includes("\u2026") ? "a data URL that was shortened to be shown: its data is not in it" : null;
  }
  if (value.length > LONGEST) return `longer than ${LONGEST} characters`;
  const link = value.replace(/^[\u0000-\u0020]+/, "").trimEnd();
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(link);
  if (!scheme) return "not a link; it begins with neither http:// nor https://";
  const authority = /^https?:\/\/([^/?#]*)/i.exec(link);
  if (!authority) return `begins with ${scheme[1]}:, not with http:// or https://`;
  const host = authority[1];
  if (host.includes("@")) return "holds a user name or password";
  if (/[^\w.:[\]\u0080-\uffff-]/.test(host)) return "a space, a backslash or another sign in its host that no name has";
  if (!host || /:0+$/.test(host)) return "no host, or port 0";
  if (/\p{Surrogate}/u.test(link)) return "half a character in it";
  try {
    new URL(link);
  } catch {
    return "not a link that can be understood";
  }
  return null;
}

function* entries(text) {
  const json = entriesOfJson(text);
  if (json) {
    yield* json;
    return;
  }
  if (/<(img|a)\s[^>]{0,2000}(src|href)=/i.test(text)) {
    yield* linksOfHtml(text);
    return;
  }
  for (const line of text.split(/[\r\n]+/)) yield* entriesOfLine(line.trim());
}

function entriesOfJson(text) {
  if (!/^\s*[[{]/.test(text)) return null;
  try {
    const parsed = JSON.parse(text);
    const list = Array.isArray(parsed) ? parsed : parsed.urls;
    return Array.isArray(list) ? list.map((entry) => (typeof entry === "string" ? entry : JSON.stringify(entry))) : null;
  } catch {
    return null;
  }
}

/** Words beside links are passed over; a line without any link is one bad entry. */
function entriesOfLine(line) {
  if (!line) return [];
  if (DATA.test(line)) return [line]; // white space within belongs to it
  if (SPACED.test(line) && line.indexOf("://") === line.lastIndexOf("://")) return [line];
  const found = line.split(/\s+|,(?=https?:\/\/)/i).flatMap((word) => {
    // Whole, as it stands: a link may hold brackets and quotes.
    if (/^https?:\/\//i.test(word)) return [word.replace(/[,;]+$/, "")];
    return [...word.matchAll(LINK)].map(([link]) => link.replace(/[)\],;]+$/, ""));
  });
  return found.length ? found : [line];
}
