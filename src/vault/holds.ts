/** Which backups this process is reading, so that it does not remove them under a reader. */
export class Holds {
  readonly #counts = new Map<string, number>();

  /** @returns a function that lets go; calling it again does nothing */
  take(filename: string): () => void {
    this.#counts.set(filename, this.#count(filename) + 1);
    let released = false;
    return () => {
      if (!released) this.#release(filename);
      released = true;
    };
  }

  has(filename: string): boolean {
    return this.#count(filename) > 0;
  }

  #count(filename: string): number {
    return this.#counts.get(filename) ?? 0;
  }

  #release(filename: string): void {
    const left = this.#count(filename) - 1;
    if (left > 0) this.#counts.set(filename, left);
    else this.#counts.delete(filename);
  }
}
