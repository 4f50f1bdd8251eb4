// Long lists, kept outside the text box: ten thousand lines in it would block the page.

import { h } from "./dom.js";
import { many } from "./words.js";

const LONG = 100_000; // characters, about a thousand links

export const isLong = (text) => text.length > LONG;

/** `changed` is called when a list is removed. */
export function longLists(changed) {
  const texts = new Map(); // row → text
  const element = h("ul", { class: "lists", "aria-label": "Long lists" });

  function add(text) {
    const name = `List of ${many(text.split("\n").length, "line")}`;
    const row = h("li", {},
      h("span", {}, name),
      h("button", { type: "button", class: "plain small", "aria-label": `Remove: ${name}`, onclick: () => remove(row) }, "Remove"));
    texts.set(row, text);
    element.append(row);
  }

  function remove(row) {
    texts.delete(row);
    row.remove();
    changed();
  }

  return {
    element,
    add,
    texts: () => [...texts.values()],
    clear() { texts.clear(); element.replaceChildren(); },
  };
}
