// Long work in slices of a few milliseconds; the browser renders and handles keys in between.

const BUDGET_MS = 8;

export class Slices {
  constructor() {
    this.until = performance.now() + BUDGET_MS;
  }

  /** Whether it is time to `await rest()`; never in a hidden page, whose timers are slow. */
  get isOver() {
    return !document.hidden && performance.now() >= this.until;
  }

  async rest() {
    await new Promise((resolve) => { setTimeout(resolve); });
    this.until = performance.now() + BUDGET_MS;
  }
}
