// Polling while the page is visible.

/**
 * Args:
 *   act: requests and shows; may throw.
 *   everyMs: interval; longer after an error with `retryAfter`, in seconds.
 *   failed: called with an error of `act`.
 */
export function repeat(act, everyMs, failed = () => {}) {
  let timer = 0;
  let stopped = true;

  async function run() {
    let wait = everyMs;
    try {
      await act();
    } catch (error) {
      wait = Math.max(wait, 1_000 * (error.retryAfter ?? 0));
      if (!stopped) failed(error);
    }
    if (!stopped) timer = setTimeout(next, wait);
  }

  function next() {
    if (document.hidden) document.addEventListener("visibilitychange", next, { once: true });
    else if (!stopped) run();
  }

  return {
    start() { stopped = false; run(); },
    stop() { stopped = true; clearTimeout(timer); document.removeEventListener("visibilitychange", next); },
  };
}
