import type { TaskContext } from '../task.js';

interface Step {
  readonly totalPages: number;
  readonly remainingPages: number;
}

/** 16 MiB at the usual page size. */
const pagesPerStep = 4096;

/**
 * Decides, each time the backup API asks, how many pages to copy next. 0 holds the write lock without copying; while
 * it does, the work of securing goes on on the same event loop. The last page, which commits, waits until what was
 * there is secured. A throw rolls everything back.
 */
export class RestoreGate<Secured> {
  #state: 'locked' | 'copying what is there' | 'replacing' = 'locked';
  #secured: { readonly value: Secured } | undefined;
  #failure: { readonly error: unknown } | undefined;
  #securing: Promise<void> | undefined;
  readonly #secure: (onCopied: () => void) => Promise<Secured>;
  readonly #context: TaskContext;

  constructor(secure: (onCopied: () => void) => Promise<Secured>, context: TaskContext) {
    this.#secure = secure;
    this.#context = context;
  }

  secured(): Secured {
    if (this.#secured === undefined) throw new Error('The restore ended without its safety backup.');
    return this.#secured.value;
  }

  /** Resolves when the work of securing has ended, however it did: a copy of pages that fails does not end it. */
  async idle(): Promise<void> {
    await this.#securing;
  }

  next({ totalPages, remainingPages }: Step): number {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#state === 'locked') this.#begin();
    if (this.#state === 'copying what is there') return rest();
    if (remainingPages > 1) {
      this.#context.report({ phase: 'replacing', done: totalPages - remainingPages, total: totalPages, unit: 'pages' });
      return Math.min(pagesPerStep, remainingPages - 1);
    }
    if (this.#secured === undefined) return rest();
    // First: who is told of the last page and cancels then must come too late, not once in a while in time.
    this.#context.commit();
    this.#context.report({ phase: 'replacing', done: totalPages - remainingPages, total: totalPages, unit: 'pages' });
    return remainingPages;
  }

  #begin(): void {
    this.#state = 'copying what is there';
    const onCopied = (): void => {
      this.#state = 'replacing';
    };
    this.#securing = this.#secure(onCopied).then(
      (value) => {
        this.#secured = { value };
      },
      (error: unknown) => {
        this.#failure = { error };
      },
    );
  }
}

const nap = new Int32Array(new SharedArrayBuffer(4));

/** The backup API asks again at once; a short sleep keeps the wait from taking a whole core. */
function rest(): number {
  Atomics.wait(nap, 0, 0, 1);
  return 0;
}
