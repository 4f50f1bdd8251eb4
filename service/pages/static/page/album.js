// The album of a job: its link, and its deletion.

import { json, jobPath } from "./api.js";
import { confirmDeletion } from "./dialogs.js";
import { attempt, h, setText } from "./dom.js";

const SENTENCES = {
  pending: "The album is about to be created; uploads begin then.",
  failed: "The album could not be created.",
};

/** A line about the album of the job with this id; hidden without an album. */
export function albumLine(id) {
  const link = h("a", { target: "_blank", rel: "noreferrer noopener" });
  const about = h("span", {});
  const remove = h("button", { type: "button", class: "small plain", onclick: () => attempt(remove, takeAway) }, "Delete album");
  const element = h("p", { class: "quiet row", hidden: true }, link, about, remove);
  let isDeleting = false; // by this page: the job's events end before the deletion is done

  async function takeAway() {
    const text = "The album is deleted at Imgur. Its images stay, each with its own link. This is final.";
    if (!await confirmDeletion("Delete this album?", text)) return;
    await json(`${jobPath(id)}/album`, { method: "DELETE" });
    isDeleting = true;
    remove.hidden = true;
    setText(about, " Deleting …");
  }

  return {
    element,
    show({ album, status }) {
      if (!album || isDeleting) return;
      const isGone = ["pending", "done"].includes(album.deleted);
      element.hidden = false;
      if (album.link) link.href = album.link;
      setText(link, album.link && !isGone ? `Album ${album.link}` : "");
      setText(about, isGone ? "The album is deleted." : album.message ?? SENTENCES[album.state] ?? "");
      remove.hidden = !album.link || isGone || status !== "complete";
    },
  };
}
