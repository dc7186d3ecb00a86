/** The client of the cluster alone, in a process of its own: what the cluster and its client give to whoever adds nothing. */
import { randomUUID } from "node:crypto";
import { type BinaryEventData, KurrentDBClient } from "@kurrent/kurrentdb-client";
import { quantile } from "../measuring.ts";
import { answer } from "./asking.ts";

export type BareArgument = { connectionString: string; prefix: string; leafBytes: number; ciphertextBytes: number };
export type BareLoad = { inFlight: number; seconds: number };
export type BareLoaded = { perSecond: number; p50Ms: number; p99Ms: number };
export type BareCatchUp = { prefix: string; count: number };

const { connectionString, prefix, leafBytes, ciphertextBytes } = JSON.parse(process.argv[2]!) as BareArgument;
const client = KurrentDBClient.connectionString(connectionString);

/** As large as those that Troth writes, and declared as it declares them. */
function anEvent(): BinaryEventData {
  const metadata = JSON.stringify({ id: `evt_${"0".repeat(26)}`, ciphertext: "c".repeat(ciphertextBytes) });
  return {
    id: randomUUID(),
    type: "InteractionRecorded",
    contentType: "application/octet-stream",
    data: Buffer.alloc(leafBytes, "d"),
    metadata: Buffer.from(metadata),
  };
}

/** One event a stream, as interactions are. */
async function append({ inFlight, seconds }: BareLoad): Promise<BareLoaded> {
  const begun = performance.now();
  const answerMs: number[] = [];
  const writer = async (): Promise<void> => {
    while (performance.now() - begun < seconds * 1_000) {
      const before = performance.now();
      await client.appendToStream(`${prefix}/${randomUUID()}`, [anEvent()], { streamState: "no_stream" });
      answerMs.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, writer));
  const took = (performance.now() - begun) / 1_000;
  return { perSecond: answerMs.length / took, p50Ms: quantile(answerMs, 0.5), p99Ms: quantile(answerMs, 0.99) };
}

/** @returns the seconds in which a subscription from the start brings so many events. */
async function catchUp(wanted: BareCatchUp): Promise<number> {
  const begun = performance.now();
  let count = 0;
  const subscription = client.subscribeToAll({
    fromPosition: "start",
    filter: { filterOn: "streamName", prefixes: [`${wanted.prefix}/`], maxSearchWindow: 10_000, checkpointInterval: 1 },
  });
  for await (const { event } of subscription) if (event !== undefined && ++count === wanted.count) break;
  return (performance.now() - begun) / 1_000;
}

answer({ append, catchUp }, () => client.dispose());
