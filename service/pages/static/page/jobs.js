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
    if (!page.jobs.some(({ id }) => rows.has(id))) {
      // There may be jobs between these and the listed ones: the tab was hidden for a while.
      rows.clear();
      list.replaceChildren();
      paged = false;
    }
    page.jobs.toReversed().forEach((job) => insert(job, true));
    if (!paged) next = page.next;
    if (!more) while (list.children.length > limit) list.lastChild.remove();
    setText(empty, rows.size ? "" : "No jobs yet. What you send is listed here.");
    button.hidden = !more || next === null;
  }

  async function older() {
    const page = await json(`/v1/jobs?limit=${limit}&cursor=${next}`);
    paged = true;
    page.jobs.forEach((job) => insert(job, false));
    next = page.next;
    button.hidden = next === null;
  }

  function insert(job, first) {
    if (!rows.has(job.id)) {
      rows.set(job.id, jobRow(job.id, job.created));
      const { element } = rows.get(job.id);
      if (first) list.prepend(element);
      else list.append(element);
    }
    rows.get(job.id).show(job);
  }

  return { element: h("div", {}, list, empty, button), ...refreshing };
}

function jobRow(id, created) {
  const pill = h("span", { class: "pill" });
  const figures = h("span", { class: "figures" });
  const bar = progressBar();
  const element = h("li", {},
    h("a", { href: `#/job/${id}` },
      h("span", { class: "when" }, moment(created)),
      h("code", { class: "quiet" }, id.slice(0, 8)), pill, bar.element, figures));
  return {
    element,
    show(job) {
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
