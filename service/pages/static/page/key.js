// The dialog that asks for the API key.

import { h } from "./dom.js";

/** Resolves with the key, or with null when the person closes the dialog without one. */
export function askForKey(wasRefused) {
  return new Promise((resolve) => {
    const input = h("input", {
      type: "password", id: "key", autocomplete: "off", spellcheck: "false", required: true,
      "aria-describedby": "key-help",
    });
    const dialog = h("dialog", { "aria-labelledby": "key-title" },
      h("form", { method: "dialog", onsubmit: submit },
        h("h2", { id: "key-title" }, "This service needs an API key"),
        wasRefused ? h("p", { class: "bad", role: "alert" }, "That key is not valid here.") : null,
        h("label", { for: "key" }, "API key"),
        input,
        h("p", { class: "quiet", id: "key-help" }, "Kept in this tab only, and forgotten when it is closed."),
        h("div", { class: "row end" },
          h("button", { type: "button", onclick: () => dialog.close() }, "Not now"),
          h("button", { class: "primary" }, "Use this key"))));

    let key = null;
    function submit(event) {
      event.preventDefault();
      key = input.value.trim();
      if (key) dialog.close();
    }
    dialog.addEventListener("close", () => {
      dialog.remove();
      // A header holds visible ASCII only; anything else is no key.
      resolve(key && /^[!-~]+$/.test(key) ? key : null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
