// Elements, made from names and text. The page never parses text as markup.

/**
 * An element. Keys of `properties` that begin with "on" are event handlers; `class`, `data-*`,
 * `aria-*`, `role` and the like are attributes; children are elements or text.
 */
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Set a text if it has changed; else a selection stays, and the browser computes no new layout. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Make a screen reader announce a text that is visible elsewhere. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

const closeErrors = () => { for (const error of document.querySelectorAll(".toast.bad")) error.remove(); };

/** Show a message for a few seconds; an error, of which nothing else tells, until it is closed, or the next message or act. */
export function toast(text, kind = "") {
  const close = h("button", { type: "button", class: "small plain", onclick: () => note.remove() }, "Close");
  const note = h("p", { class: `toast ${kind}` }, text, kind === "bad" ? close : null);
  const toasts = document.getElementById("toasts");
  closeErrors();
  while (toasts.children.length > 2) toasts.firstChild.remove();
  toasts.append(note);
  if (kind !== "bad") setTimeout(() => note.remove(), 4_000);
}

/** Call `act` with the button disabled meanwhile, which costs it the focus; show its error, if any. */
export async function attempt(button, act) {
  const hadFocus = document.activeElement === button;
  closeErrors();
  button.disabled = true;
  try {
    await act();
  } catch (error) {
    toast(error.message, "bad");
  } finally {
    button.disabled = false;
    if (hadFocus && document.activeElement === document.body) button.focus();
  }
}
