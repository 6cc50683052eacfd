/** Keeps the screen of a wall on, where the browser can (Screen Wake Lock API); a lock ends when the page is hidden. */
export function keepAwake(): () => void {
  if (!('wakeLock' in navigator)) return () => undefined;
  let lock: WakeLockSentinel | null = null;
  let isOver = false;
  const take = async () => {
    if (document.hidden || isOver) return;
    try {
      lock = await navigator.wakeLock.request('screen');
      if (isOver) await lock.release();
    } catch (error) {
      if (!(error instanceof DOMException)) throw error; // refused, as on low battery: the wall shows all the same
    }
  };
  document.addEventListener('visibilitychange', take);
  void take();
  return () => {
    isOver = true;
    document.removeEventListener('visibilitychange', take);
    void lock?.release();
  };
}
