// One image of a job: a picture, a name, and what became of it.

import { copy } from "./copying.js";
import { attempt, h, setText } from "./dom.js";
import { thumbnail } from "./thumbnail.js";
import { nameOf } from "./words.js";

const WORDS = { complete: "Uploaded", failed: "Failed", pending: "Waiting" };

export function tile() {
  const picture = thumbnail();
  const name = h("span", { class: "name" });
  const state = h("span", { class: "state" });
  const why = h("span", { class: "why" });
  const source = h("span", { class: "source" });
  const button = copyButton(() => entry.link);
  const element = h("li", { class: "tile" },
    picture.element,
    h("div", { class: "caption" }, name, h("div", { class: "row" }, state, button), why, source));
  let entry = null;

  return {
    element,
    show(next) {
      if (next === entry) return;
      entry = next;
      const { url, link, state: kind, message } = entry;
      const shown = nameOf(url);
      element.dataset.state = kind;
      setText(name, shown.name);
      name.title = url;
      setText(state, wordsFor(entry));
      setText(why, kind === "complete" ? shown.host : message ?? shown.host);
      why.title = why.textContent;
      setText(source, kind === "failed" ? url : "");
      button.hidden = !link;
      button.setAttribute("aria-label", `Copy the link of ${shown.name}`);
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

function wordsFor({ state, message, attempts, deduplicated }) {
  const word = deduplicated ? "Known already" : state === "pending" && message ? "Trying again" : WORDS[state];
  return attempts > 1 ? `${word} · attempt ${attempts}` : word;
}
