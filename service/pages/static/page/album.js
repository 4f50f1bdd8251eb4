// The album that a job asked for: where it is, and its deletion.

import { json, jobPath } from "./api.js";
import { confirmed } from "./confirm.js";
import { attempt, h, setText } from "./dom.js";

const SENTENCES = {
  pending: "The album is about to be created; uploads begin then.",
  failed: "The album could not be created.",
};

/** A line about the album of the job with this id; hidden where there is none. */
export function albumLine(id) {
  const link = h("a", { target: "_blank", rel: "noreferrer noopener" });
  const about = h("span", {});
  const remove = h("button", { type: "button", class: "small plain", onclick: () => attempt(remove, takeAway) }, "Delete album");
  const element = h("p", { class: "quiet row", hidden: true }, link, about, remove);
  let wanted = false; // its deletion, here: the job's events end before it is done

  async function takeAway() {
    const sure = await confirmed({
      title: "Delete this album?",
      text: "The album is deleted at Imgur. Its images stay, each with its own link. This is final.",
      yes: "Delete for ever",
      no: "Keep it",
    });
    if (!sure) return;
    await json(`${jobPath(id)}/album`, { method: "DELETE" });
    wanted = true;
    remove.hidden = true;
    setText(about, " Deleting …");
  }

  return {
    element,
    show({ album, status }) {
      if (!album || wanted) return;
      const isGone = ["pending", "done"].includes(album.deleted);
      element.hidden = false;
      if (album.link) link.href = album.link;
      setText(link, album.link && !isGone ? `Album ${album.link}` : "");
      setText(about, isGone ? "The album is deleted." : album.message ?? SENTENCES[album.state] ?? "");
      remove.hidden = !album.link || isGone || status !== "complete";
    },
  };
}
