// One job: its progress, its images, and its actions.

import { json, jobPath } from "./api.js";
import { asTaken, copyBar } from "./copying.js";
import { deletions } from "./deletions.js";
import { confirmDeletion } from "./dialogs.js";
import { announce, attempt, h, setText, toast } from "./dom.js";
import { follow } from "./follow.js";
import { grid } from "./grid.js";
import { progressBar } from "./jobs.js";
import { FILTERS, Results } from "./results.js";
import { tile } from "./tile.js";
import { count, many, moment, span, stateOf, until } from "./words.js";

const ALBUM_SENTENCES = {
  pending: "The album is about to be created; uploads begin then.",
  failed: "The album could not be created.",
};
const ALBUM_DELETIONS = { pending: "Deleting …", done: "The album is deleted." };
const ALBUM_POLL_MS = 1_000;
const ANNOUNCE_MS = 10_000;
const LATE_MS = 3_000; // behind the end that was expected: nothing may come until the next image ends
const LABELS = { all: "All", complete: "Uploaded", failed: "Failed", pending: "Waiting" };
const UNREAD = { url: "", state: "pending", link: null, message: "Loading …", attempts: 0 };

export function jobView(id) {
  const results = new Results();
  const abort = new AbortController();
  const pill = h("span", { class: "pill" });
  const progress = progressBar({
    class: "bar large", role: "progressbar", "aria-label": "Images that have ended",
    "aria-valuemin": "0", "aria-valuemax": "100",
  });
  const bar = progress.element;
  const figures = h("p", { class: "figures" }, "Loading …");
  const outlook = h("p", { class: "quiet outlook" });
  const album = albumLine(id, results, () => draw(), abort.signal);
  const relation = h("p", { class: "quiet" });
  const cancel = h("button", { type: "button", class: "danger", hidden: true, onclick: () => attempt(cancel, stopJob) }, "Cancel");
  const retry = h("button", { type: "button", hidden: true, onclick: () => attempt(retry, sendAgain) }, "Retry failed");
  const tabs = filterTabs((chosen) => { filter = chosen; draw(); });
  const leaving = deletions(id, results, () => tiles.draw(), abort.signal);
  const tiles = grid({
    label: "Images of this job", tileHeight: 240,
    make: () => tile((position, name) => leaving.remove(shown[position], name)),
    itemAt,
  });
  const nothing = h("p", { class: "quiet", hidden: true }, "None here.");
  const created = h("p", { class: "quiet" });
  const copying = copyBar(readAll, `imgup-${id.slice(0, 8)}`);
  let filter = "all";
  let shown = [];
  let frame = 0;
  let forecast = null;
  let late = 0; // timer
  let announced = 0;
  let said = ""; // a screen reader would read the same again
  let live = true;
  let failure = null; // message of a failed request
  let isGone = false; // the service has forgotten the job, or lost it in a restart

  const element = h("div", {},
    h("div", { class: "head" }, h("h1", {}, "Job ", h("code", {}, id.slice(0, 8))), pill),
    created, relation, album.element, bar, figures, outlook,
    h("div", { class: "row tools" }, cancel, retry, copying),
    tabs.element, nothing, tiles.element);

  function itemAt(position) {
    const index = shown[position];
    const entry = results.entries[index] ?? UNREAD;
    if (entry.deleted === "pending") leaving.watch(index);
    return entry;
  }

  async function run() {
    try {
      await follow(id, results, update, abort.signal);
    } catch (error) {
      if (abort.signal.aborted) return;
      failure = error.message;
      isGone = true;
      if (results.job) draw();
      else setText(figures, failure);
      bar.hidden = true;
    }
  }

  function update(change) {
    if (change.forecast !== undefined) {
      // From the counts of the same event: later ones do not match.
      forecast = change.forecast && { ...change.forecast, others: change.forecast.ahead - results.job.counts.pending };
      clearTimeout(late);
      const left = new Date(forecast?.expectedFinish ?? NaN) - Date.now();
      // One that was over when it came is of another clock.
      if (left > 0 && left < 2 ** 31 - LATE_MS) late = setTimeout(() => { forecast.isLate = true; draw(); }, left + LATE_MS);
    }
    if (change.live !== undefined) {
      live = change.live;
      failure = change.error ?? null;
      if (failure && !results.job) setText(figures, failure);
    }
    if (document.hidden) draw(); // for the title; a hidden page has no animation frames
    else frame ||= requestAnimationFrame(draw);
  }

  function draw() {
    frame = 0;
    const { job } = results;
    if (!job || abort.signal.aborted) return; // a response may come when another view is shown
    const { counts } = job;
    const ended = counts.complete + counts.failed;
    const isOpen = job.status !== "complete" && !isGone;
    const state = isGone ? { kind: "failed", text: "Gone" } : stateOf(job);
    pill.className = `pill ${state.kind}`;
    setText(pill, state.text);
    progress.show(counts);
    bar.setAttribute("aria-valuenow", Math.floor((100 * ended) / counts.total));
    bar.setAttribute("aria-valuetext", `${count(ended)} of ${count(counts.total)}`);
    const troubled = counts.failed ? ` · ${count(counts.failed)} failed` : "";
    const sum = `${count(counts.complete)} of ${count(counts.total)} uploaded${troubled}`;
    setText(figures, sum);
    setText(created, `Sent ${moment(job.created).replace("Today", "today")}`);
    relate(job);
    album.show(job);
    setText(outlook, failure ?? outlookOf(job, forecast, live));
    cancel.hidden = !isOpen || Boolean(job.cancelled);
    retry.hidden = isGone || job.status !== "complete" || counts.failed === 0 || Boolean(job.retriedAs);
    tabs.show(counts);
    shown = results.indexes(filter);
    nothing.hidden = shown.length > 0;
    tiles.setLength(shown.length);
    document.title = `${isOpen ? `${Math.floor((100 * ended) / counts.total)} %` : state.text} · imgup`;
    const now = Date.now();
    if (isOpen ? now - announced > ANNOUNCE_MS : announced !== Infinity) {
      announced = isOpen ? now : Infinity;
      if (said !== `${state.text}: ${sum}`) announce(said = `${state.text}: ${sum}`);
    }
  }

  function relate(job) {
    const parts = [];
    if (job.retryOf) parts.push("Sends again what failed of ", jobLink(job.retryOf), ". ");
    if (job.retriedAs) parts.push("What failed was sent again as ", jobLink(job.retriedAs), ".");
    relation.hidden = parts.length === 0;
    if (relation.childNodes.length !== parts.length) relation.replaceChildren(...parts);
  }

  async function stopJob() {
    const { cancelled } = await json(jobPath(id), { method: "DELETE" });
    toast(`Cancelled: ${many(cancelled, "image")} not begun. What is in work still ends.`);
    results.setJob({ cancelled: true });
    draw();
  }

  async function sendAgain() {
    const { jobId } = await json(`${jobPath(id)}/retry`, { method: "POST" });
    if (!abort.signal.aborted) location.hash = `#/job/${jobId}`;
  }

  async function readAll() {
    await results.reading;
    const entries = results.entries.filter(Boolean);
    const { total, pending } = results.job?.counts ?? { total: 0, pending: 0 };
    // Of a page that was hidden the counts may be newer than the entries.
    if (entries.length < total || entries.filter(({ state }) => state === "pending").length > pending) {
      throw new Error(isGone ? failure : "The images are still being read; try again in a moment.");
    }
    return entries.map(asTaken);
  }

  return {
    element,
    title: "Job",
    start: () => { tiles.start(); run(); },
    stop: () => { abort.abort(); clearTimeout(late); cancelAnimationFrame(frame); tiles.stop(); },
  };
}

