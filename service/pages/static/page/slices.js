// Long work in slices of a few milliseconds; in between, frames are made and keys are heard.

const BUDGET_MS = 8;

export class Slices {
  constructor() {
    this.until = performance.now() + BUDGET_MS;
  }

  /** Whether it is time to `await rest()`; never in a window that nobody sees, where timers are slow. */
  get isOver() {
    return !document.hidden && performance.now() >= this.until;
  }

  async rest() {
    await new Promise((resolve) => { setTimeout(resolve); });
    this.until = performance.now() + BUDGET_MS;
  }
}
