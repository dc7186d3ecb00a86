/**
 * Subscriptions to `$all`. The server reads pages until it has come to the end, says so, and then sends what is written.
 * Which checkpoints it sends on the way is its own business, and has surprises: they are those of the 24.6 server.
 */
import { randomUUID } from "node:crypto";
import type { ReadReq } from "@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/streams_pb.js";
import type { Fault } from "./faults.ts";
import { isBehind, type Log, type Place, placeOf, type Recorded } from "./log.ts";
import { caughtUpMessage, checkpointMessage, confirmationMessage, eventMessage, filterOf, serviceErrors } from "./messages.ts";
import type { Node } from "./node.ts";
import { overOf, type ReadCall, send } from "./sending.ts";

/** Events that the server takes from its log at a time; considered ones too, where the filter names no window. */
const pageCountMax = 32;
/** Before the first event. Sent as a checkpoint it is the largest number there is. */
const nowhere: Place = { commit: -1n, prepare: -1n };

/** Everything behind a place, then what comes: what stands at the place itself was seen before. */
export async function subscribe(node: Node, call: ReadCall, options: ReadReq.Options, fault: Fault | undefined): Promise<void> {
  const subscription = new Subscription(node.log, call, options, fault);
  await send(call, confirmationMessage(randomUUID()));
  if (!subscription.isAtEnd) await subscription.catchUp();
  await subscription.goLive();
}

class Subscription {
  readonly #log: Log;
  readonly #call: ReadCall;
  readonly #fits: (event: Recorded) => boolean;
  readonly #window: number;
  /** So many events are considered between two checkpoints; undefined without a filter, where there are none. */
  readonly #interval: number | undefined;
  readonly #fault: Fault | undefined;
  /** The last event or checkpoint that was sent, or what the client had before. */
  #reached: Place;
  #lastCheckpoint: bigint | undefined;
  /** Index of the next event to consider. */
  #next: number;
  #sentCount = 0;
  #isOver = false;

  constructor(log: Log, call: ReadCall, options: ReadReq.Options, fault: Fault | undefined) {
    const filter = options.getFilter();
    this.#log = log;
    this.#call = call;
    this.#fits = filterOf(options);
    this.#window = filter === undefined ? Infinity : filter.hasMax() ? filter.getMax() : pageCountMax;
    this.#interval = filter && this.#window * filter.getCheckpointintervalmultiplier();
    this.#fault = fault;
    this.#reached = startOf(log, options);
    this.#next = log.indexBehind(this.#reached);
    if (fault?.kind === "repeat") this.#next = Math.max(0, this.#next - fault.events);
  }

  get isAtEnd(): boolean {
    return this.#next >= this.#log.all.length;
  }

  async catchUp(): Promise<void> {
    let consideredCount = 0;
    for (let pageStart = this.#reached; !this.#isDone; pageStart = this.#pageEnd()) {
      const page = await this.#sendPage();
      if (page.isLast) return this.#checkpoint(this.#reached);
      consideredCount += page.consideredCount;
      if (this.#interval === undefined || consideredCount < this.#interval) continue;
      consideredCount %= this.#interval;
      if (isBehind(pageStart, this.#reached)) this.#reached = pageStart;
      await this.#checkpoint(this.#reached);
    }
  }

  async goLive(): Promise<void> {
    if (this.#isDone) return;
    await send(this.#call, caughtUpMessage());
    for (let consideredCount = 0; !this.#isDone;) {
      if (this.isAtEnd) await Promise.race([this.#log.grown(), overOf(this.#call)]);
      const event = this.#log.all[this.#next];
      if (event === undefined || !(await this.#consider(event)) || ++consideredCount !== this.#interval) continue;
      consideredCount = 0;
      this.#reached = placeOf(event);
      await this.#checkpoint(this.#reached);
    }
  }

  get #isDone(): boolean {
    return this.#isOver || this.#call.cancelled;
  }

  async #sendPage(): Promise<{ consideredCount: number; isLast: boolean }> {
    const sentBefore = this.#sentCount;
    for (let consideredCount = 0; ; consideredCount++) {
      if (this.#isDone || consideredCount >= this.#window || this.#sentCount - sentBefore >= pageCountMax)
        return { consideredCount, isLast: false };
      const event = this.#log.all[this.#next];
      if (event === undefined) return { consideredCount, isLast: true };
      await this.#consider(event);
    }
  }

  /** Where the next page begins: at the end of the last record, whose own prepare position is not known yet. */
  #pageEnd(): Place {
    return { commit: this.#log.endOf(this.#next - 1), prepare: 0n };
  }

  /** @returns false when the subscription has ended, or goes silent for ever. */
  async #consider(event: Recorded): Promise<boolean> {
    const fault = this.#fault;
    this.#next++;
    if (!this.#fits(event)) return true;
    if (fault?.kind === "gap" && fault.stream === event.stream && fault.revision === event.revision) return true;
    if ((fault?.kind === "silent" || fault?.kind === "cut") && this.#sentCount >= (fault.afterEvents ?? 0)) {
      this.#isOver = true;
      if (fault.kind === "cut") this.#call.emit("error", serviceErrors.cut());
      return false;
    }
    await send(this.#call, eventMessage(event));
    this.#sentCount++;
    this.#reached = placeOf(event);
    return true;
  }

  /** One that was not reached yet sends the largest number, as it is unsigned; after it none is large enough to be sent. */
  async #checkpoint(place: Place): Promise<void> {
    const commit = BigInt.asUintN(64, place.commit);
    if (this.#isDone || this.#interval === undefined || commit <= (this.#lastCheckpoint ?? -1n)) return;
    this.#lastCheckpoint = commit;
    await send(this.#call, checkpointMessage({ commit, prepare: BigInt.asUintN(64, place.prepare) }));
  }
}

function startOf(log: Log, options: ReadReq.Options): Place {
  const from = options.getAll()!;
  const position = from.getPosition();
  if (position !== undefined)
    return { commit: BigInt(position.getCommitPosition()), prepare: BigInt(position.getPreparePosition()) };
  return from.hasStart() ? nowhere : placeOf(log.all.at(-1)!);
}