function jobLink(id) {
  return h("a", { href: `#/job/${id}` }, `job ${id.slice(0, 8)}`);
}

function outlookOf(job, forecast, live) {
  if (job.status === "complete") return `Took ${span((new Date(job.finished) - new Date(job.created)) / 1000)}.`;
  if (forecast?.blocked) return "Waits until Imgur takes images again; nothing is lost.";
  const parts = [];
  if (forecast?.pauseSeconds > 0) parts.push(`Imgur asks to wait: uploads go on in ${span(forecast.pauseSeconds)}`);
  else if (job.waiting) parts.push(job.waiting.message.replace(/\.$/, ""));
  if (forecast?.isLate) parts.push("it takes longer than expected");
  else if (forecast?.expectedFinish) parts.push(`${until(forecast.expectedFinish)} to go${paceOf(forecast)}`.replace(/^\d/, "about $&"));
  if (forecast?.ratePerSecond && !forecast.isLate) parts.push(`${forecast.ratePerSecond.toFixed(1)} images a second`);
  if (forecast?.others > 0) parts.push(`${many(forecast.others, "image")} of other jobs ahead`);
  if (!live) parts.push("asking every few seconds");
  const text = parts.join(" · ");
  return text ? text[0].toUpperCase() + text.slice(1) : "";
}

