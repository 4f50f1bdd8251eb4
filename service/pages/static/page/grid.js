// A grid of any length; only visible tiles exist as elements.

const MIN_WIDTH = 168; // of a tile, in CSS pixels, as all lengths here
const GAP = 14;
const OVERSCAN_ROWS = 1; // more rows cost time in every frame of a fast scroll

/**
 * Args:
 *   label: of the list, for screen readers.
 *   tileHeight: in CSS pixels.
 *   make: () → `{ element, show(item) }`, a tile that can be shown again for another item.
 *   itemAt: position → item.
 *   nearEnd: called when the last row is nearly visible; optional.
 */
export function grid({ label, tileHeight, make, itemAt, nearEnd }) {
  const element = document.createElement("ul");
  element.className = "grid";
  element.setAttribute("aria-label", label);
  element.style.setProperty("--tile-height", `${tileHeight}px`);
  let shown = new Map(); // position → tile, in the order of the elements
  let length = 0;
  let columns = 1;
  let tileWidth = 0;
  let active = 0; // the position in the Tab order
  let frame = 0;
  let laidOut = ""; // width and length of the current layout

  const rowHeight = tileHeight + GAP;
  const abort = new AbortController();
  const observer = new ResizeObserver(() => schedule());
  const schedule = () => { frame ||= requestAnimationFrame(draw); };

  function draw() {
    frame = 0;
    if (!element.isConnected) return;
    const isNew = measure();
    const { positions, last } = inSight();
    const free = [...shown].filter(([position]) => !positions.includes(position)).map(([, tile]) => tile);
    const before = shown;
    shown = new Map();
    let previous = null; // element of the tile before
    for (const position of positions) {
      // A tile that is no longer visible is used again: if all are new, none is moved in the document.
      const kept = before.get(position);
      const tile = kept ?? free.shift() ?? make();
      shown.set(position, tile);
      if (!kept || isNew) put(tile.element, position);
      const tabIndex = position === active ? 0 : -1;
      if (tile.element.tabIndex !== tabIndex) tile.element.tabIndex = tabIndex;
      tile.show(itemAt(position));
      // Elements are in the order of the list; a kept one is never moved, as it may have the focus.
      const next = previous === null ? element.firstElementChild : previous.nextElementSibling;
      if (!kept && next !== tile.element) element.insertBefore(tile.element, next);
      previous = tile.element;
    }
    for (const tile of free) tile.element.remove();
    if (nearEnd && last >= length) nearEnd();
  }

  /** Fit the columns to the width. Returns whether the layout or the length has changed. */
  function measure() {
    const width = element.clientWidth;
    const layout = `${width} ${length}`;
    if (layout === laidOut) return false;
    laidOut = layout;
    columns = Math.max(1, Math.floor((width + GAP) / (MIN_WIDTH + GAP)));
    tileWidth = (width - GAP * (columns - 1)) / columns;
    element.style.setProperty("--tile-width", `${tileWidth}px`);
    element.style.height = `${Math.max(0, Math.ceil(length / columns) * rowHeight - GAP)}px`;
    return true;
  }

  /** The positions of all tiles that must exist, in order, and the one after the last visible tile. */
  function inSight() {
    const above = -element.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(above / rowHeight) - OVERSCAN_ROWS) * columns;
    const last = Math.min(length, (Math.ceil((above + innerHeight) / rowHeight) + OVERSCAN_ROWS) * columns);
    active = Math.max(0, Math.min(active, length - 1));
    const positions = [];
    for (let position = first; position < last; position += 1) positions.push(position);
    // The active tile keeps the focus while scrolling.
    if (length && active < first) positions.unshift(active);
    if (length && active >= Math.max(first, last)) positions.push(active);
    return { positions, last };
  }

  function put(tile, position) {
    const across = (position % columns) * (tileWidth + GAP);
    tile.style.transform = `translate(${across}px, ${Math.floor(position / columns) * rowHeight}px)`;
    tile.setAttribute("aria-posinset", position + 1);
    tile.setAttribute("aria-setsize", length);
    tile.dataset.position = position;
  }

  const page = () => columns * Math.max(1, Math.floor(innerHeight / rowHeight) - 1);
  const steps = {
    ArrowRight: () => 1, ArrowLeft: () => -1, ArrowDown: () => columns, ArrowUp: () => -columns,
    Home: () => -length, End: () => length, PageDown: page, PageUp: () => -page(),
  };

  element.addEventListener("keydown", (event) => {
    const step = steps[event.key]?.();
    if (step === undefined || event.target.parentElement !== element) return;
    event.preventDefault();
    const from = Number(event.target.dataset.position);
    active = Math.max(0, Math.min(length - 1, from + step));
    reveal(active);
    draw();
    shown.get(active)?.element.focus({ preventScroll: true });
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
    const head = document.querySelector(".top").offsetHeight + GAP; // the sticky header
    if (top < head) scrollBy(0, top - head);
    else if (top + tileHeight > innerHeight) scrollBy(0, top + tileHeight - innerHeight + GAP);
  }

  return {
    element,
    draw,
    setLength(number) { length = number; schedule(); },
    start() {
      addEventListener("scroll", schedule, { passive: true, signal: abort.signal });
      addEventListener("resize", schedule, { signal: abort.signal });
      observer.observe(element);
      schedule();
    },
    stop() {
      abort.abort();
      observer.disconnect();
      cancelAnimationFrame(frame);
    },
  };
}
