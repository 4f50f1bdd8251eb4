// The picture of a link: Imgur's thumbnail, or the address at which this browser reaches it.

import { h, setText } from "./dom.js";

const STAYS_MS = 80; // pictures that are visible for a shorter time are not requested
const IMGUR = /^https:\/\/i\.imgur\.com\/([A-Za-z0-9]{5,10})\.[a-z]+$/;

let sandbox = null; // { origin: of links, reached: the same for this browser }

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
