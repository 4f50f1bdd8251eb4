// The state of a job: its counts, and the results of its URLs by index.

import { noteDeletion } from "./deletions.js";

const FINAL = new Set(["complete", "failed"]);
export const FILTERS = ["all", "complete", "failed", "pending"];

/** Whether an entry is newer than a known one: final states are newer than others, then more attempts. */
function isNewer(entry, known) {
  if (!known) return true;
  if (FINAL.has(known.state) !== FINAL.has(entry.state)) return FINAL.has(entry.state);
  if (known.deleted && !entry.deleted) return false;
  return entry.attempts >= known.attempts;
}

export class Results {
  constructor() {
    this.job = null; // the members of a status response, without results
    this.entries = [];
    this.reading = null; // a promise, while pages behind the first are read
  }

  /** Update the job from a status response or an event. */
  setJob({ results, next, forecast, ...job }) {
    this.job = { ...this.job, waiting: undefined, ...job }; // without it, the images no longer wait
  }

  put(index, entry) {
    if (isNewer(entry, this.entries[index])) this.set(index, entry);
  }

  /** Replace an entry. */
  set(index, entry) {
    this.entries[index] = entry;
    noteDeletion(entry);
  }

  /** Add a page of results that begins at `cursor`. */
  putPage(results, cursor) {
    results.forEach((entry, position) => this.put(cursor + position, entry));
  }

  /** Indexes of the URLs in a state, in their order. URLs not read yet are pending. */
  indexes(filter) {
    const found = [];
    for (let index = 0; index < (this.job?.counts.total ?? 0); index += 1) {
      if (filter === "all" || (this.entries[index]?.state ?? "pending") === filter) found.push(index);
    }
    return found;
  }
}
