// Requests to the service, with the API key where one is needed.

import { askForKey } from "./key.js";

const KEY = "imgup-key"; // of sessionStorage: this tab's own, gone when it is closed

const NO_KEY = "Without a valid API key nothing can be shown.";

/** What the service answered instead of what was asked for (RFC 9457). */
export class Refusal extends Error {
  constructor(status, problem, retryAfter) {
    super(problem.detail ?? problem.title ?? `The service answered ${status}.`);
    Object.assign(this, { status, code: problem.code, errors: problem.errors ?? [], retryAfter });
  }
}

let asking = null; // one question at a time, whoever needs the key
let declined = false; // "Not now": what asks by itself does not ask again; the person's next step does
addEventListener("hashchange", () => { declined = false; });

/** Ask, with the key; a 401 asks the person for a key and then asks again. */
export async function request(path, { headers = {}, ...options } = {}) {
  for (;;) {
    const key = sessionStorage.getItem(KEY);
    const authorization = key ? { Authorization: `Bearer ${key}` } : {};
    const answer = await reach(path, {
      cache: "no-store",
      credentials: "omit",
      ...options,
      headers: { Accept: "application/json", ...authorization, ...headers },
    });
    if (answer.status !== 401) return answer;
    if (options.method) declined = false; // something the person has just asked for
    if (sessionStorage.getItem(KEY) === key) await renewKey(key !== null);
  }
}

/** The JSON of an answer. Raises a Refusal for anything but success. */
export async function json(path, options) {
  const answer = await request(path, options);
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  throw new Refusal(answer.status, body, Number(answer.headers.get("Retry-After")) || null);
}

/** `job` is the body: its `urls`, and options. */
export const postJob = (job, idempotencyKey) =>
  json("/v1/images/upload", {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": idempotencyKey },
    body: JSON.stringify(job),
  });

export const jobPath = (id) => `/v1/images/upload/${encodeURIComponent(id)}`;

/** A name for a request that may be sent twice. crypto.randomUUID needs HTTPS; this does not. */
export function newIdempotencyKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** `fetch`, with words of its own for a service that is not there. */
export async function reach(path, options) {
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
  sessionStorage.setItem(KEY, given);
}
