// Requests to the service, with the API key where one is needed; and polling.

import { askForKey } from "./dialogs.js";

const KEY = "imgup-key"; // of sessionStorage: this tab's own, gone when it is closed

const PATIENCE_MS = 60_000; // until a request for something to show is given up

const NO_KEY = "Without a valid API key nothing can be shown.";

/** An error response of the service (RFC 9457). */
export class Refusal extends Error {
  constructor(status, problem, retryAfter) {
    super(problem.detail ?? problem.title ?? `The service responded with ${status}.`);
    Object.assign(this, { status, code: problem.code, errors: problem.errors ?? [], retryAfter });
  }
}

let key = null;
// A browser that blocks cookies denies storage as well; then the key is kept until the page is left.
try { key = sessionStorage.getItem(KEY); } catch { /* none is kept */ }
let asking = null; // the promise of an open key dialog, shared by all requests
let declined = false; // after "Not now" only requests of the person open the dialog again, not polling
addEventListener("hashchange", () => { declined = false; });

/**
 * Send a request with the key; after a 401 the person enters a key, and the request is sent again.
 *
 * Without `method` it fails if its response is not there in time, unless `isStream`.
 */
export async function request(path, { headers = {}, isStream = false, ...options } = {}) {
  for (;;) {
    const sent = key;
    const authorization = sent ? { Authorization: `Bearer ${sent}` } : {};
    const response = await reach(path, {
      cache: "no-store",
      credentials: "omit",
      ...options,
      signal: isStream || options.method ? options.signal : deadline(PATIENCE_MS, options.signal).signal,
      headers: { Accept: "application/json", ...authorization, ...headers },
    });
    if (response.status !== 401) return response;
    if (options.method) declined = false; // a change, which the person has just requested
    if (key === sent) await renewKey(sent !== null);
  }
}

/** Send a request as `request` does, and read its response as `read` does. */
export const json = async (path, options) => read(await request(path, options));

/** Return the JSON of a response. Throws a Refusal for an error. */
export async function read(response) {
  const body = await response.json().catch((error) => {
    if (!response.ok) return {};
    if (error.name === "AbortError") throw error;
    throw new Error("The response cannot be read: it was cut off, or it is not the service's own.");
  });
  if (response.ok) return body;
  throw new Refusal(response.status, body, Number(response.headers.get("Retry-After")) || null);
}

/** Submit a job; `job` is the body: `urls`, and options. */
export const postJob = (job, idempotencyKey) =>
  json("/v1/images/upload", {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": idempotencyKey },
    body: JSON.stringify(job),
  });

export const jobPath = (id) => `/v1/images/upload/${encodeURIComponent(id)}`;

/** A random key for a request that may be sent twice. Unlike crypto.randomUUID this needs no HTTPS. */
export function newIdempotencyKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A signal that aborts with the given one, and when `renew` was not called for so long. */
export function deadline(milliseconds, signal) {
  const over = new AbortController();
  let timer = 0;
  const renew = () => {
    clearTimeout(timer);
    timer = setTimeout(() => over.abort(new DOMException("", "TimeoutError")), milliseconds);
  };
  over.signal.addEventListener("abort", () => clearTimeout(timer));
  signal?.addEventListener("abort", () => over.abort(), { signal: over.signal });
  renew();
  if (signal?.aborted) over.abort();
  return { signal: over.signal, renew };
}

/** `fetch`, with an error message for an unreachable service. */
async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The service cannot be reached. Is it running?");
  }
}

async function renewKey(wasRefused) {
  if (declined) throw new Error(NO_KEY);
  asking ??= askForKey(wasRefused).finally(() => { asking = null; });
  const given = await asking;
  declined = given === null;
  if (declined) throw new Error(NO_KEY);
  key = given;
  try { sessionStorage.setItem(KEY, key); } catch { /* as above */ }
}

/**
 * Poll while the page is visible.
 *
 * Args:
 *   act: requests and shows; may throw.
 *   everyMs: interval; longer after an error with `retryAfter`, in seconds.
 *   failed: called with an error of `act`.
 */
export function repeat(act, everyMs, failed = () => {}) {
  let timer = 0;
  let stopped = true;
  let running = false; // also after a stop, until the request has ended

  async function run() {
    if (running) return;
    running = true;
    let wait = everyMs;
    try {
      await act();
    } catch (error) {
      wait = Math.max(wait, 1_000 * (error.retryAfter ?? 0));
      if (!stopped) failed(error);
    }
    running = false;
    if (!stopped) timer = setTimeout(next, wait);
  }

  function next() {
    if (document.hidden) document.addEventListener("visibilitychange", next, { once: true });
    else if (!stopped) run();
  }

  return {
    start() { stopped = false; run(); },
    stop() { stopped = true; clearTimeout(timer); document.removeEventListener("visibilitychange", next); },
  };
}
