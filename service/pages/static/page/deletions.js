// Deletion of images at Imgur: requested here, done by a worker, polled until it is done.
// The job's events end when the job is complete, so they do not report it.

import { Refusal, json, jobPath } from "./api.js";
import { confirmDeletion } from "./dialogs.js";

const POLL_MS = 1_000;

// Links of all jobs, as the page may change to another view.
const gone = new Set(); // their deletion was requested
const requesting = new Set(); // without a response yet: the job's status may be that of before the request

/** Whether the image of a link is being deleted, or is deleted: its picture must not be requested. */
export const isGone = (link) => gone.has(link);

/** Update the state of the image of an entry of `results`. */
export function noteDeletion({ link, deleted, deduplicated }) {
  if (deduplicated) return; // the entry that uploaded the image has its state
  if (deleted === "pending" || deleted === "done") gone.add(link);
  else if (!requesting.has(link)) gone.delete(link);
}

/**
 * Args:
 *   id: of the job.
 *   results: of the job.
 *   changed: called after a change of `results`; shows it before it returns.
 *   signal: an AbortSignal that ends polling.
 */
export function deletions(id, results, changed, signal) {
  const pending = new Set(); // indexes
  let timer = 0;
  signal.addEventListener("abort", () => clearTimeout(timer));

  function watch(index) {
    if (requesting.has(results.entries[index].link)) return;
    pending.add(index);
    timer ||= setTimeout(poll, POLL_MS);
  }

  async function poll() {
    try {
      for (const index of pending) {
        const page = await json(`${jobPath(id)}?cursor=${index}&limit=1`, { signal });
        results.set(index, page.results[0]); // without `deleted` after a refused deletion
        if (results.entries[index].deleted !== "pending") pending.delete(index);
        changed();
      }
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) pending.clear();
    }
    timer = 0;
    if (pending.size && !signal.aborted) timer = setTimeout(poll, POLL_MS);
  }

  /** Delete an image after a confirmation. Throws a Refusal. Returns whether the person has confirmed. */
  async function remove(index, name) {
    const text = `${name} is deleted at Imgur, and its link stops working wherever it stands. This is final.`;
    if (!await confirmDeletion("Delete this image?", text)) return false;
    const entry = results.entries[index];
    const { link } = entry;
    requesting.add(link);
    results.set(index, { ...entry, deleted: "pending" });
    changed(); // before the request: after it, a request for the picture may fail
    try {
      await json(`${jobPath(id)}/images/${index}`, { method: "DELETE" });
    } catch (error) {
      if (error.code !== "image-already-deleted") throw error;
    } finally {
      requesting.delete(link);
      watch(index);
    }
    return true;
  }

  return { remove, watch };
}
