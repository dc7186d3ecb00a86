/** Group commit: what is asked for while the event loop turns once costs one transaction, and one wait for the disk. */
import type { DatabaseSync } from "node:sqlite";

type Job = { run: () => void; settle: () => void; fail: (error: unknown) => void };

export class GroupedWrites {
  readonly #db: DatabaseSync;
  readonly #onRollback: () => void;
  #jobs: Job[] = [];

  constructor(db: DatabaseSync, onRollback: () => void) {
    this.#db = db;
    this.#onRollback = onRollback;
  }

  /**
   * Runs a job inside the next transaction and resolves with its result once that is on disk. Where one job throws, the
   * whole transaction is undone and every caller in it is told the same error; a refusal belongs into the result.
   */
  add<Result>(job: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      let result: Result;
      if (this.#jobs.push({ run: () => void (result = job()), settle: () => resolve(result), fail: reject }) === 1) {
        setImmediate(() => this.flush());
      }
    });
  }

  /** Commits what is waiting; throws nothing, the callers are told. */
  flush(): void {
    const jobs = this.#jobs;
    if (jobs.length === 0) return;
    this.#jobs = [];
    try {
      this.#db.exec("BEGIN IMMEDIATE");
      for (const { run } of jobs) run();
      this.#db.exec("COMMIT");
    } catch (error) {
      this.#rollBack();
      for (const { fail } of jobs) fail(error);
      return;
    }
    for (const { settle } of jobs) settle();
  }

  #rollBack(): void {
    this.#onRollback();
    try {
      if (this.#db.isOpen && this.#db.isTransaction) this.#db.exec("ROLLBACK");
    } catch {
      // The first error says what is wrong; a connection that can't even roll back refuses the next BEGIN.
    }
  }
}
