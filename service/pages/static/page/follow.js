// What becomes of a job: by server-sent events, and by asking where those do not come through.
// EventSource cannot send an API key, so the stream is read with fetch.

import { Refusal, json, jobPath, request } from "./api.js";

const PAGE = 2_000; // more would be one long task to parse
const TRIES = 2; // streams in a row that say nothing, before asking takes over
const STREAM_AGAIN_MS = 60_000; // of asking, before a stream is tried once more

/**
 * Follow a job until it is complete or `signal` says to stop.
 *
 * Args:
 *   id: the job's.
 *   results: filled with what is heard.
 *   heard: called after each word; `{ forecast, live, trouble }`, `trouble` being why nothing is heard.
 *   signal: an AbortSignal.
 */
export async function follow(id, results, heard, signal) {
  const state = { lastEventId: null };
  for (let silent = 0; !signal.aborted; ) {
    let said = false;
    try {
      const ended = await readStream(id, state, signal, (event) => {
        said = true;
        take(id, results, event, heard, signal);
      });
      if (ended) return;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refusal && error.status === 404) throw error;
    }
    silent = said ? 0 : silent + 1;
    if (silent >= TRIES) {
      if (await poll(id, results, heard, signal)) return;
      state.lastEventId = null;
      silent = 0;
    } else {
      await pause(said ? 1_000 : 300, signal);
    }
  }
}

function take(id, results, { event, data }, heard, signal) {
  const word = JSON.parse(data);
  results.setJob(word);
  if (event === "snapshot") {
    results.forget();
    results.putPage(word.results, 0);
    if (word.next !== null) results.reading = readPages(id, results, word.next, heard, signal);
  } else {
    for (const { index, ...entry } of word.results ?? []) results.put(index, entry);
  }
  heard({ forecast: word.forecast, live: true });
}

/** The pages behind the first; changes that come meanwhile are settled by `Results.put`. */
async function readPages(id, results, first, heard, signal) {
  for (let cursor = first; cursor !== null && !signal.aborted; ) {
    try {
      const page = await json(`${jobPath(id)}?cursor=${cursor}&limit=${PAGE}`, { signal });
      results.putPage(page.results, cursor);
      cursor = page.next;
      heard({});
    } catch (error) {
      await pause(1_000 * (error.retryAfter ?? 2), signal);
    }
  }
}

/** Read one stream. Returns whether it came to the job's end. */
async function readStream(id, state, signal, take) {
  const headers = { Accept: "text/event-stream" };
  if (state.lastEventId !== null) headers["Last-Event-ID"] = state.lastEventId;
  const answer = await request(`${jobPath(id)}/events`, { headers, signal });
  if (answer.status === 204) return true;
  if (!answer.ok) throw new Refusal(answer.status, await answer.json().catch(() => ({})));
  let ended = false;
  for await (const event of eventsOf(answer.body)) {
    if (event.id !== undefined) state.lastEventId = event.id;
    if (!event.data) continue;
    take(event);
    ended ||= event.event === "end";
  }
  return ended;
}

/** Server-sent events of a body (WHATWG HTML, section 9.2.6). */
async function* eventsOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
    const blocks = rest.split(/\r?\n\r?\n/);
    rest = blocks.pop();
    for (const block of blocks) yield parseEvent(block);
  }
}

function parseEvent(block) {
  const event = { event: "message", data: "" };
  for (const line of block.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue; // a comment
    const value = line.slice(colon + 1).replace(/^ /, "");
    const field = line.slice(0, colon);
    if (field === "data") event.data += event.data ? `\n${value}` : value;
    else event[field] = value;
  }
  return event;
}

/** Ask until the job is complete, or until a stream is worth another try. Returns which. */
async function poll(id, results, heard, signal) {
  const giveUp = Date.now() + STREAM_AGAIN_MS;
  const tags = new Map();
  while (!signal.aborted && Date.now() < giveUp) {
    let wait = 2;
    try {
      wait = await askAll(id, results, tags, signal);
      heard({ live: false });
      if (results.job.status === "complete") return true;
    } catch (error) {
      if (signal.aborted) return false;
      if (error instanceof Refusal && error.status === 404) throw error;
      heard({ live: false, trouble: error.message });
    }
    await pause(1_000 * wait, signal);
  }
  return false;
}

/** All pages once, each only if it has changed. Returns the seconds until it is worth asking again. */
async function askAll(id, results, tags, signal) {
  let wait = 1;
  for (let cursor = 0; cursor !== null; ) {
    const path = `${jobPath(id)}?cursor=${cursor}&limit=${PAGE}`;
    const known = tags.get(path);
    const headers = known ? { "If-None-Match": known.tag } : {};
    const answer = await request(path, { headers, signal });
    wait = Number(answer.headers.get("Retry-After")) || wait;
    if (answer.status === 304) {
      cursor = known.next;
      continue;
    }
    const page = await answer.json();
    if (!answer.ok) throw new Refusal(answer.status, page, wait);
    tags.set(path, { tag: answer.headers.get("ETag"), next: page.next });
    results.setJob(page);
    results.putPage(page.results, cursor);
    cursor = page.next;
  }
  return wait;
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
