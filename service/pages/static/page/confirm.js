// The dialog that asks before something final.

import { h } from "./dom.js";

/** Resolves with whether the person says yes; Escape, and Enter at once, are a no. */
export function confirmed({ title, text, yes, no }) {
  return new Promise((resolve) => {
    let answer = false;
    const close = (given) => () => { answer = given; dialog.close(); };
    const dialog = h("dialog", { "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text" },
      h("h2", { id: "confirm-title" }, title),
      h("p", { id: "confirm-text", class: "long" }, text),
      h("div", { class: "row end" },
        h("button", { type: "button", autofocus: true, onclick: close(false) }, no),
        h("button", { type: "button", class: "final", onclick: close(true) }, yes)));
    dialog.addEventListener("close", () => { dialog.remove(); resolve(answer); });
    document.body.append(dialog);
    dialog.showModal();
  });
}
