/** Waiting that can be broken off. */

/** Wait. Raises the signal's reason, an AbortError, once it says so. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done, fail) => {
    signal.throwIfAborted();
    const end = () => {
      clearTimeout(timer);
      fail(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', end);
      done();
    }, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
