/** Streams.Read: pages of a stream and of `$all`, and subscriptions to `$all`. */
import { randomUUID } from "node:crypto";
import type { ServerWritableStream } from "@grpc/grpc-js";
import type { ReadReq, ReadResp } from "@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/streams_pb.js";
import { isLeaderRequired } from "./appends.ts";
import type { Fault } from "./faults.ts";
import type { Recorded } from "./log.ts";
import {
  caughtUpMessage,
  checkpointMessage,
  confirmationMessage,
  eventMessage,
  filterOf,
  lastRevisionMessage,
  nameOf,
  serviceErrors,
  streamNotFoundMessage,
} from "./messages.ts";
import { lateBy, type Node } from "./node.ts";

type ReadCall = ServerWritableStream<ReadReq, ReadResp>;

/** Events that the server considers at a time where the filter names no window. */
const searchWindowDefault = 32;
const backwards = 1;

export async function read(node: Node, call: ReadCall): Promise<void> {
  const options = call.request.getOptions()!;
  const all = options.hasAll();
  const stream = all ? "$all" : nameOf(options.getStream()!.getStreamIdentifier());
  const fault = node.faults.meet(options.hasSubscription() ? "subscribe" : "read", stream, node.index);
  await lateBy(fault);
  const refusal = refusalOf(node, call, fault);
  if (refusal !== undefined) call.emit("error", refusal);
  else if (options.hasSubscription() && all) await subscribe(node, call, options, fault);
  else if (options.hasSubscription()) call.emit("error", serviceErrors.unimplemented());
  else if (all)
    await answerPage(
      call,
      pageOfAll(node, options).map((event) => eventMessage(event)),
      fault,
    );
  else await answerPage(call, pageOfStream(node, stream, options), fault);
}

/** A node without a leader answers no reads either. */
function refusalOf(node: Node, call: ReadCall, fault: Fault | undefined) {
  const leader = node.leader();
  if (fault?.kind === "not-ready" || leader === undefined) return serviceErrors.notReady();
  const refused = fault?.kind === "not-leader" || (isLeaderRequired(call.metadata) && !node.leads());
  return refused ? serviceErrors.notLeader(leader) : undefined;
}

async function answerPage(call: ReadCall, messages: readonly ReadResp[], fault: Fault | undefined): Promise<void> {
  if (fault?.kind === "unanswered") return;
  const cutAfter = fault?.kind === "cut" ? (fault.afterEvents ?? 0) : undefined;
  for (const message of messages.slice(0, cutAfter)) await send(call, message);
  if (cutAfter === undefined) call.end();
  else call.emit("error", serviceErrors.cut());
}

function pageOfStream(node: Node, stream: string, options: ReadReq.Options): ReadResp[] {
  const events = node.log.stream(stream);
  if (events === undefined) return [streamNotFoundMessage(stream)];
  const from = options.getStream()!;
  const down = options.getReadDirection() === backwards;
  const start = from.hasRevision() ? Number(from.getRevision()) : from.hasStart() ? 0 : Infinity;
  const wanted = down
    ? events.filter(({ revision }) => revision <= start).reverse()
    : events.filter(({ revision }) => revision >= start);
  const page = wanted.slice(0, Number(options.getCount())).map((event) => eventMessage(event, true));
  return options.hasControlOption() ? [...page, lastRevisionMessage(events.at(-1)!.revision)] : page;
}

/** Forwards from the position itself on; backwards from before it on. */
function pageOfAll(node: Node, options: ReadReq.Options): Recorded[] {
  const { all } = node.log;
  const from = options.getAll()!;
  const down = options.getReadDirection() === backwards;
  const position = from.getPosition();
  const end = from.hasStart() ? 0 : all.length;
  const start = position === undefined ? end : node.log.indexFrom(BigInt(position.getCommitPosition()));
  const wanted = down ? all.slice(0, start).reverse() : all.slice(start);
  return wanted.filter(filterOf(options)).slice(0, Number(options.getCount()));
}

