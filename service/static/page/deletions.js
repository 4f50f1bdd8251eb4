// Images of a job that are deleted at Imgur: asked for here, done by a worker, looked at until they are gone.
// The job's events are no help: they end when the job is complete.

import { Refusal, json, jobPath } from "./api.js";
import { confirmed } from "./confirm.js";

const LOOK_MS = 1_000;

/**
 * Args:
 *   id: the job's.
 *   results: what is known of its URLs.
 *   changed: called when that has changed.
 *   signal: an AbortSignal; nobody looks any more.
 */
export function deletions(id, results, changed, signal) {
  const pending = new Set(); // indexes
  let timer = 0;
  signal.addEventListener("abort", () => clearTimeout(timer));

  function watch(index) {
    pending.add(index);
    timer ||= setTimeout(look, LOOK_MS);
  }

  async function look() {
    try {
      for (const index of pending) {
        const page = await json(`${jobPath(id)}?cursor=${index}&limit=1`, { signal });
        results.putPage(page.results, index);
        if (results.entries[index].deleted !== "pending") pending.delete(index);
        changed();
      }
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) pending.clear();
    }
    timer = 0;
    if (pending.size && !signal.aborted) timer = setTimeout(look, LOOK_MS);
  }

  /** Ask the person, then the service. Raises for a refusal. Returns whether it goes. */
  async function remove(index, name) {
    const sure = await confirmed({
      title: "Delete this image?",
      text: `${name} is deleted at Imgur, and its link stops working wherever it stands. This is final.`,
      yes: "Delete for ever",
      no: "Keep it",
    });
    if (!sure) return false;
    try {
      await json(`${jobPath(id)}/images/${index}`, { method: "DELETE" });
    } catch (error) {
      if (error.code !== "image-already-deleted") throw error;
    }
    results.amend(index, { deleted: "pending" });
    changed();
    watch(index);
    return true;
  }

  return { remove, watch };
}
