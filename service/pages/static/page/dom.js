// Elements, made of names and text. Nothing here, or anywhere on the page, reads text as markup.

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

/** Write text where it has changed; a reader's selection survives, and nothing is laid out anew. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Tell a screen reader something that everybody else sees. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

/** Tell everybody something for a few seconds. */
export function toast(text, kind = "") {
  const note = h("p", { class: `toast ${kind}` }, text);
  const toasts = document.getElementById("toasts");
  while (toasts.children.length > 2) toasts.firstChild.remove();
  toasts.append(note);
  setTimeout(() => note.remove(), kind === "bad" ? 10_000 : 4_000);
}

/** Do something that may be refused, with the button locked meanwhile; say why if it is. */
export async function attempt(button, act) {
  button.disabled = true;
  try {
    await act();
  } catch (error) {
    toast(error.message, "bad");
  } finally {
    button.disabled = false;
  }
}
