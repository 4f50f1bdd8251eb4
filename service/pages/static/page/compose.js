// The first view: links in, checked before anything is sent.

import { Refusal, newIdempotencyKey, postJob } from "./api.js";
import { announce, attempt, h, setText, toast } from "./dom.js";
import { takeDrops, textOfFiles, textOfPaste } from "./intake.js";
import { jobList } from "./jobs.js";
import { optionFields } from "./options.js";
import { readLinks } from "./urls.js";
import { count, many } from "./words.js";

const LONG = 100_000; // characters, about a thousand links
const SHOWN = 50; // maximum number of listed entries that are set aside; the rest is counted
const DELAY_MS = 120; // from the last key until the text is read again
const NOTHING = { urls: [], duplicates: [], bad: [] };

const isLong = (text) => text.length > LONG;

/** `limits.maxUrls` may become known later; `sent` is called when the job is accepted. */
export function composeView(limits, sent) {
  const box = h("textarea", {
    id: "links", rows: "9", spellcheck: "false", autocapitalize: "off", "aria-describedby": "links-help links-sum",
    placeholder: "https://example.com/photo.jpg\nhttps://example.com/drawing.png",
    oninput: () => { clearTimeout(timer); timer = setTimeout(read, DELAY_MS); },
    onpaste: (event) => {
      const text = textOfPaste(event.clipboardData);
      if (!isLong(text) && text === event.clipboardData.getData("text/plain")) return; // the browser inserts it
      event.preventDefault();
      add(text);
    },
    onkeydown: (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    },
  });
  const file = h("input", {
    type: "file", id: "file", hidden: true, accept: ".txt,.csv,.tsv,.json,.html,.md,text/*", multiple: true,
    onchange: () => { add(textOfFiles(file.files)); file.value = ""; },
  });
  const sum = h("p", { id: "links-sum", class: "sum", "aria-live": "polite" });
  const unusable = setAside("Cannot be used", true);
  const repeated = setAside("Duplicates", false);
  const send = h("button", { class: "primary big", disabled: true }, "Upload");
  const clear = h("button", { type: "button", class: "plain", onclick: empty }, "Clear");
  const zone = h("div", { class: "zone" }, box, h("p", { class: "drop", "aria-hidden": "true" }, "Drop it here"));
  const lists = longLists(() => { read(); box.focus(); });
  const options = optionFields(renewKey);
  const form = h("form", { class: "compose", novalidate: true, onsubmit: submit },
    h("label", { for: "links" }, "Image links"),
    h("p", { class: "quiet", id: "links-help" },
      "One a line, or text, Markdown, HTML or JSON with links in it. Drop a list, a link or an image of a web page anywhere."),
    zone, lists.element, sum, h("div", { class: "aside" }, unusable.element, repeated.element), options.element,
    h("div", { class: "row" },
      send,
      h("button", { type: "button", onclick: () => file.click() }, "Choose a file …"), file,
      clear));
  const recent = jobList({ limit: 5 });
  const element = h("div", {},
    h("h1", {}, "Images from links to Imgur"),
    form,
    h("section", { "aria-labelledby": "recent" }, h("h2", { id: "recent" }, "Recent jobs"), recent.element));

  let known = ""; // the text of the box at the last reading
  let links = NOTHING;
  let reading = Promise.resolve();
  let timer = 0;
  let attemptKey = newIdempotencyKey(); // kept until a response arrives: after a lost response, no second job is made
  let stopDrops = null;

  function renewKey() { attemptKey = newIdempotencyKey(); }

  async function add(text) {
    try {
      const more = (await text).trim();
      if (!more) return;
      if (form.inert) throw new Error("The job is being sent: add more links afterwards.");
      if (isLong(more)) lists.add(more);
      else box.value = box.value.trim() ? `${box.value.trim()}\n${more}` : more;
      read();
      box.focus();
    } catch (error) {
      toast(error.message, "bad");
    }
  }

  function empty() {
    lists.clear();
    box.value = "";
    read();
    box.focus();
  }

  function read() {
    clearTimeout(timer);
    known = box.value;
    renewKey();
    if (lists.texts().length) setText(sum, "Reading the list …");
    const mine = (reading = readLinks([known, ...lists.texts()]).then((found) => {
      if (mine !== reading) return; // a later reading has begun
      links = found;
      show();
    }));
  }

  function show() {
    const { urls, duplicates, bad } = links;
    const tooMany = urls.length > limits.maxUrls;
    const parts = [many(urls.length, "image is ready", "images are ready")];
    if (duplicates.length) parts.push(`${many(duplicates.length, "duplicate")} set aside`);
    if (bad.length) parts.push(`${many(bad.length, "entry", "entries")} cannot be used`);
    if (tooMany) parts.push(`a job takes at most ${count(limits.maxUrls)}: send the rest as another one`);
    setText(sum, holdsAnything() ? parts.join(" · ") : "");
    unusable.show(bad.map(({ value, why }) => [value, why]));
    repeated.show(duplicates.map((value) => [value, "is there already"]));
    clear.hidden = !holdsAnything();
    send.disabled = urls.length === 0 || tooMany;
    setText(send, urls.length ? `Upload ${many(urls.length, "image")}` : "Upload");
  }

  const holdsAnything = () => Boolean(box.value.trim() || lists.texts().length);

  async function submit(event) {
    event.preventDefault();
    if (box.value !== known) read();
    await reading;
    if (send.disabled || !element.isConnected) return;
    const key = attemptKey;
    const focused = document.activeElement;
    form.inert = true; // what was changed meanwhile would be lost, or sent as another job
    setText(send, "Sending …");
    await attempt(send, async () => {
      try {
        const { jobId } = await postJob({ urls: links.urls, ...options.read() }, key)
          .finally(() => { form.inert = false; });
        announce("The job is sent.");
        sent();
        if (element.isConnected) location.hash = `#/job/${jobId}`;
        else toast("The job is sent.");
      } catch (error) {
        if (document.activeElement === document.body) focused.focus();
        if (!(error instanceof Refusal) || !refuse(error)) throw error;
      }
    });
    show();
  }

  /** Set refused links aside, and show errors at their options. Returns whether there was any of these. */
  function refuse({ code, errors, message }) {
    const atField = options.refuse(code === "webhooks-not-configured" ? [{ pointer: "#/callbackUrl", detail: message }] : errors);
    const refused = new Map(errors.filter(({ index }) => index !== undefined).map(({ index, detail }) => [index, detail]));
    if (refused.size) {
      // The service is stricter than the page; the rest can be sent.
      const bad = links.urls.flatMap((value, index) => (refused.has(index) ? [{ value, why: refused.get(index) }] : []));
      links = { ...links, urls: links.urls.filter((value, index) => !refused.has(index)), bad: [...links.bad, ...bad] };
      renewKey();
      toast(`${many(refused.size, "link is", "links are")} refused by the service and set aside.`, "bad");
    }
    return atField || refused.size > 0;
  }

  show();
  return {
    element,
    title: "Upload",
    add: async (urls) => { await add(urls.join("\n")); await reading; send.focus(); },
    start() {
      stopDrops = takeDrops(zone, add);
      recent.start();
      if (matchMedia("(hover: hover)").matches) box.focus();
    },
    stop: () => { stopDrops(); recent.stop(); },
  };
}

