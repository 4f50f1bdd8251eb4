// The options of a job: the folded part of the form.

import { h, setText } from "./dom.js";

const BRACES = "{number}, {count}, {name} and {host} stand for the image's own.";

/** `changed` is called after every change. */
export function optionFields(changed) {
  const priority = h("select", { id: "option-priority" },
    ...["low", "normal", "high"].map((name) => h("option", { value: name, selected: name === "normal" }, name)));
  const fields = {
    priority: field("Priority", priority, "Jobs of a higher one have more turns; none waits for ever."),
    album: field("Album", input("album", { maxlength: 64 }), "Id of an Imgur album that the images go to."),
    newAlbum: field("New album", input("newAlbum", { maxlength: 255 }),
      "Title of an album that is created for the images, in their order; in place of the id above."),
    title: field("Title", input("title", { maxlength: 255 }), `Shown with each image. ${BRACES}`),
    description: field("Description",
      h("textarea", { id: "option-description", rows: "2", maxlength: "2000" }), "The same, in more than one line if you like."),
    callbackUrl: field("Callback URL", input("callbackUrl", { type: "url", maxlength: 2048 }),
      "Told by a webhook when the job is complete."),
    resolvePages: field("Links to pages",
      h("select", { id: "option-resolvePages" },
        ...[["", "as the service is set"], ["true", "take the image that the page names"], ["false", "do not follow"]]
          .map(([value, text]) => h("option", { value }, text))),
      "A page is asked for its image (og:image); share links of Google Drive, Dropbox and others become direct ones."),
    convert: field("Conversion", h("select", { id: "option-convert" },
      h("option", { value: "" }, "Convert what Imgur refuses"), h("option", { value: "false" }, "Fail what Imgur refuses")),
      "WebP, AVIF and HEIC become JPEG, PNG or GIF, and what is too large becomes smaller."),
  };
  const summary = h("summary", {}, "Options");
  const element = h("details", { class: "options", oninput: () => { show(); changed(); } },
    summary, h("div", { class: "fields" }, ...Object.values(fields).map(({ element }) => element)));

  /** Return the options that differ from the defaults. */
  function read() {
    const given = Object.entries(fields).map(([name, { control }]) => [name, control.value.trim()]);
    const { newAlbum, ...options } = Object.fromEntries(given
      .filter(([name, value]) => value && !(name === "priority" && value === "normal"))
      .map(([name, value]) => [name, ["resolvePages", "convert"].includes(name) ? value === "true" : value]));
    return newAlbum ? { ...options, album: { title: newAlbum } } : options;
  }

  function show() {
    const number = Object.keys(read()).length;
    setText(summary, number ? `Options · ${number} set` : "Options");
    for (const one of Object.values(fields)) one.complain("");
  }

  /** Show errors `{ pointer, detail }` at their fields. Returns whether there were any. */
  function refuse(errors) {
    const refused = errors.filter(({ pointer }) => fields[nameOf(pointer)]);
    for (const { pointer, detail } of refused) fields[nameOf(pointer)].complain(detail);
    if (!refused.length) return false;
    element.open = true;
    fields[nameOf(refused[0].pointer)].control.focus();
    return true;
  }

  return { element, read, refuse };
}

const nameOf = (pointer) => (pointer?.startsWith("#/album/") ? "newAlbum" : /^#\/(\w+)/.exec(pointer ?? "")?.[1]);

const input = (name, attributes) =>
  h("input", { type: "text", id: `option-${name}`, autocomplete: "off", spellcheck: "false", ...attributes });

function field(label, control, help) {
  const about = h("p", { class: "quiet", id: `${control.id}-help` }, help);
  const complaint = h("p", { class: "bad", id: `${control.id}-complaint`, hidden: true });
  control.setAttribute("aria-describedby", `${about.id} ${complaint.id}`);
  return {
    control,
    element: h("div", {}, h("label", { for: control.id }, label), control, complaint, about),
    complain(text) {
      setText(complaint, text);
      complaint.hidden = !text;
      if (text) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    },
  };
}