type Subscription = {
  call: ReadCall;
  fits: (event: Recorded) => boolean;
  /** A checkpoint is sent each time that so many events were considered; Infinity without a filter. */
  checkpointInterval: number;
  fault: Fault | undefined;
  sent: number;
  /** The last position that went to the client in an event or a checkpoint. */
  reached: bigint | undefined;
};

/** Everything behind a position, then what comes: the position itself was seen before. */
async function subscribe(node: Node, call: ReadCall, options: ReadReq.Options, fault: Fault | undefined): Promise<void> {
  const subscription = subscriptionOf(call, options, fault);
  await send(call, confirmationMessage(randomUUID()));
  let next = startOf(node, options, fault);
  let considered = 0;
  let live = next >= node.log.all.length;
  if (live) await send(call, caughtUpMessage());
  for (;;) {
    while (next < node.log.all.length && !call.cancelled) {
      const event = node.log.all[next++]!;
      if (!(await deliver(subscription, event))) return;
      if (++considered % subscription.checkpointInterval === 0) await checkpoint(subscription, event.position);
    }
    if (!live) {
      live = true;
      if (options.hasFilter() && subscription.reached !== undefined) await checkpoint(subscription, subscription.reached);
      await send(call, caughtUpMessage());
    }
    if (call.cancelled) return;
    if (next === node.log.all.length) await Promise.race([node.log.grown(), overOf(call)]);
  }
}

function subscriptionOf(call: ReadCall, options: ReadReq.Options, fault: Fault | undefined): Subscription {
  const filter = options.getFilter();
  const window = filter?.hasMax() === true ? filter.getMax() : searchWindowDefault;
  const checkpointInterval = filter === undefined ? Infinity : window * filter.getCheckpointintervalmultiplier();
  return { call, fits: filterOf(options), checkpointInterval, fault, sent: 0, reached: undefined };
}

function startOf(node: Node, options: ReadReq.Options, fault: Fault | undefined): number {
  const from = options.getAll()!;
  const position = from.getPosition();
  if (from.hasStart()) return 0;
  if (position === undefined) return node.log.all.length;
  const behind = node.log.indexFrom(BigInt(position.getCommitPosition()) + 1n);
  return fault?.kind === "repeat" ? Math.max(0, behind - fault.events) : behind;
}

/** @returns false when the subscription is over, or goes silent for ever. */
async function deliver(subscription: Subscription, event: Recorded): Promise<boolean> {
  const { call, fault } = subscription;
  if (!subscription.fits(event)) return true;
  if (fault?.kind === "gap" && fault.stream === event.stream && fault.revision === event.revision) return true;
  if (fault?.kind === "silent" && subscription.sent >= (fault.afterEvents ?? 0)) return false;
  if (fault?.kind === "cut" && subscription.sent >= (fault.afterEvents ?? 0)) {
    call.emit("error", serviceErrors.cut());
    return false;
  }
  await send(call, eventMessage(event));
  subscription.sent++;
  subscription.reached = event.position;
  return true;
}

async function checkpoint(subscription: Subscription, position: bigint): Promise<void> {
  subscription.reached = position;
  await send(subscription.call, checkpointMessage(position));
}

/** Sends one message, and waits where the client is slower than the log. */
async function send(call: ReadCall, message: ReadResp): Promise<void> {
  if (call.cancelled || call.write(message)) return;
  await Promise.race([new Promise<void>((resolve) => call.once("drain", resolve)), overOf(call)]);
}

const over = new WeakMap<ReadCall, Promise<void>>();

/** Resolves when the client has ended the call, or is gone. */
function overOf(call: ReadCall): Promise<void> {
  const known = over.get(call) ?? new Promise<void>((resolve) => call.once("cancelled", resolve));
  over.set(call, known);
  return known;
}
