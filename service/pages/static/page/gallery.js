// All images of all jobs, loaded page by page while scrolling.

import { json } from "./api.js";
import { copyBar } from "./copying.js";
import { isGone } from "./deletions.js";
import { h, setText } from "./dom.js";
import { grid } from "./grid.js";
import { copyButton, thumbnail } from "./tile.js";
import { many, nameOf } from "./words.js";

const PAGE = 200;

export function galleryView() {
  const links = [];
  const sum = h("p", { class: "quiet", "aria-live": "polite" }, "Loading …");
  const tiles = grid({
    label: "All images", tileHeight: 196, make: card,
    itemAt: (position) => links[position],
    nearEnd: loadMore,
  });
  let next = 0;
  let failed = false; // then no further request with every scroll event, for a while
  let loading = null;
  let stopped = false;

  function load() {
    loading ??= loadPage().finally(() => { loading = null; });
    return loading;
  }

  async function loadPage() {
    const page = await json(`/v1/images?limit=${PAGE}&cursor=${next}`);
    links.push(...page.uploaded.filter((link) => !isGone(link))); // the list has them until they are deleted
    next = page.next;
    failed = false;
    const more = next === null ? "" : " and more";
    setText(sum, links.length ? `${many(links.length, "image")}${more}, the oldest first` : "No images yet.");
    if (!stopped) tiles.setLength(links.length);
  }

  function loadMore() {
    if (next === null || failed) return;
    load().catch((error) => {
      failed = true;
      setText(sum, error.message);
      setTimeout(goOn, 1_000 * (error.retryAfter ?? 2));
    });
  }

  function goOn() {
    failed = false;
    if (!stopped) tiles.setLength(links.length); // a new drawing loads what it needs
  }

  async function readAll() {
    while (next !== null) await load();
    return links.map((link) => ({ link }));
  }

  return {
    element: h("div", {},
      h("h1", {}, "Gallery"), sum,
      h("div", { class: "row tools" }, copyBar(readAll, "imgup-gallery", ["links", "markdown", "bbcode", "html"])),
      tiles.element),
    title: "Gallery",
    start: () => { tiles.start(); loadMore(); },
    stop: () => { stopped = true; tiles.stop(); },
  };
}

function card() {
  const picture = thumbnail();
  const name = h("span", { class: "name" });
  const button = copyButton(() => link);
  let link = null;
  return {
    element: h("li", { class: "tile", "data-state": "complete" },
      picture.element,
      h("div", { class: "caption row" }, name, button)),
    show(nextLink) {
      if (nextLink === link) return;
      link = nextLink;
      const shown = nameOf(link);
      setText(name, shown.name);
      button.setAttribute("aria-label", `Copy the link of ${shown.name}`);
      picture.show(link, shown.name);
    },
  };
}
