/**
 * Starts what then lives until `lifetime` ends. If starting fails, or `giveUp` comes first, nothing of it is left running:
 * it can be tried again.
 * @throws what `start` throws, which has to end soon after its signal is aborted
 */
export async function attempt(lifetime: AbortSignal, giveUp: AbortSignal, start: (lifetime: AbortSignal) => Promise<void>): Promise<void> {
  const own = new AbortController();
  const end = (): void => own.abort(lifetime.reason);
  const stop = (): void => own.abort(giveUp.reason);
  lifetime.throwIfAborted();
  giveUp.throwIfAborted();
  lifetime.addEventListener('abort', end, { once: true });
  giveUp.addEventListener('abort', stop, { once: true });
  try {
    await start(own.signal);
  } catch (error) {
    lifetime.removeEventListener('abort', end);
    own.abort(error);
    throw error;
  } finally {
    giveUp.removeEventListener('abort', stop);
  }
}
