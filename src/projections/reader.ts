/** What the edges need of the projections as a running thing. The host behind it may be this thread or another. */
import type { Views } from "./views.ts";

export interface ViewsHost {
  readonly views: Views;
  /** Resolves when everything up to a position has been applied. @throws ViewsBehindError after `timeoutMs`. */
  caughtUp(position: number, timeoutMs?: number): Promise<void>;
  /** Says that events were appended; cheap, called after every append. */
  wake(position: number): void;
  /** How far the projections are, and why they stopped if they did. */
  status(): { position: number; building: boolean; failure?: string };
  close(): Promise<void>;
}

/** The projections did not reach a position in time. What was asked for may be read again shortly. */
export class ViewsBehindError extends Error {
  readonly position: number;
  readonly wanted: number;
  constructor(position: number, wanted: number) {
    super(`the views are at position ${position} and have not reached ${wanted} yet`);
    this.name = "ViewsBehindError";
    this.position = position;
    this.wanted = wanted;
  }
}
