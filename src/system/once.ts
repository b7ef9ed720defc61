/** Runs the work at first use, and again only after it failed or what it made is gone. */
export function once(work: () => Promise<void>, isThere: () => boolean): () => Promise<void> {
  let done: Promise<void> | undefined;
  let finished = false;
  return () => {
    if (finished && !isThere()) {
      done = undefined;
      finished = false;
    }
    done ??= work()
      .then(() => {
        finished = true;
      })
      .catch((error: unknown) => {
        done = undefined;
        throw error;
      });
    return done;
  };
}
