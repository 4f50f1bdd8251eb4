// One image of a job: picture, name, state and actions.

import { copy } from "./copying.js";
import { isGone } from "./deletions.js";
import { attempt, h, setText } from "./dom.js";
import { thumbnail } from "./thumbnail.js";
import { bytes, nameOf } from "./words.js";

const WORDS = { complete: "Uploaded", failed: "Failed", pending: "Waiting" };
const DELETED = { pending: "Deleting …", done: "Deleted", failed: "Not deleted" };

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
  const word = deduplicated ? "Known already" : state === "pending" && message ? "Trying again" : WORDS[state];
  return attempts > 1 ? `${word} · attempt ${attempts}` : word;
}
