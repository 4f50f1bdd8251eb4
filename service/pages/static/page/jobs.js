// The history: jobs, newest first.

import { json, repeat } from "./api.js";
import { attempt, h, setText } from "./dom.js";
import { moment, count, stateOf } from "./words.js";

const REFRESH_MS = 4_000;

export function jobsView() {
  const list = jobList({ limit: 50, more: true });
  return { ...list, element: h("div", {}, h("h1", {}, "Jobs"), list.element), title: "Jobs" };
}

/** A list of jobs, whose first page is polled. */
export function jobList({ limit, more = false }) {
  const rows = new Map();
  const list = h("ul", { class: "jobs" });
  const empty = h("p", { class: "quiet" }, "Loading …");
  const button = h("button", { type: "button", hidden: true, onclick: () => attempt(button, older) }, "Show older jobs");
  let next = null;
  let paged = false;
  const refreshing = repeat(refresh, REFRESH_MS, (error) => setText(empty, rows.size ? "" : error.message));

  async function refresh() {
    const page = await json(`/v1/jobs?limit=${limit}`);
    if (!paged || !page.jobs.some(({ id }) => rows.has(id))) {
      // The others are forgotten, or on the next page. After older pages were read: there may be jobs between these
      // and the listed ones, as the tab was hidden for a while.
      const listed = new Set(page.jobs.map(({ id }) => id));
      for (const id of rows.keys()) if (!listed.has(id)) remove(id);
      paged = false;
      next = page.next;
    }
    page.jobs.forEach((job, place) => insert(job, list.children[place] ?? null));
    setText(empty, rows.size ? "" : "No jobs yet. What you send is listed here.");
    button.hidden = !more || next === null;
  }

  async function older() {
    const page = await json(`/v1/jobs?limit=${limit}&cursor=${next}`);
    paged = true;
    page.jobs.forEach((job) => insert(job, null));
    next = page.next;
    button.hidden = next === null;
  }

  function insert(job, before) {
    if (!rows.has(job.id)) rows.set(job.id, jobRow(job.id));
    const row = rows.get(job.id);
    if (row.element !== before) list.insertBefore(row.element, before);
    row.show(job);
  }

  function remove(id) {
    rows.get(id).element.remove();
    rows.delete(id);
  }

  return { element: h("div", {}, list, empty, button), ...refreshing };
}

function jobRow(id) {
  const when = h("span", { class: "when" });
  const pill = h("span", { class: "pill" });
  const figures = h("span", { class: "figures" });
  const bar = progressBar();
  const element = h("li", {},
    h("a", { href: `#/job/${id}` },
      when, h("code", { class: "quiet" }, id.slice(0, 8)), pill, bar.element, figures));
  return {
    element,
    show(job) {
      setText(when, moment(job.created)); // each time, as today becomes yesterday
      const { kind, text } = stateOf(job);
      pill.className = `pill ${kind}`;
      setText(pill, text);
      const { complete, failed, total } = job.counts;
      setText(figures, `${count(complete)} of ${count(total)}${failed ? ` · ${count(failed)} failed` : ""}`);
      bar.show(job.counts);
    },
  };
}

/** The complete and the failed part of a job; the text beside it has the same. */
export function progressBar(attributes = { class: "bar", "aria-hidden": "true" }) {
  const done = h("span", { class: "done" });
  const failed = h("span", { class: "failed" });
  return {
    element: h("div", attributes, done, failed),
    show(counts) {
      done.style.width = `${(100 * counts.complete) / counts.total}%`;
      failed.style.width = `${(100 * counts.failed) / counts.total}%`;
    },
  };
}
