"""What a person does again and again on the page, as steps of tests."""

import json

from tests.browser.devtools import Tab

TILES = "document.querySelectorAll('.tile[data-state={}]').length"


def complete(tab: Tab, state: str = "Complete") -> None:
    tab.wait_text(state, ".pill")


def send(tab: Tab, urls: list[str]) -> str:
    """Paste, send, wait for the job's view; its id."""
    tab.paste("\n".join(urls))
    tab.click("Upload ", "button.primary")
    return tab.wait("location.hash.startsWith('#/job/') && location.hash.slice(6)")


def set_option(tab: Tab, name: str, value: str) -> None:
    tab.run(
        f"(() => {{ const control = document.getElementById('option-{name}');"
        f" control.value = {json.dumps(value)};"
        " control.dispatchEvent(new Event('input', { bubbles: true })); })()"
    )


def listen_to_clipboard(tab: Tab) -> None:
    tab.run(
        "window.copied = []; Object.defineProperty(navigator, 'clipboard', { value:"
        " { writeText: async (text) => { window.copied.push(text); } } }); 1"
    )


def choose(tab: Tab, label: str) -> None:
    tab.run(
        "(() => { const choice = document.querySelector('.copy select');"
        f" const option = [...choice.options].find((o) => o.text === {json.dumps(label)});"
        " choice.value = option.value; })()"
    )


HAND_OVER = """(() => {
  const data = new DataTransfer();
  for (const [type, text] of Object.entries(TEXTS)) data.setData(type, text);
  for (const [name, type, text] of FILES) data.items.add(new File([text], name, { type }));
  const init = { dataTransfer: data, clipboardData: data, bubbles: true, cancelable: true };
  document.getElementById("links").dispatchEvent(new KIND(NAME, init));
})()"""


def hand_over(tab: Tab, kind: str, texts: dict[str, str], *files: tuple[str, str, str]) -> None:
    """Drop or paste something."""
    name = '"drop"' if kind == "DragEvent" else '"paste"'
    script = HAND_OVER.replace("TEXTS", json.dumps(texts)).replace("FILES", json.dumps(files))
    tab.run(script.replace("KIND", kind).replace("NAME", name))
