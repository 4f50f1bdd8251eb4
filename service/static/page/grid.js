// A grid of any length of which only what is seen exists.

const OVERSCAN_ROWS = 2;

/**
 * Args:
 *   label: of the list, for screen readers.
 *   tileHeight, minWidth, gap: in CSS pixels.
 *   make: () → `{ element, show(item) }`, a tile that can be shown again for another item.
 *   itemAt: position → item.
 *   nearEnd: called when the last row comes near; optional.
 */
export function grid({ label, tileHeight, minWidth, gap, make, itemAt, nearEnd }) {
  const element = document.createElement("ul");
  element.className = "grid";
  element.setAttribute("aria-label", label);
  const shown = new Map(); // position → tile
  const spare = [];
  let length = 0;
  let columns = 1;
  let active = 0; // the position that the Tab key comes to
  let frame = 0;

  const rowHeight = tileHeight + gap;
  const observer = new ResizeObserver(() => schedule());
  const schedule = () => { frame ||= requestAnimationFrame(draw); };

  function draw() {
    frame = 0;
    if (!element.isConnected) return;
    const width = element.clientWidth;
    columns = Math.max(1, Math.floor((width + gap) / (minWidth + gap)));
    const tileWidth = (width - gap * (columns - 1)) / columns;
    const rows = Math.ceil(length / columns);
    element.style.height = `${Math.max(0, rows * rowHeight - gap)}px`;
    const above = -element.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(above / rowHeight) - OVERSCAN_ROWS) * columns;
    const last = Math.min(length, (Math.ceil((above + innerHeight) / rowHeight) + OVERSCAN_ROWS) * columns);
    active = Math.min(active, Math.max(0, length - 1));
    const wanted = new Set([active]); // it keeps the focus, wherever one scrolls
    for (let position = first; position < last; position += 1) wanted.add(position);
    if (!length) wanted.clear();

    for (const [position, tile] of shown) {
      if (wanted.has(position)) continue;
      shown.delete(position);
      tile.element.remove();
      spare.push(tile);
    }
    let before = null;
    for (const position of [...wanted].sort((one, other) => one - other)) {
      const tile = shown.get(position) ?? spare.pop() ?? make();
      shown.set(position, tile);
      const { style } = tile.element;
      style.width = `${tileWidth}px`;
      style.height = `${tileHeight}px`;
      style.transform =
        `translate(${(position % columns) * (tileWidth + gap)}px, ${Math.floor(position / columns) * rowHeight}px)`;
      tile.element.tabIndex = position === active ? 0 : -1;
      tile.element.setAttribute("aria-posinset", position + 1);
      tile.element.setAttribute("aria-setsize", length);
      tile.element.dataset.position = position;
      tile.show(itemAt(position));
      // The order of reading is the order of the list.
      const place = before ? before.nextSibling : element.firstChild;
      if (place !== tile.element) element.insertBefore(tile.element, place);
      before = tile.element;
    }
    if (nearEnd && last >= length) nearEnd();
  }

  const steps = {
    ArrowRight: () => 1, ArrowLeft: () => -1, ArrowDown: () => columns, ArrowUp: () => -columns,
    Home: () => -length, End: () => length,
    PageDown: () => columns * Math.max(1, Math.floor(innerHeight / rowHeight) - 1),
    PageUp: () => -columns * Math.max(1, Math.floor(innerHeight / rowHeight) - 1),
  };

  element.addEventListener("keydown", (event) => {
    const step = steps[event.key]?.();
    if (step === undefined || event.target.parentElement !== element) return;
    event.preventDefault();
    const from = Number(event.target.dataset.position);
    const to = Math.max(0, Math.min(length - 1, from + step));
    active = to;
    reveal(to);
    draw();
    shown.get(to)?.element.focus({ preventScroll: true });
  });
  element.addEventListener("focusin", (event) => {
    const tile = event.target.closest("[data-position]");
    if (!tile) return;
    const position = Number(tile.dataset.position);
    if (position === active) return;
    active = position;
    schedule();
  });

  function reveal(position) {
    const top = element.getBoundingClientRect().top + Math.floor(position / columns) * rowHeight;
    const head = 72; // what sticks to the top of the window
    if (top < head) scrollBy(0, top - head - gap);
    else if (top + tileHeight > innerHeight) scrollBy(0, top + tileHeight - innerHeight + gap);
  }

  return {
    element,
    setLength(number) { length = number; schedule(); },
    redraw: schedule,
    start() {
      addEventListener("scroll", schedule, { passive: true });
      addEventListener("resize", schedule);
      observer.observe(element);
      schedule();
    },
    stop() {
      removeEventListener("scroll", schedule);
      removeEventListener("resize", schedule);
      observer.disconnect();
      cancelAnimationFrame(frame);
    },
  };
}
