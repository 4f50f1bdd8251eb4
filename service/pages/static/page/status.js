// The status of the service: its workers, its queue, and Imgur's remaining quota; and the health
// indicator in the corner of every view.

import { Refusal, json, repeat, request } from "./api.js";
import { announce, h, setText } from "./dom.js";
import { count, many, moment, span, until } from "./words.js";

const REFRESH_MS = 3_000;
const CREDITS_OF_UPLOAD = 10;

export function statusView() {
  const body = h("div", { class: "cards" }, h("p", { class: "quiet" }, "Loading …"));
  let drawn = "";
  const refreshing = repeat(refresh, REFRESH_MS, (error) => {
    drawn = "";
    body.replaceChildren(h("p", { class: "bad" }, error.message));
  });

  async function refresh() {
    const [ready, limits] = await Promise.all([readiness(), json("/v1/limits")]);
    const cards = [serviceCard(ready, limits), limitsCard(ready, limits)];
    const text = cards.map((card) => card.textContent).join();
    if (text !== drawn) body.replaceChildren(...cards); // without a change, a selection stays
    drawn = text;
  }

  return { element: h("div", {}, h("h1", {}, "Status"), body), title: "Status", ...refreshing };
}

function serviceCard(ready, limits) {
  return card("Service", ready.detail, [
    ["Workers", `${ready.workers_ready} of ${ready.workers_wanted} ready`],
    ["Waiting", many(ready.queued_urls, "image")],
    ["In work", many(ready.leased_urls, "image")],
    ["Pace", limits.ratePerSecond === null ? "not known yet" : `${limits.ratePerSecond.toFixed(1)} images a second`],
    ["Uploads", limits.blocked ? "stopped" : ready.pause_seconds > 0 ? `pause for ${span(ready.pause_seconds)}, as Imgur asked` : "go on"],
  ]);
}

function limitsCard(ready, limits) {
  const { credits, posts, budget, sandbox } = limits;
  const about = sandbox
    ? "The sandbox's figures, for show: it takes more than that."
    : `What Imgur said with its last answer. An upload costs ${CREDITS_OF_UPLOAD} credits.`;
  const element = card("Imgur's allowance", about, []);
  element.append(
    h("p", { class: "outlook" }, forecast(ready.queued_urls + ready.leased_urls, limits)),
    meter("Credits of the application, a day", credits.client),
    meter("Credits of this address or account, an hour", credits.user),
    meter("Uploads of this address, an hour", posts),
    ...["day", "hour"].filter((per) => budget[per]).map((per) => meter(
      `Uploads of this service in any ${per}`,
      { ...budget[per], reset: budget[per].next }, "the next one is free in")));
  if (limits.uploadsOfOthers) {
    element.append(h("p", { class: "bad" }, `${many(limits.uploadsOfOthers, "upload")} with this client id came from elsewhere.`));
  }
  return element;
}

/** A sentence about the number of images that the quota is enough for, compared with the queue. */
function forecast(queued, { credits, posts, budget, ratePerSecond, sandbox }) {
  const bounds = [[credits.client, CREDITS_OF_UPLOAD], [credits.user, CREDITS_OF_UPLOAD], [posts, 1],
    ...Object.values(budget).map(({ remaining, next }) => [{ remaining, reset: next }, 1])]
    .filter(([{ remaining }]) => remaining !== null)
    .map(([{ remaining, reset }, cost]) => ({ images: Math.floor(remaining / cost), reset }));
  if (!bounds.length) return "How many images it is enough for is known after the first upload.";
  const { images, reset } = bounds.reduce((least, one) => (one.images < least.images ? one : least));
  const enough = `Enough for ${many(images, "more image")}`;
  if (sandbox) return `${enough}.`; // nothing waits for them
  if (queued > images) {
    const when = reset ? ` until it is full again, in ${until(reset)}` : "";
    return `${enough}; ${count(queued - images)} of the ${count(queued)} in the queue wait${when}.`;
  }
  if (!queued) return `${enough}; the queue is empty.`;
  const end = ratePerSecond ? `, and may end in ${span(queued / ratePerSecond)}` : "";
  return `${enough}; the ${count(queued)} in the queue fit${end}.`;
}

function card(title, about, rows) {
  return h("section", { class: "card" }, h("h2", {}, title), h("p", { class: "quiet" }, about),
    ...(rows.length ? [h("dl", {}, ...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]))] : []));
}

function meter(label, { limit, remaining, reset }, soon = "full again in") {
  const known = limit !== null && remaining !== null;
  const fill = h("span", { class: "done" });
  fill.style.width = known ? `${(100 * remaining) / limit}%` : "0";
  return h("div", { class: "meter" },
    h("div", { class: "row spread" }, h("span", {}, label),
      h("strong", {}, known ? `${count(remaining)} of ${count(limit)}` : "not known yet")),
    h("span", { class: "bar", "aria-hidden": "true" }, fill),
    h("p", { class: "quiet" }, known && reset ? `${soon} ${until(reset)}` : ""));
}

/** The JSON of /readyz, also with status 503; needs no key. Throws a Refusal for another response, as of a proxy. */
async function readiness() {
  const response = await request("/readyz");
  const health = await response.json().catch(() => ({}));
  if (!health.state) throw new Refusal(response.status, health, null);
  return health;
}

/** A sentence about blocked uploads; "" if they are not blocked. */
function stoppedSentence(blocked) {
  if (!blocked) return "";
  const next = new Date(blocked.nextProbe) > Date.now() ? `The next image is tried in ${until(blocked.nextProbe)}.` : "An image is being tried.";
  return `Uploads have stopped since ${moment(blocked.since).replace("Today", "today")}. ${blocked.message} Nothing is lost. ${next}`;
}

export function watchHealth(element, banner) {
  function show(state, text) {
    element.dataset.state = state;
    setText(element, text);
  }
  async function refresh() {
    const health = await readiness();
    const sentence = stoppedSentence(health.blocked);
    if (sentence && banner.hidden) announce(sentence); // once: its minutes change
    setText(banner, sentence);
    banner.hidden = !health.blocked;
    const busy = health.queued_urls + health.leased_urls;
    if (!health.ready) show("not-ready", `Not ready: ${health.state}`);
    else show("ready", busy ? `${count(busy)} in the queue` : `Ready · ${many(health.workers_ready, "worker")}`);
  }
  repeat(refresh, REFRESH_MS, () => show("not-ready", "Not reached")).start();
}
