// What is known of a job: its counts, and each of its URLs by index.

import { noteDeletion } from "./deletions.js";

const FINAL = new Set(["complete", "failed"]);
export const FILTERS = ["all", "complete", "failed", "pending"];

/** Of two words about one URL the final one is the later, and then the one with more attempts. */
function isNewer(word, known) {
  if (!known) return true;
  if (FINAL.has(known.state) !== FINAL.has(word.state)) return FINAL.has(word.state);
  if (known.deleted && !word.deleted) return false;
  return word.attempts >= known.attempts;
}

export class Results {
  constructor() {
    this.job = null; // status, counts and the rest of a status answer
    this.entries = [];
    this.reading = null; // a promise, while pages behind the first are read
  }

  /** A snapshot, or the state without results. */
  setJob({ results, next, forecast, ...job }) {
    this.job = { ...this.job, ...job };
  }

  /** What was known of the URLs is out of date. */
  forget() {
    this.entries = [];
  }

  put(index, entry) {
    if (isNewer(entry, this.entries[index])) this.set(index, entry);
  }

  /** The latest word about one, whatever was known. */
  set(index, entry) {
    this.entries[index] = entry;
    noteDeletion(entry);
  }

  /** Something that the person has just done to one. */
  amend(index, change) {
    this.set(index, { ...this.entries[index], ...change });
  }

  /** A page of results that begins at `cursor`. */
  putPage(results, cursor) {
    results.forEach((entry, place) => this.put(cursor + place, entry));
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
