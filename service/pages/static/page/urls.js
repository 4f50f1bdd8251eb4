// Text, HTML or JSON → valid links, and invalid ones with the reason.
// The rules are those of the service (workers/contract/wire_url.py), which checks again.

import { readable } from "./words.js";

const BUDGET_MS = 8; // of reading a long text, until the page has a turn
const LONGEST = 8192; // a data URL may be longer
const DATA = /^[\u0000-\u0020]*data:/i;
// A link in Markdown, BBCode or brackets: up to a bracket that it does not open itself, or a closing tag. Without a limit,
// one of megabytes would overflow the stack.
const LINK = /https?:\/\/(?:\([^\s<>"'`|()]*\)|\[(?!\/)[^\s<>"'`|[\]]*\]|(?!\[\/)[^\s<>"'`|)\]]){1,1000000}/gi;
// A link with spaces in its file name: at the start of a line, and only the end of the line has an image's suffix.
const SUFFIX = "\\.(?:png|jpe?g|gif|bmp|tiff?|webp|avif|hei[cf])";
const SPACED = new RegExp(`^https?://(?!\\S*${SUFFIX}\\s)\\S+\\s.*${SUFFIX}$`, "i");
const BETWEEN = /\s+|[,;|](?=https?:\/\/)/i;
// Between links there may be nothing, as after two pastes. A link may contain another, but not behind a letter or digit.
const GLUED = /([a-z\d])(?=https?:\/\/)/gi;
// Signs that nobody sees, as programs put around a link that is copied from them.
const UNSEEN = "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069";
const END = new RegExp(`[,;${UNSEEN}]+$`);
// Within HTML: a line that is only a link or an image of Markdown.
const LINE = /^[ \t]*((?:[-*•][ \t]+)?(?:!\[[^\]\r\n]*\]\()?https?:\/\/[^<\r\n]*)$/im;

/**
 * The links of texts: one or several a line, Markdown, HTML or JSON.
 *
 * Resolves with `{ urls, duplicates, bad }`: distinct links in their order, repeated entries (the same
 * text), and `{ value, why }` of invalid entries.
 */
export async function readLinks(texts) {
  const urls = new Set();
  const duplicates = [];
  const bad = [];
  let until = performance.now() + BUDGET_MS;
  for (const text of texts) {
    for (const value of entries(text)) {
      // Not in a hidden page, whose timers are slow.
      if (!document.hidden && performance.now() >= until) {
        await rest();
        until = performance.now() + BUDGET_MS;
      }
      const why = check(value);
      if (why) bad.push({ value, why });
      else if (urls.has(value)) duplicates.push(value);
      else urls.add(value);
    }
  }
  return { urls: [...urls], duplicates, bad };
}

/** Let the browser render and handle keys. */
const rest = () => new Promise((resolve) => { setTimeout(resolve); });

/** The images or links of HTML. It is parsed and never shown: nothing in it runs or loads. */
export function linksOfHtml(html) {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  const linksOf = (name, attribute) => [...parsed.querySelectorAll(name)]
    .map((element) => (element.getAttribute(attribute) ?? "").trim().replace(/^\/\//, "https://"))
    .filter((link) => /^https?:\/\//i.test(link)); // Word names files of its own as images
  // A dragged picture is often within a link, which leads to a page.
  const images = linksOf("img", "src");
  return images.length ? images : linksOf("a", "href");
}

/**
 * The links in the cells of a table (CSV) with a head above its columns, one a line; any other text as it is.
 * A row without a link stays, to be shown as invalid, unlike a head.
 */
export function linksOfTable(text) {
  const head = /^[^\r\n]*/.exec(text)[0];
  if (!head.trim() || /^\s*(https?:|data:|[#[{])/i.test(head)) return text;
  // Without any in the head there is one column, as a link may have commas.
  const delimiter = ["\u001f", ",", ";", "\t"].reduce((best, sign) => (head.split(sign).length > head.split(best).length ? sign : best));
  const cell = new RegExp(`("[^"]*(?:""[^"]*)*"|[^${delimiter}\\r\\n]*)(${delimiter}|\\r\\n?|\\n|$)`, "g");
  const lines = [];
  let row = [];
  for (const [all, content, end] of text.matchAll(cell)) {
    row.push(/^".*"$/s.test(content) ? content.slice(1, -1).replaceAll('""', '"') : content);
    if (end === delimiter) continue;
    const links = row.map((value) => value.trim()).filter((value) => /^(https?:\/|data:)/i.test(value));
    const rest = row.join(" ").replace(/\s+/g, " ").trim();
    if (links.length) lines.push(...links);
    else if (rest && (lines.length || rest.includes("/"))) lines.push(rest);
    row = [];
    if (!all) break; // the end of the text
  }
  return lines.join("\n");
}

/**
 * Whether a text is a table by its first two lines: a head, with no space behind its delimiter, and as many cells, of which
 * one is a link. A link with commas, whose second part has slashes as well, is none.
 */
export function isTable(text) {
  const [head, first = ""] = text.trimStart().split(/\r\n?|\n/, 2);
  if (head.includes("://")) return false;
  return [",", ";", "\t"].some((sign) => {
    const [names, cells] = [head, first].map((line) => line.replace(/"[^"]*"/g, (quoted) => quoted.replaceAll(sign, "")).split(sign));
    const isLink = cells.map((cell) => /^"?https?:\/\/[^\s"]+"?$/i.test(cell));
    const isPart = (cell, n) => cell.includes("://") || (isLink[n - 1] && /^[^\s"]*\//.test(cell));
    return names.length === cells.length && new RegExp(`${sign}\\S`).test(head) && isLink.includes(true) &&
      !cells.some((cell, n) => !isLink[n] && isPart(cell, n));
  });
}

/** Return why an entry is invalid, or null. */
export function check(value) {
  if (DATA.test(value)) {
    if (!value.includes(",")) return "a data URL without a comma before its data";
    return value.includes("\u2026") ? "a data URL that was shortened to be shown: its data is not in it" : null;
  }
  if (value.length > LONGEST) return `longer than ${LONGEST} characters`;
  const link = value.replace(/^[\u0000-\u0020]+/, "").trimEnd();
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(link);
  if (!scheme) return "not a link; it begins with neither http:// nor https://";
  const authority = /^https?:\/{1,3}([^/?#]*)/i.exec(link);
  if (!authority) return `begins with ${scheme[1]}:, not with http:// or https://`;
  const host = readable(authority[1]);
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
  if (json) yield* json;
  else if (/<(img|a)\s(?:(?!<(?:img|a)\s)[^>]){0,2000}(src|href)=/i.test(text)) yield* entriesOfHtml(text);
  else for (const line of text.split(/[\r\n]+/)) yield* entriesOfLine(line.trim());
}

function entriesOfJson(text) {
  if (!/^\s*[[{]/.test(text)) return null;
  try {
    const parsed = JSON.parse(text);
    const list = Array.isArray(parsed) ? parsed : parsed.urls;
    return Array.isArray(list)
      ? list.flatMap((entry) => (typeof entry === "string" ? entry : entriesOfLine(JSON.stringify(entry))))
      : null;
  } catch {
    return null;
  }
}

/** Text without any link is one invalid entry. */
function entriesOfHtml(text) {
  const whole = text.replace(/<[^<>]*>/g, (tag) => tag.replace(/[\r\n]+/g, " ")); // a line within a tag is a part of it
  const found = whole.split(LINE).flatMap((part, index) => {
    if (index % 2) return entriesOfLine(part.trim());
    return part.trim() ? linksOfHtml(part) : [];
  });
  return found.length ? found : [text.trim()];
}

/** Text around links is ignored; a line without any link is one invalid entry. */
function entriesOfLine(line) {
  if (!line) return [];
  if (DATA.test(line) || /^blob:/i.test(line)) return [line]; // data may contain white space
  if (SPACED.test(line) && line.indexOf("://") === line.lastIndexOf("://")) return [line];
  const plain = /https?:\\\/\\\//i.test(line) ? line.replaceAll("\\/", "/") : line; // JSON, as some programs write it
  const words = plain.replace(GLUED, "$1 ").split(BETWEEN);
  const isText = words.length > 1 && words.some((word) => !/https?:\/\//i.test(word));
  const found = words.flatMap((word) => {
    if (!/^https?:\/\//i.test(word)) return [...word.matchAll(LINK)].map(([link]) => withoutEnd(link));
    // The whole word: a link may contain brackets and quotes.
    return [isText ? withoutEnd(word) : word.replace(END, "")];
  });
  return found.length ? found : [line];
}

/** The link without the end of its sentence, and without brackets that it does not open itself. */
function withoutEnd(link) {
  const marks = `.,;:!?*…。、，！？“‘”’«»」』）】${UNSEEN}${link.includes("(") ? "" : ")"}${link.includes("[") ? "" : "]"}`;
  let end = link.length;
  while (marks.includes(link[end - 1])) end -= 1;
  return link.slice(0, end);
}
