// One image of a job: picture, name, state and actions.
// Its picture is Imgur's thumbnail, or the address at which this browser reaches the sandbox.

import { copy } from "./copying.js";
import { isGone } from "./deletions.js";
import { attempt, h, setText } from "./dom.js";
import { bytes, nameOf } from "./words.js";

const STAYS_MS = 80; // pictures that are visible for a shorter time are not requested
const IMGUR = /^https:\/\/i\.imgur\.com\/([A-Za-z0-9]{5,10})\.[a-z]+$/;
const WORDS = { complete: "Uploaded", failed: "Failed", pending: "Waiting" };
const DELETED = { pending: "Deleting …", done: "Deleted", failed: "Not deleted" };

let sandbox = null; // { origin: of links, reached: the same for this browser }

/** `remove(position, name)` deletes after a confirmation, and resolves with whether it was confirmed. */
export function tile(remove) {
  const picture = thumbnail();
  const name = h("span", { class: "name" });
  const state = h("span", { class: "state" });
  const why = h("span", { class: "why" });
  const source = h("span", { class: "source" });
  const copying = copyButton(() => entry.link);
  const deleting = h("button", { type: "button", class: "small plain", onclick: () => attempt(deleting, takeAway) }, "Delete");
  const buttons = h("div", { class: "row spread" }, copying, deleting);
  const element = h("li", { class: "tile" },
    picture.element,
    h("div", { class: "caption" }, name, h("div", { class: "line" }, state, why), source, buttons));
  let entry = null;
  let gone = false;

  async function takeAway() {
    if (await remove(Number(element.dataset.position), nameOf(entry.url).name)) element.focus(); // the button hides
  }

  return {
    element,
    show(next) {
      if (next === entry && isGone(next.link) === gone) return;
      entry = next;
      gone = isGone(entry.link);
      const { url, resolvedTo, state: kind, message, deletionMessage } = entry;
      const way = resolvedTo ? `${url} \u2192 ${resolvedTo}` : url;
      const link = gone ? null : entry.link;
      const shown = nameOf(url);
      element.dataset.state = gone ? "deleted" : kind;
      setText(name, shown.name);
      name.title = way;
      setText(state, wordsFor(entry));
      setText(why, deletionMessage ?? (kind === "complete" ? changeOf(entry) ?? shown.host : message ?? shown.host));
      why.title = why.textContent;
      setText(source, kind === "failed" ? way : "");
      source.title = source.textContent;
      buttons.hidden = !link;
      deleting.hidden = Boolean(entry.deduplicated); // it belongs to the URL that uploaded it
      copying.setAttribute("aria-label", `Copy the link of ${shown.name}`);
      deleting.setAttribute("aria-label", `Delete ${shown.name}`);
      picture.show(link, shown.name);
    },
  };
}

/** A button that copies one link. */
export function copyButton(link) {
  const button = h("button", { type: "button", class: "small" }, "Copy");
  button.addEventListener("click", () => attempt(button, () => copy(link(), "The link is copied.")));
  return button;
}

/** A text about a changed or converted image; undefined for others. */
function changeOf({ altered, converted }) {
  if (altered) return `Changed by Imgur: ${typeName(altered.type)}, ${bytes(altered.bytes)}`;
  if (!converted) return undefined;
  const { from, to, bytesAfter, width, height } = converted;
  return `${typeName(from)} made ${typeName(to)}: ${bytes(bytesAfter)}, ${width} × ${height}`;
}

const typeName = (type) => type.replace(/^image\/(x-|vnd\.\w+\.)?/, "").toUpperCase();

function wordsFor({ state, message, attempts, deduplicated, deleted }) {
  if (deleted) return DELETED[deleted];
  const word = deduplicated ? "Known already" : state === "pending" && message && attempts ? "Trying again" : WORDS[state];
  return attempts > 1 && state !== "pending" ? `${word} · attempt ${attempts}` : word;
}

/** Set the sandbox's URL. It runs on the same host as the service, so other machines use that host name. */
export function knowSandbox(url) {
  const reached = new URL(url);
  if (!["localhost", "127.0.0.1", "[::1]"].includes(location.hostname)) reached.hostname = location.hostname;
  sandbox = { origin: new URL(url).origin, reached: reached.origin };
}

function sourceFor(link) {
  const imgur = IMGUR.exec(link);
  if (imgur) return `https://i.imgur.com/${imgur[1]}m.jpg`; // Imgur's own medium thumbnail
  if (sandbox && link.startsWith(`${sandbox.origin}/`)) return sandbox.reached + link.slice(sandbox.origin.length);
  return link;
}

/** A picture that opens its link. `show(link, label)` replaces it; without a link it is empty. */
export function thumbnail() {
  const image = h("img", { alt: "", decoding: "async", loading: "lazy", referrerpolicy: "no-referrer" });
  const note = h("span");
  const element = h("a", { class: "picture", target: "_blank", rel: "noopener noreferrer" }, image, note);
  let timer = 0;
  image.addEventListener("error", () => {
    image.hidden = true;
    setText(note, "No preview");
  });

  function clear() {
    setText(note, "");
    image.hidden = true;
    image.removeAttribute("src");
  }

  return {
    element,
    show(link, label) {
      clearTimeout(timer);
      if (!link) {
        for (const name of ["href", "aria-label"]) element.removeAttribute(name);
        clear();
        return;
      }
      element.href = link;
      element.setAttribute("aria-label", `Open ${label}`);
      const source = sourceFor(link);
      if (image.getAttribute("src") === source) return;
      clear();
      timer = setTimeout(() => { image.hidden = false; image.src = source; }, STAYS_MS);
    },
  };
}