/** Entries that are not sent, with the reason; stays open or closed while the list changes. */
function setAside(title, open) {
  const summary = h("summary");
  const list = h("ul");
  const element = h("details", { open, hidden: true }, summary, list);

  function show(rows) {
    const more = rows.length - SHOWN;
    element.hidden = rows.length === 0;
    setText(summary, `${title} (${count(rows.length)})`);
    list.replaceChildren(
      ...rows.slice(0, SHOWN).map(([value, why]) =>
        h("li", {},
          h("code", {}, value.length > 160 ? `${value.slice(0, 160)}…` : value), " ",
          h("span", { class: "quiet" }, why))),
      ...(more > 0 ? [h("li", { class: "quiet" }, `and ${count(more)} more`)] : []));
  }

  return { element, show };
}

/** Long lists, kept outside the text box: ten thousand lines in it would block the page. `changed` is called when one is removed. */
function longLists(changed) {
  const texts = new Map(); // row → text
  const element = h("ul", { class: "lists", "aria-label": "Long lists" });

  function add(text) {
    const name = `List of ${many(text.split("\n").length, "line")}`;
    const row = h("li", {},
      h("span", {}, name),
      h("button", { type: "button", class: "plain small", "aria-label": `Remove: ${name}`, onclick: () => remove(row) }, "Remove"));
    texts.set(row, text);
    element.append(row);
  }

  function remove(row) {
    texts.delete(row);
    row.remove();
    changed();
  }

  return {
    element,
    add,
    texts: () => [...texts.values()],
    clear() { texts.clear(); element.replaceChildren(); },
  };
}
