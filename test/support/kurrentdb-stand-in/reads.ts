/** Streams.Read of a stream and of `$all`. Subscriptions are in `subscriptions.ts`. */
import type { ReadReq, ReadResp } from "@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/streams_pb.js";
import { isLeaderRequired } from "./appends.ts";
import type { Fault } from "./faults.ts";
import type { Recorded } from "./log.ts";
import { eventMessage, filterOf, lastRevisionMessage, nameOf, serviceErrors, streamNotFoundMessage } from "./messages.ts";
import { lateBy, type Node } from "./node.ts";
import { type ReadCall, send } from "./sending.ts";
import { subscribe } from "./subscriptions.ts";

const backwards = 1;

export async function read(node: Node, call: ReadCall): Promise<void> {
  const options = call.request.getOptions()!;
  const all = options.hasAll();
  const stream = all ? "$all" : nameOf(options.getStream()!.getStreamIdentifier());
  const fault = met(node, options, stream);
  await lateBy(fault);
  const refusal = refusalOf(node, call, options, fault);
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

function met(node: Node, options: ReadReq.Options, stream: string): Fault | undefined {
  const maxCount = Number(options.getCount());
  if (!options.hasSubscription()) return node.faults.meet({ method: "read", stream, node: node.index, maxCount });
  const position = options.getAll()?.getPosition();
  const from = position === undefined ? {} : { from: BigInt(position.getCommitPosition()) };
  return node.faults.meet({ method: "subscribe", stream, node: node.index, ...from });
}

/** A node without a leader answers no reads either. */
function refusalOf(node: Node, call: ReadCall, options: ReadReq.Options, fault: Fault | undefined) {
  const leader = node.leader();
  if (fault?.kind === "not-ready" || leader === undefined) return serviceErrors.notReady();
  if (options.hasSubscription() && options.getFilter()?.getCheckpointintervalmultiplier() === 0) return serviceErrors.thrown();
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
