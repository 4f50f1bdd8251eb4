// Modal dialogs: the confirmation of a deletion, and the question for the API key.

import { h } from "./dom.js";

const NOT_VALID = "That key is not valid here.";

/** Show what `make(close)` returns. Resolves with the value given to `close`, or with null after Escape. */
function open(attributes, make) {
  return new Promise((resolve) => {
    let given = null;
    const close = (value) => { given = value; dialog.close(); };
    const dialog = h("dialog", attributes, ...make(close));
    dialog.addEventListener("close", () => { dialog.remove(); resolve(given); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Resolves with true if the person confirms. "Keep it" has the focus, so that Enter alone deletes nothing. */
export function confirmDeletion(title, text) {
  return open({ "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text" }, (close) => {
    addEventListener("hashchange", () => close(false), { once: true }); // the image is in a view that was left
    return [
      h("h2", { id: "confirm-title" }, title),
      h("p", { id: "confirm-text", class: "long" }, text),
      h("div", { class: "row end" },
        h("button", { type: "button", autofocus: true, onclick: () => close(false) }, "Keep it"),
        h("button", { type: "button", class: "final", onclick: () => close(true) }, "Delete for ever")),
    ];
  });
}

/** Resolves with the key, or with null if the person closes the dialog without one. */
export function askForKey(wasRefused) {
  const input = h("input", {
    type: "password", id: "key", autocomplete: "off", spellcheck: "false", required: true,
    "aria-describedby": "key-help",
  });
  const complaint = h("p", { class: "bad", role: "alert" }, wasRefused ? NOT_VALID : "");
  const submit = (close) => (event) => {
    event.preventDefault();
    const key = input.value.trim();
    // A header contains visible ASCII only; anything else is no key.
    if (/^[!-~]+$/.test(key)) close(key);
    else complaint.textContent = NOT_VALID;
  };
  return open({ "aria-labelledby": "key-title" }, (close) => [
    h("form", { method: "dialog", onsubmit: submit(close) },
      h("h2", { id: "key-title" }, "This service needs an API key"),
      complaint,
      h("label", { for: "key" }, "API key"),
      input,
      h("p", { class: "quiet", id: "key-help" }, "Kept in this tab only, and forgotten when it is closed."),
      h("div", { class: "row end" },
        h("button", { type: "button", onclick: () => close(null) }, "Not now"),
        h("button", { class: "primary" }, "Use this key"))),
  ]);
}
