// The page: selects the view, and shows what is common to all views.

import { json, repeat } from "./api.js";
import { composeView } from "./compose.js";
import { h } from "./dom.js";
import { galleryView } from "./gallery.js";
import { jobView } from "./job.js";
import { jobsView } from "./jobs.js";
import { statusView, watchHealth } from "./status.js";
import { knowSandbox } from "./tile.js";

// Of the sandbox: images that succeed, one that is converted, and two common errors.
const SAMPLES = [
  "/images/photo.jpg",
  "/images/drawing.png",
  "/images/animation.gif",
  "/images/animated.png",
  "/images/large.png",
  ...["aurora.png", "harbour.jpg", "meadow.png", "lagoon.gif", "dusk.jpg", "quarry.png", "orchard.jpg"]
    .map((name) => `/images/numbered/${name}`),
  "/faults/flaky/2/page/images/small.png",
  "/faults/redirect/3/images/bitmap.bmp",
  "/images/picture.webp",
  "/faults/status/404",
  "/faults/html",
];

const VIEWS = new Map([["job", jobView], ["jobs", jobsView], ["gallery", galleryView], ["status", statusView]]);
const INDEX_AGAIN_MS = 3_000; // after a failure
const index = repeat(readIndex, INDEX_AGAIN_MS);
const main = document.getElementById("main");
const limits = { maxUrls: Infinity };
let draft = null; // the first view, kept while others are shown, until its job is sent
let view = null;
let shown = null; // the hash of the address of `view`

function show() {
  if (location.hash === shown) return;
  const isFirst = shown === null;
  shown = location.hash;
  view?.stop();
  const [, name = "", id = ""] = location.hash.split("/");
  view = VIEWS.get(name)?.(id) ?? (draft ??= composeView(limits, () => { draft = null; }));
  main.replaceChildren(view.element);
  document.title = `${view.title} · imgup`;
  const here = name === "job" ? "jobs" : name;
  for (const link of document.querySelectorAll("nav a")) {
    const current = (link.getAttribute("href").split("/")[1] || "") === here;
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  scrollTo(0, 0);
  // For screen readers: the focus moves to the new view.
  if (!isFirst) main.focus({ preventScroll: true });
  view.start();
}

function showSandbox(url) {
  knowSandbox(url);
  const banner = document.getElementById("sandbox");
  banner.append(
    h("p", {}, h("strong", {}, "Sandbox."), " Nothing goes to the real Imgur; images stay on this machine."),
    h("button", { type: "button", onclick: loadSamples }, "Load the sample images"));
  banner.hidden = false;

  function loadSamples() {
    // The hash is compared, as the hashchange event that sets the view comes later.
    if (!["", "#/"].includes(location.hash)) history.pushState(null, "", "#/");
    show();
    view.add(SAMPLES.map((path) => url + path));
  }
}

async function readIndex() {
  const { maxUrlsPerJob, sandboxUrl } = await json("/");
  index.stop();
  limits.maxUrls = maxUrlsPerJob;
  if (sandboxUrl) showSandbox(sandboxUrl);
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the hash of its target is no view
  main.focus();
});
addEventListener("hashchange", show);
show();
watchHealth(document.getElementById("health"), document.getElementById("blocked"));
index.start();
