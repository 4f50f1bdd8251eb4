// The health indicator in the corner of every view.

import { reach, repeat } from "./api.js";
import { setText } from "./dom.js";
import { count, many, moment, until } from "./words.js";

const REFRESH_MS = 3_000;

/** The JSON of /readyz, also with status 503; needs no key. */
export async function readiness() {
  const response = await reach("/readyz", { cache: "no-store", credentials: "omit" });
  return response.json();
}

/** A sentence about blocked uploads; "" if they are not blocked. */
function stoppedSentence(blocked) {
  if (!blocked) return "";
  const next = new Date(blocked.nextProbe) > Date.now() ? `The next image is tried in ${until(blocked.nextProbe)}.` : "An image is being tried.";
  const said = blocked.imgurSays ? ` Imgur says: “${blocked.imgurSays}”` : "";
  return `Uploads have stopped since ${moment(blocked.since).replace("Today", "today")}: Imgur refuses all images.${said} Nothing is lost. ${next}`;
}

export function watchHealth(element, banner) {
  function show(state, text) {
    element.dataset.state = state;
    setText(element, text);
  }
  async function refresh() {
    const health = await readiness();
    setText(banner, stoppedSentence(health.blocked));
    banner.hidden = !health.blocked;
    const busy = health.queued_urls + health.leased_urls;
    if (!health.ready) show("not-ready", `Not ready: ${health.state}`);
    else show("ready", busy ? `${count(busy)} in the queue` : `Ready · ${many(health.workers_ready, "worker")}`);
  }
  repeat(refresh, REFRESH_MS, () => show("not-ready", "Not reached")).start();
}
