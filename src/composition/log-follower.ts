/** In a thread of its own: keeping derived rows up with the log, at a pace that leaves writers theirs. */
import { setImmediate as turn } from "node:timers/promises";
import type { MessagePort } from "node:worker_threads";
import type { Log } from "../event-store/log.ts";
import { messageOf } from "./error-message.ts";

/** To the thread: the log has grown, or somebody waits for a position, or the end. */
export type ToFollower = { type: "wake" } | { type: "wanted" } | { type: "close" };
/** From the thread. `building` until there is something to read. */
export type FromFollower =
  | { type: "building"; position: number; head: number }
  | { type: "ready"; path: string; position: number }
  | { type: "position"; position: number }
  | { type: "failed"; message: string }
  | { type: "closed" };

export type Pace = {
  /** Each second of work is followed by so many of rest, while nobody waits. */
  restPerWork: number;
  restMsMin: number;
  restMsMax: number;
  /** A backlog beyond this is worked off without rest: a read that comes next would have to wait for all of it. */
  backlogCountMax: number;
  /** Looks at the log by itself so often; absent where it is woken. */
  lookMs?: number;
};

/** What is kept up. */
export type Kept = {
  path: string;
  position(): number;
  /** Carries it on by a step. @param pause to be awaited now and then in a long one. */
  advance(pause: () => Promise<void>): Promise<void> | void;
  close(): void;
};

/** Thrown by a pause once the thread is to end. */
class ClosingError extends Error {}

export class LogFollower {
  readonly #port: MessagePort;
  readonly #pace: Pace;
  #isClosing = false;
  #isWanted = false;
  #wakeUp: () => void = () => undefined;
  #workingSince = performance.now();

  constructor(port: MessagePort, pace: Pace) {
    this.#port = port;
    this.#pace = pace;
    port.on("message", ({ type }: ToFollower) => {
      if (type === "close") this.#isClosing = true;
      if (type === "wanted") this.#isWanted = true;
      this.#wakeUp();
    });
  }

  /** @param open makes ready what is kept up, which may take long. */
  async run(log: Log & { close(): void }, open: () => Promise<Kept>): Promise<void> {
    try {
      const kept = await open();
      this.#post({ type: "ready", path: kept.path, position: kept.position() });
      while (!this.#isClosing) await this.#step(log, kept);
      kept.close();
    } catch (error) {
      if (!(error instanceof ClosingError)) this.#post({ type: "failed", message: messageOf(error) });
    }
    log.close();
    this.#post({ type: "closed" });
    this.#port.close();
  }

  async #step(log: Log, kept: Kept): Promise<void> {
    if (kept.position() >= log.head()) {
      this.#isWanted = false;
      // Said again although it is known: the main thread may have called for what had just been applied.
      this.#post({ type: "position", position: kept.position() });
      await this.#woken();
      this.#workingSince = performance.now();
      return;
    }
    try {
      await kept.advance(() => this.pause());
    } catch (error) {
      if (error instanceof ClosingError) return;
      throw error;
    }
    this.#post({ type: "position", position: kept.position() });
    const isPressed = log.head() - kept.position() > this.#pace.backlogCountMax;
    if (isPressed) await turn();
    else await this.pause().catch(() => undefined);
  }

  /** Says how far a build is. */
  async building(progress: { position: number; head: number }, rest: boolean): Promise<void> {
    this.#post({ type: "building", ...progress });
    if (rest) return this.pause();
    await turn();
    this.#requireOpen();
  }

  /** Gives way: for a moment where somebody waits, else for as long as the pace asks. */
  async pause(): Promise<void> {
    await (this.#isWanted ? turn() : this.#rest(performance.now() - this.#workingSince));
    this.#workingSince = performance.now();
    this.#requireOpen();
  }

  #requireOpen(): void {
    if (this.#isClosing) throw new ClosingError("the thread is to end");
  }

  #post(message: FromFollower): void {
    this.#port.postMessage(message);
  }

  readonly #woken = () =>
    new Promise<void>((resolve) => {
      const { lookMs } = this.#pace;
      const timer = lookMs === undefined ? undefined : setTimeout(resolve, lookMs);
      this.#wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  #rest(workedMs: number): Promise<void> {
    const { restPerWork, restMsMin, restMsMax } = this.#pace;
    return new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(Math.max(workedMs * restPerWork, restMsMin), restMsMax));
      this.#wakeUp = () => {
        if (!this.#isWanted && !this.#isClosing) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