/** As in "about 3 days to go: 1,250 a day". */
const paceOf = ({ budget }) => (budget ? `: ${count(budget.uploads)} ${budget.per === "day" ? "a day" : "an hour"}` : "");

function filterTabs(choose) {
  const buttons = Object.fromEntries(FILTERS.map((name) => [
    name,
    h("button", { type: "button", "aria-pressed": String(name === "all"), onclick: () => select(name) }, LABELS[name]),
  ]));
  function select(chosen) {
    for (const [name, button] of Object.entries(buttons)) button.setAttribute("aria-pressed", String(name === chosen));
    choose(chosen);
  }
  return {
    element: h("div", { class: "tabs", role: "group", "aria-label": "Show" }, ...Object.values(buttons)),
    show(counts) {
      for (const name of FILTERS) {
        setText(buttons[name], `${LABELS[name]} ${count(name === "all" ? counts.total : counts[name])}`);
      }
    },
  };
}

/**
 * A line about the album of the job with this id; hidden without an album.
 *
 * Its deletion is polled, as the job's events have ended by then: `changed` is called after a change of `results`.
 */
function albumLine(id, results, changed, signal) {
  const link = h("a", { class: "long", target: "_blank", rel: "noreferrer noopener" });
  const about = h("span", {});
  const remove = h("button", { type: "button", class: "small plain", onclick: () => attempt(remove, takeAway) }, "Delete album");
  const element = h("p", { class: "quiet row", hidden: true }, link, about, remove);
  let timer = 0;

  async function takeAway() {
    const text = "The album is deleted at Imgur. Its images stay, each with its own link. This is final.";
    if (!await confirmDeletion("Delete this album?", text)) return;
    await json(`${jobPath(id)}/album`, { method: "DELETE" });
    results.setJob({ album: { ...results.job.album, deleted: "pending" } });
    changed();
  }

  async function poll() {
    try {
      results.setJob(await json(`${jobPath(id)}?limit=1`, { signal }));
    } catch (error) {
      if (signal.aborted || error.status === 404) return;
    }
    timer = 0;
    changed();
  }

  return {
    element,
    show({ album, status }) {
      if (!album) return;
      const isGone = ["pending", "done"].includes(album.deleted);
      element.hidden = false;
      if (album.link) link.href = album.link;
      setText(link, album.link && !isGone ? `Album ${album.link}` : "");
      setText(about, ALBUM_DELETIONS[album.deleted] ?? album.deletionMessage ?? album.message ?? ALBUM_SENTENCES[album.state] ?? "");
      remove.hidden = !album.link || isGone || status !== "complete";
      if (album.deleted === "pending") timer ||= setTimeout(poll, ALBUM_POLL_MS);
    },
  };
}
