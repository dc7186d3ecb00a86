/** Streams.Append, BatchAppend and Delete. */
import type {
  Metadata,
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  sendUnaryData,
  ServiceError,
} from "@grpc/grpc-js";
import streamsPb, {
  type AppendReq,
  type AppendResp,
  type BatchAppendReq,
  type BatchAppendResp,
  type DeleteReq,
  type DeleteResp,
} from "@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/streams_pb.js";
import type { Fault } from "./faults.ts";
import type { Expected, Outcome, Proposed } from "./log.ts";
import {
  batchAnswer,
  expectedOf,
  nameOf,
  notReadyAnswer,
  proposedOf,
  serviceErrors,
  singleAnswer,
  timeoutAnswer,
} from "./messages.ts";
import { lateBy, type Node } from "./node.ts";

type BatchCall = ServerDuplexStream<BatchAppendReq, BatchAppendResp>;
type Pending = { stream: string; expected: Expected; events: Proposed[] };

/** Appends of many callers on one call, each answered by its correlation id; they may come in several messages. */
export function batchAppend(node: Node, call: BatchCall): void {
  const pending = new Map<string, Pending>();
  call.on("data", (request: BatchAppendReq) => {
    const id = request.getCorrelationId()?.getString() ?? "";
    const append = pending.get(id) ?? pendingOf(request);
    if (append === undefined) return;
    pending.set(id, append);
    append.events.push(...request.getProposedMessagesList().map(proposedOf));
    if (!request.getIsFinal()) return;
    pending.delete(id);
    void answerOne(node, call, request, append);
  });
  call.on("end", () => call.end());
  call.on("error", () => call.end());
}

function pendingOf(request: BatchAppendReq): Pending | undefined {
  const options = request.getOptions();
  if (options === undefined) return undefined;
  return {
    stream: nameOf(options.getStreamIdentifier()),
    expected: expectedOf(options, options.getStreamPosition()),
    events: [],
  };
}

async function answerOne(node: Node, call: BatchCall, request: BatchAppendReq, append: Pending): Promise<void> {
  const fault = met(node, append);
  await lateBy(fault);
  const answer = resultOf(node, call.metadata, append, fault);
  const correlation = request.getCorrelationId();
  if (answer === "nothing") return;
  if (answer === "not-ready") call.write(notReadyAnswer(correlation, append.stream));
  else if (answer === "timeout") call.write(timeoutAnswer(correlation, append.stream));
  else if (answer instanceof Error) call.emit("error", answer);
  else call.write(batchAnswer(correlation, append.stream, append.expected, answer));
}

/** An append that comes alone: what the client falls back to where a call has credentials of its own. */
export function append(node: Node, call: ServerReadableStream<AppendReq, AppendResp>, done: sendUnaryData<AppendResp>): void {
  const requests: AppendReq[] = [];
  call.on("data", (request: AppendReq) => requests.push(request));
  call.on("end", () => {
    const options = requests[0]!.getOptions()!;
    const events = requests.slice(1).map((request) => proposedOf(request.getProposedMessage()!));
    const stream = nameOf(options.getStreamIdentifier());
    const pending = { stream, expected: expectedOf(options, options.getRevision()), events };
    void answerAlone(node, call, pending, done);
  });
}

async function answerAlone(node: Node, call: { metadata: Metadata }, append: Pending, done: sendUnaryData<AppendResp>) {
  const fault = met(node, append);
  await lateBy(fault);
  const answer = resultOf(node, call.metadata, append, fault);
  if (answer === "nothing") return;
  if (answer === "not-ready") return done(serviceErrors.notReady());
  if (answer === "timeout") return done(serviceErrors.timeout());
  if (answer instanceof Error) return done(answer);
  try {
    done(null, singleAnswer(append.expected, answer));
  } catch (error) {
    done(error as ServiceError);
  }
}

function met(node: Node, { stream, expected }: Pending): Fault | undefined {
  return node.faults.meet({ method: "append", stream, expected, node: node.index });
}

function resultOf(
  node: Node,
  metadata: Metadata,
  { stream, expected, events }: Pending,
  fault: Fault | undefined,
): Outcome | ServiceError | "nothing" | "not-ready" | "timeout" {
  const leader = node.leader();
  if (fault?.kind === "not-ready" || leader === undefined) return "not-ready";
  if (fault?.kind === "not-leader" || (isLeaderRequired(metadata) && !node.leads())) return serviceErrors.notLeader(leader);
  if (fault?.kind === "cut") return serviceErrors.cut();
  if (fault !== undefined && "stored" in fault && !fault.stored) return fault.kind === "timeout" ? "timeout" : "nothing";
  const outcome = node.log.append(stream, expected, events);
  if (fault?.kind === "unanswered") return "nothing";
  if (fault?.kind === "timeout") return "timeout";
  if (fault?.kind === "wrong-version-though-stored") return { stored: false, currentRevision: node.log.currentRevision(stream) };
  return outcome;
}

export function isLeaderRequired(metadata: Metadata): boolean {
  return metadata.get("requires-leader").includes("true");
}

/** A stream that is deleted so goes on numbering when it is written to again. */
export function deleteStream(node: Node, call: ServerUnaryCall<DeleteReq, DeleteResp>, done: sendUnaryData<DeleteResp>): void {
  const options = call.request.getOptions()!;
  const stream = nameOf(options.getStreamIdentifier());
  const expected = expectedOf(options, options.getRevision());
  const outcome = node.log.delete(stream, expected);
  if (!outcome.stored) return done(serviceErrors.wrongVersion(stream, expected, node.log.currentRevision(stream)));
  const position = String(outcome.position);
  done(
    null,
    new streamsPb.DeleteResp().setPosition(
      new streamsPb.DeleteResp.Position().setCommitPosition(position).setPreparePosition(position),
    ),
  );
}
