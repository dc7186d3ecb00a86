/**
 * From and to the messages of the protocol. Their classes come at run time from the generated code in the installed client
 * package, so the client and the stand-in can't disagree about the wire; nothing of it is copied.
 */
import { createRequire } from "node:module";
import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import sharedPb from "@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/shared_pb.js";
import statusPb, { type Status } from "@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/status_pb.js";
import streamsPb, {
  type AppendReq,
  type AppendResp,
  type BatchAppendReq,
  type BatchAppendResp,
  type ReadReq,
  type ReadResp,
} from "@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/streams_pb.js";
import type { StreamIdentifier, UUID } from "@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/shared_pb.js";
import type { Message } from "google-protobuf";
import type anyModule from "google-protobuf/google/protobuf/any_pb.js";
import { appendBytesMax, type Expected, jsonType, type Outcome, type Place, type Proposed, type Recorded } from "./log.ts";

// The very copies that the client's generated code uses.
const ofClient = createRequire(createRequire(import.meta.url).resolve("@kurrent/kurrentdb-client"));
const { Any } = ofClient("google-protobuf/google/protobuf/any_pb.js") as typeof anyModule;
const { Empty } = sharedPb;

const ticksPerMs = 10_000n;

export function nameOf(identifier: StreamIdentifier | undefined): string {
  return Buffer.from(identifier?.getStreamName_asU8() ?? []).toString("utf8");
}

function identifierOf(stream: string): StreamIdentifier {
  return new sharedPb.StreamIdentifier().setStreamName(Uint8Array.from(Buffer.from(stream, "utf8")));
}

type ProposedMessage = AppendReq.ProposedMessage | BatchAppendReq.ProposedMessage;

export function proposedOf(message: ProposedMessage): Proposed {
  return {
    id: uuidOf(message.getId()),
    type: message.getMetadataMap().get("type") ?? "",
    contentType: message.getMetadataMap().get("content-type") ?? "",
    data: message.getData_asU8(),
    metadata: message.getCustomMetadata_asU8(),
  };
}

