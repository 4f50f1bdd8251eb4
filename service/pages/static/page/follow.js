// Follows a job by server-sent events, or by polling where these do not arrive.
// EventSource cannot send an API key, so the stream is read with fetch.

import { Refusal, deadline, json, jobPath, read, request } from "./api.js";

const PAGE = 2_000; // more would be one long task to parse
const TRIES = 2; // streams in a row without an event, until polling begins
const STREAM_AGAIN_MS = 60_000; // of polling, until a stream is tried again
const SILENT_MS = 60_000; // of a stream, which has a comment every 15 s: the connection is lost, as after sleep
const HIDDEN_MS = 5_000; // between two readings of the counts in a hidden page
const FOR_EVER_MS = 2 ** 31 - 1; // the longest that a timer takes

/**
 * Follow a job until it is complete or `signal` aborts.
 *
 * Args:
 *   id: of the job.
 *   results: updated by each event.
 *   updated: called after each update with `{ forecast, live, error }`; `error` is the message of a failed request.
 *   signal: an AbortSignal.
 */
export async function follow(id, results, updated, signal) {
  const state = { lastEventId: null };
  for (let silentStreams = 0; !signal.aborted; ) {
    await readCountsWhileHidden(id, results, updated, signal);
    let hasEvent = false;
    const visible = whileVisible(signal);
    try {
      const ended = await readStream(id, state, visible, (event) => {
        hasEvent = true;
        take(id, results, event, updated, signal);
      });
      if (ended) return;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refusal && error.status === 404) throw error;
      if (visible.aborted) continue;
    }
    silentStreams = hasEvent ? 0 : silentStreams + 1;
    if (silentStreams >= TRIES) {
      if (await poll(id, results, updated, signal)) return;
      state.lastEventId = null;
      silentStreams = 0;
    } else {
      await pause(hasEvent ? 1_000 : 300, signal);
    }
  }
}

function take(id, results, { event, data }, updated, signal) {
  const change = JSON.parse(data);
  results.setJob(change);
  if (event === "snapshot") {
    results.entries = [];
    results.putPage(change.results, 0);
    if (change.next !== null) results.reading = readPages(id, results, change.next, updated, signal);
  } else {
    for (const { index, ...entry } of change.results ?? []) results.put(index, entry);
  }
  updated({ forecast: change.forecast, live: true });
}

/** Read the pages after the first; `Results.put` handles changes that arrive meanwhile. */
async function readPages(id, results, first, updated, signal) {
  for (let cursor = first; cursor !== null && !signal.aborted; ) {
    try {
      const page = await json(`${jobPath(id)}?cursor=${cursor}&limit=${PAGE}`, { signal });
      // No event would take back the reason that all images wait.
      const own = (entry) => (entry.state === "pending" && entry.message === page.waiting?.message
        ? { ...entry, reason: null, message: null } : entry);
      results.putPage(page.results.map(own), cursor);
      cursor = page.next;
      updated({});
    } catch (error) {
      if (error.status === 404) return; // the job is forgotten, and its stream ends
      await pause(1_000 * (error.retryAfter ?? 2), signal);
    }
  }
}

/**
 * For the title. Browsers have six connections to a host, for all tabs: the streams of six would leave none for the
 * requests of any.
 */
async function readCountsWhileHidden(id, results, updated, signal) {
  while (document.hidden && !signal.aborted) {
    let wait = HIDDEN_MS;
    try {
      results.setJob(await json(`${jobPath(id)}?limit=1`, { signal }));
      updated({});
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) throw error;
      wait = Math.max(wait, 1_000 * (error.retryAfter ?? 0));
    }
    await pause(results.job?.status === "complete" ? FOR_EVER_MS : wait, signal);
  }
}

/** A signal that aborts with the given one, and when the page is hidden. */
function whileVisible(signal) {
  const over = new AbortController();
  const end = () => { if (signal.aborted || document.hidden) over.abort(); };
  signal.addEventListener("abort", end, { signal: over.signal });
  document.addEventListener("visibilitychange", end, { signal: over.signal });
  return over.signal;
}

/** Read one stream. Returns whether it contained the end of the job. */
async function readStream(id, state, signal, take) {
  const headers = { Accept: "text/event-stream" };
  if (state.lastEventId !== null) headers["Last-Event-ID"] = state.lastEventId;
  const within = deadline(SILENT_MS, signal);
  const response = await request(`${jobPath(id)}/events`, { headers, signal: within.signal, isStream: true });
  if (response.status === 204) return true;
  if (!response.ok) await read(response);
  let ended = false;
  for await (const event of eventsOf(response.body, within.renew)) {
    if (event.id !== undefined) state.lastEventId = event.id;
    if (!event.data) continue; // a comment, or the time until a reconnection
    take(event);
    ended ||= event.event === "end";
  }
  return ended;
}

/** Server-sent events (WHATWG HTML, section 9.2.6). The service ends lines with LF, and sends one data line. */
async function* eventsOf(body, received) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    received();
    rest += value;
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) yield Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s, 2)));
  }
}

/** Poll until the job is complete, or until the next try of a stream. Returns whether it is complete. */
async function poll(id, results, updated, signal) {
  const giveUp = Date.now() + STREAM_AGAIN_MS;
  const tags = new Map();
  while (!signal.aborted && Date.now() < giveUp) {
    let wait = 2;
    try {
      wait = await pollOnce(id, results, tags, signal);
      updated({ forecast: null, live: false }); // that of the last event is out of date
      if (results.job.status === "complete") return true;
    } catch (error) {
      if (signal.aborted) return false;
      if (error instanceof Refusal && error.status === 404) throw error;
      wait = error.retryAfter ?? wait;
      updated({ live: false, error: error.message });
    }
    await pause(1_000 * wait, signal);
  }
  return false;
}

/** Request all pages once, each only if it has changed. Returns the seconds until the next poll. */
async function pollOnce(id, results, tags, signal) {
  let wait = 1;
  for (let cursor = 0; cursor !== null; ) {
    const path = `${jobPath(id)}?cursor=${cursor}&limit=${PAGE}`;
    const known = tags.get(path);
    const headers = known ? { "If-None-Match": known.tag } : {};
    const response = await request(path, { headers, signal });
    wait = Number(response.headers.get("Retry-After")) || wait;
    if (response.status === 304) {
      cursor = known.next;
      continue;
    }
    const page = await read(response);
    tags.set(path, { tag: response.headers.get("ETag"), next: page.next });
    results.setJob(page);
    results.putPage(page.results, cursor);
    cursor = page.next;
  }
  return wait;
}

/** Ends early with `signal`, and when the page becomes visible. */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const over = new AbortController();
    const end = () => { clearTimeout(timer); over.abort(); resolve(); };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end, { signal: over.signal });
    document.addEventListener("visibilitychange", () => { if (!document.hidden) end(); }, { signal: over.signal });
  });
}
