/** Gossip.Read and ServerFeatures.GetSupportedMethods: what a client asks before anything else. */
import { randomUUID } from "node:crypto";
import type { sendUnaryData } from "@grpc/grpc-js";
import gossipPb, { type ClusterInfo } from "@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/gossip_pb.js";
import featuresPb, {
  type SupportedMethod,
  type SupportedMethods,
} from "@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/serverfeatures_pb.js";
import sharedPb from "@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/shared_pb.js";
import { serviceErrors } from "./messages.ts";
import { type Address, lateBy, type Node } from "./node.ts";

export type Member = Address & { leads: boolean; alive: boolean };

const { MemberInfo, EndPoint } = gossipPb;
const ticksPerMs = 10_000n;

export async function gossip(node: Node, members: readonly Member[], done: sendUnaryData<ClusterInfo>): Promise<void> {
  const fault = node.faults.meet({ method: "gossip", stream: "", node: node.index });
  await lateBy(fault);
  if (fault?.kind === "unanswered") return;
  if (fault?.kind === "cut") return done(serviceErrors.cut());
  done(null, new gossipPb.ClusterInfo().setMembersList(members.map(memberInfo)));
}

function memberInfo({ address, port, leads, alive }: Member) {
  return new MemberInfo()
    .setInstanceId(new sharedPb.UUID().setString(randomUUID()))
    .setTimeStamp(String(BigInt(Date.now()) * ticksPerMs))
    .setState(leads ? MemberInfo.VNodeState.LEADER : MemberInfo.VNodeState.FOLLOWER)
    .setIsAlive(alive)
    .setHttpEndPoint(new EndPoint().setAddress(address).setPort(port));
}

/** What the stand-in can do, in the form of a 24.6 server: the client's appends go in batches where this names them. */
export async function supportedMethods(node: Node, done: sendUnaryData<SupportedMethods>): Promise<void> {
  const fault = node.faults.meet({ method: "features", stream: "", node: node.index });
  await lateBy(fault);
  if (fault?.kind === "unanswered") return;
  if (fault?.kind === "cut") return done(serviceErrors.cut());
  const streams = "event_store.client.streams.streams";
  done(
    null,
    new featuresPb.SupportedMethods()
      .setEventStoreServerVersion("24.6.0")
      .setMethodsList([
        method(streams, "read", ["position", "events"]),
        ...["append", "batchappend", "delete"].map((name) => method(streams, name)),
        method("event_store.client.gossip.gossip", "read"),
      ]),
  );
}

function method(service: string, name: string, features: string[] = []): SupportedMethod {
  return new featuresPb.SupportedMethod().setServiceName(service).setMethodName(name).setFeaturesList(features);
}
