// Whether jobs are taken, in the corner of every view.

import { reach } from "./api.js";
import { setText } from "./dom.js";
import { repeat } from "./repeat.js";
import { count, many } from "./words.js";

const REFRESH_MS = 3_000;

/** What /readyz says; it answers with 503 as well, and needs no key. */
export async function readiness() {
  const answer = await reach("/readyz", { cache: "no-store", credentials: "omit" });
  return answer.json();
}

export function watchHealth(element) {
  function show(state, text) {
    element.dataset.state = state;
    setText(element, text);
  }
  async function refresh() {
    const health = await readiness();
    const busy = health.queued_urls + health.leased_urls;
    if (!health.ready) show("not-ready", `Not ready: ${health.state}`);
    else show("ready", busy ? `${count(busy)} in the queue` : `Ready · ${many(health.workers_ready, "worker")}`);
  }
  repeat(refresh, REFRESH_MS, () => show("not-ready", "Not reached")).start();
}
