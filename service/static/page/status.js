// The service at a glance: its workers, its queue, and what Imgur still takes.

import { json } from "./api.js";
import { h } from "./dom.js";
import { readiness } from "./health.js";
import { repeat } from "./repeat.js";
import { count, many, span, until } from "./words.js";

const REFRESH_MS = 3_000;

export function statusView() {
  const body = h("div", { class: "cards" }, h("p", { class: "quiet" }, "Loading …"));
  let drawn = "";
  const refreshing = repeat(refresh, REFRESH_MS, (error) => {
    drawn = "";
    body.replaceChildren(h("p", { class: "bad" }, error.message));
  });

  async function refresh() {
    const [ready, limits] = await Promise.all([readiness(), json("/v1/limits")]);
    const cards = [serviceCard(ready, limits), limitsCard(limits)];
    const text = cards.map((card) => card.textContent).join();
    if (text !== drawn) body.replaceChildren(...cards); // a reader's place is kept while nothing changes
    drawn = text;
  }

  return {
    element: h("div", {}, h("h1", {}, "Status"), body),
    title: "Status",
    start: refreshing.start,
    stop: refreshing.stop,
  };
}

function serviceCard(ready, limits) {
  return card("Service", ready.detail, [
    ["Workers", `${ready.workers_ready} of ${ready.workers_wanted} ready`],
    ["Waiting", many(ready.queued_urls, "image")],
    ["In work", many(ready.leased_urls, "image")],
    ["Pace", limits.ratePerSecond === null ? "not known yet" : `${limits.ratePerSecond.toFixed(1)} images a second`],
    ["Uploads", ready.pause_seconds > 0 ? `pause for ${span(ready.pause_seconds)}, as Imgur asked` : "go on"],
  ]);
}

function limitsCard({ credits, posts, sandbox }) {
  const about = sandbox ? "The sandbox's figures, for show." : "What Imgur said with its last answer. An upload costs 10 credits.";
  const element = card("Imgur's allowance", about, []);
  element.append(
    meter("Credits of the application, a day", credits.client),
    meter("Credits of this address or account, an hour", credits.user),
    meter("Uploads of this address, an hour", posts));
  return element;
}

function card(title, about, rows) {
  return h("section", { class: "card" }, h("h2", {}, title), h("p", { class: "quiet" }, about),
    ...(rows.length ? [h("dl", {}, ...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]))] : []));
}

function meter(label, { limit, remaining, reset }) {
  const known = limit !== null && remaining !== null;
  const fill = h("span", { class: "done" });
  fill.style.width = known ? `${(100 * remaining) / limit}%` : "0";
  return h("div", { class: "meter" },
    h("div", { class: "row spread" }, h("span", {}, label),
      h("strong", {}, known ? `${count(remaining)} of ${count(limit)}` : "not known yet")),
    h("span", { class: "bar", "aria-hidden": "true" }, fill),
    h("p", { class: "quiet" }, known && reset ? `full again in ${until(reset)}` : ""));
}
