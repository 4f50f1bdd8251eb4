// Images of a job that are deleted at Imgur: asked for here, done by a worker, looked at until they are gone.
// The job's events are no help: they end when the job is complete.

import { Refusal, json, jobPath } from "./api.js";
import { confirmed } from "./confirm.js";

const LOOK_MS = 1_000;

// Links, of any job: the page may have gone to another view.
const gone = new Set(); // their deletion was asked for
const asking = new Set(); // that request has no answer yet, and the job's status may be that of before

/** Whether a link's image is being deleted, or has been: its picture is not to be requested. */
export const isGone = (link) => gone.has(link);

/** Note what an entry of `results` says of its image. */
export function noteDeletion({ link, deleted, deduplicated }) {
  if (deduplicated) return; // the entry that uploaded the image tells
  if (deleted === "pending" || deleted === "done") gone.add(link);
  else if (!asking.has(link)) gone.delete(link);
}

/**
 * Args:
 *   id: the job's.
 *   results: what is known of its URLs.
 *   changed: called when that has changed; shows it before it returns.
 *   signal: an AbortSignal; nobody looks any more.
 */
export function deletions(id, results, changed, signal) {
  const pending = new Set(); // indexes
  let timer = 0;
  signal.addEventListener("abort", () => clearTimeout(timer));

  function watch(index) {
    if (asking.has(results.entries[index].link)) return;
    pending.add(index);
    timer ||= setTimeout(look, LOOK_MS);
  }

  async function look() {
    try {
      for (const index of pending) {
        const page = await json(`${jobPath(id)}?cursor=${index}&limit=1`, { signal });
        results.set(index, page.results[0]); // a refused deletion leaves no trace there
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
    const { link } = results.entries[index];
    asking.add(link);
    results.amend(index, { deleted: "pending" });
    changed(); // before the request: a picture asked for after it may be missing
    try {
      await json(`${jobPath(id)}/images/${index}`, { method: "DELETE" });
    } catch (error) {
      if (error.code !== "image-already-deleted") throw error;
    } finally {
      asking.delete(link);
      watch(index);
    }
    return true;
  }

  return { remove, watch };
}
