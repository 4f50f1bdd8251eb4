// Something asked again and again, while somebody looks.

/**
 * Args:
 *   act: asks and shows; may raise.
 *   everyMs: between two times; longer where a refusal says so (`retryAfter`, in seconds).
 *   failed: told of what `act` raised.
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