function uuidOf(uuid: UUID | undefined): string {
  const structured = uuid?.getStructured();
  if (structured === undefined) return uuid?.getString() ?? "";
  const hex = [structured.getMostSignificantBits(), structured.getLeastSignificantBits()].map((half) =>
    BigInt.asUintN(64, BigInt(half)).toString(16).padStart(16, "0"),
  );
  return hex.join("").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

type Expectation = { hasAny(): boolean; hasNoStream(): boolean; hasStreamExists(): boolean };

export function expectedOf(options: Expectation, revision: string): Expected {
  if (options.hasAny()) return "any";
  if (options.hasNoStream()) return "no_stream";
  if (options.hasStreamExists()) return "stream_exists";
  return Number(revision);
}

/** The answer to one append of a batch stream. */
export function batchAnswer(
  correlation: UUID | undefined,
  stream: string,
  expected: Expected,
  outcome: Outcome,
): BatchAppendResp {
  const answer = emptyBatchAnswer(correlation, stream);
  if (outcome.stored) return answer.setSuccess(batchSuccess(outcome));
  if ("tooLarge" in outcome) {
    const detail = new sharedPb.MaximumAppendSizeExceeded().setMaxappendsize(outcome.tooLarge);
    return answer.setError(statusOf(3, "MaximumAppendSizeExceeded", detail));
  }
  return answer.setError(statusOf(6, "WrongExpectedVersion", wrongVersion(expected, outcome.currentRevision)));
}

function batchSuccess({ revision, position }: Outcome & { stored: true }): BatchAppendResp.Success {
  return new streamsPb.BatchAppendResp.Success()
    .setCurrentRevision(String(revision))
    .setPosition(new sharedPb.AllStreamPosition().setCommitPosition(String(position)).setPreparePosition(String(position)));
}

/** An append that a node without a leader got: an error without a type of its own, which the client calls unknown. */
export function notReadyAnswer(correlation: UUID | undefined, stream: string): BatchAppendResp {
  return emptyBatchAnswer(correlation, stream).setError(statusOf(0, "Server Is Not Ready", new Empty()));
}

export function timeoutAnswer(correlation: UUID | undefined, stream: string): BatchAppendResp {
  return emptyBatchAnswer(correlation, stream).setError(statusOf(4, "Timeout", new sharedPb.Timeout()));
}

function emptyBatchAnswer(correlation: UUID | undefined, stream: string): BatchAppendResp {
  return new streamsPb.BatchAppendResp().setCorrelationId(correlation).setStreamIdentifier(identifierOf(stream));
}

function statusOf(code: Parameters<Status["setCode"]>[0], message: string, detail: Message): Status {
  const details = new Any();
  const name = detail instanceof Empty ? "google.protobuf.Empty" : `event_store.client.${message}`;
  details.pack(detail.serializeBinary(), name);
  return new statusPb.Status().setCode(code).setMessage(message).setDetails(details);
}

function wrongVersion(expected: Expected, currentRevision: number) {
  const wrong = new sharedPb.WrongExpectedVersion();
  if (currentRevision === -1) wrong.setCurrentNoStream(new Empty());
  else wrong.setCurrentStreamRevision(String(currentRevision));
  if (expected === "any") return wrong.setExpectedAny(new Empty());
  if (expected === "no_stream") return wrong.setExpectedNoStream(new Empty());
  if (expected === "stream_exists") return wrong.setExpectedStreamExists(new Empty());
  return wrong.setExpectedStreamPosition(String(expected));
}

/** The answer to an append that came alone. @throws ServiceError for one that is too large. */
export function singleAnswer(expected: Expected, outcome: Outcome): AppendResp {
  if (outcome.stored) return new streamsPb.AppendResp().setSuccess(singleSuccess(outcome));
  if ("tooLarge" in outcome) throw tooLarge();
  const wrong = new streamsPb.AppendResp.WrongExpectedVersion();
  if (outcome.currentRevision === -1) wrong.setCurrentNoStream(new Empty());
  else wrong.setCurrentRevision(String(outcome.currentRevision));
  if (expected === "any") wrong.setExpectedAny(new Empty());
  else if (expected === "no_stream") wrong.setExpectedNoStream(new Empty());
  else if (expected === "stream_exists") wrong.setExpectedStreamExists(new Empty());
  else wrong.setExpectedRevision(String(expected));
  return new streamsPb.AppendResp().setWrongExpectedVersion(wrong);
}

function singleSuccess({ revision, position }: Outcome & { stored: true }): AppendResp.Success {
  return new streamsPb.AppendResp.Success()
    .setCurrentRevision(String(revision))
    .setPosition(new streamsPb.AppendResp.Position().setCommitPosition(String(position)).setPreparePosition(String(position)));
}

export function eventMessage(event: Recorded, inReadOfStream = false): ReadResp {
  const read = new streamsPb.ReadResp.ReadEvent().setEvent(recordedMessage(event));
  if (inReadOfStream) read.setNoPosition(new Empty());
  else read.setCommitPosition(String(event.position));
  return new streamsPb.ReadResp().setEvent(read);
}

function recordedMessage(event: Recorded): ReadResp.ReadEvent.RecordedEvent {
  const message = new streamsPb.ReadResp.ReadEvent.RecordedEvent()
    .setId(new sharedPb.UUID().setString(event.id))
    .setStreamIdentifier(identifierOf(event.stream))
    .setStreamRevision(String(event.revision))
    .setCommitPosition(String(event.position))
    .setPreparePosition(String(event.position))
    .setData(event.data)
    .setCustomMetadata(event.metadata);
  message
    .getMetadataMap()
    .set("type", event.type)
    .set("content-type", event.contentType === jsonType ? jsonType : "application/octet-stream")
    .set("created", String(BigInt(event.createdMs) * ticksPerMs));
  return message;
}

export function checkpointMessage({ commit, prepare }: Place): ReadResp {
  return new streamsPb.ReadResp().setCheckpoint(
    new streamsPb.ReadResp.Checkpoint().setCommitPosition(String(commit)).setPreparePosition(String(prepare)),
  );
}

export function streamNotFoundMessage(stream: string): ReadResp {
  return new streamsPb.ReadResp().setStreamNotFound(
    new streamsPb.ReadResp.StreamNotFound().setStreamIdentifier(identifierOf(stream)),
  );
}

export function lastRevisionMessage(revision: number): ReadResp {
  return new streamsPb.ReadResp().setLastStreamPosition(String(revision));
}

export function confirmationMessage(id: string): ReadResp {
  return new streamsPb.ReadResp().setConfirmation(new streamsPb.ReadResp.SubscriptionConfirmation().setSubscriptionId(id));
}

/** The 24.6 server says that it has caught up, and neither when nor where. */
export function caughtUpMessage(): ReadResp {
  return new streamsPb.ReadResp().setCaughtUp(new streamsPb.ReadResp.CaughtUp());
}

/** Does the filter of a read of `$all` let this event through? Without one it does. */
export function filterOf(options: ReadReq.Options): (event: Recorded) => boolean {
  const filter = options.getFilter();
  if (filter === undefined) return () => true;
  const byStream = filter.getStreamIdentifier();
  const expression = byStream ?? filter.getEventType()!;
  const regex = expression.getRegex();
  const prefixes = expression.getPrefixList();
  const fits = regex === "" ? (text: string) => prefixes.some((prefix) => text.startsWith(prefix)) : matching(regex);
  return byStream === undefined ? ({ type }) => fits(type) : ({ stream }) => fits(stream);
}

function matching(regex: string): (text: string) => boolean {
  const compiled = new RegExp(regex);
  return (text) => compiled.test(text);
}

export const serviceErrors = {
  notLeader: (leader: { address: string; port: number }) =>
    serviceError(status.NOT_FOUND, "Leader info available", {
      exception: "not-leader",
      "leader-endpoint-host": leader.address,
      "leader-endpoint-port": String(leader.port),
    }),
  notReady: () => serviceError(status.UNAVAILABLE, "Server Is Not Ready"),
  cut: () => serviceError(status.UNAVAILABLE, "the stand-in broke the call off"),
  timeout: () => serviceError(status.ABORTED, "Operation timed out"),
  wrongVersion: (stream: string, expected: Expected, actual: number) =>
    serviceError(status.FAILED_PRECONDITION, "WrongExpectedVersion", {
      exception: "wrong-expected-version",
      "stream-name": stream,
      "expected-version": String(typeof expected === "number" ? expected : -1),
      "actual-version": String(actual),
    }),
  /** What a real server answers where its own code throws, to a filter without an interval between checkpoints for one. */
  thrown: () => serviceError(status.UNKNOWN, "Exception was thrown by handler."),
  unimplemented: () => serviceError(status.UNIMPLEMENTED, "the stand-in does not do this"),
};

function tooLarge(): ServiceError {
  return serviceError(status.INVALID_ARGUMENT, `Maximum Append Size of ${appendBytesMax} Exceeded.`, {
    exception: "maximum-append-size-exceeded",
    "maximum-append-size": String(appendBytesMax),
  });
}

function serviceError(code: status, details: string, fields: Record<string, string> = {}): ServiceError {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(fields)) metadata.set(name, value);
  return Object.assign(new Error(details), { code, details, metadata });
}
