/** Records the story over HTTP, as another system would, and waits until the keeper has put its verdicts on record. */
import { setTimeout as delay } from "node:timers/promises";
import { ApiClient, RefusedError } from "../api-client.ts";
import { CliError } from "../errors.ts";
import { exitCodes } from "../exit-codes.ts";
import { foundingStory, type Story, storyIds } from "./story.ts";

export type VerdictEvent = {
  id: string;
  type: string;
  position: number;
  recordedAt: string;
  actor: { kind: string; id: string };
  data: { occurrence?: number; basis?: { size: number; asOf: string; rule: number; policy: number } };
};

/** @throws CliError where the ledger holds the story already. */
export async function recordStory(house: ApiClient, renewedOn: string): Promise<Story> {
  const { id: recording } = await house.command("start-recording", { body: { source: "founding-story" } });
  const story = foundingStory(renewedOn, recording);
  let buyer: ApiClient | undefined;
  try {
    for (const { command, params, body, sentBy } of story.commands) {
      if (sentBy === "buyer") buyer ??= await buyersClient(house);
      await (sentBy === "buyer" ? buyer! : house).command(command, { params, body });
    }
  } catch (error) {
    if (error instanceof RefusedError && error.code === "account-exists")
      throw new CliError(exitCodes.usage, "this ledger holds the story already; name another --data folder, or none");
    throw error;
  }
  await house.command("complete-recording", { params: { recording }, body: { upTo: story.upTo } });
  return story;
}

/** A key of the buyer's own: it can accept, confirm and contest, and can claim nothing for the promisor. */
async function buyersClient(house: ApiClient): Promise<ApiClient> {
  const { secret } = await house.command("issue-key", {
    body: { label: "buyer", scopes: ["record", "read"], party: storyIds.buyer },
  });
  return new ApiClient(house.url, secret!);
}

const verdictTypes = new Set(["PromiseKept", "PromiseBroken", "VerdictWithdrawn", "PromiseConcluded"]);
const keeperMsMax = 15_000;

/** The verdicts of both promises, once each is concluded. @throws CliError when the keeper takes too long. */
export async function verdictsOnRecord(house: ApiClient, nowMs: () => number = Date.now): Promise<VerdictEvent[]> {
  const until = nowMs() + keeperMsMax;
  for (;;) {
    const histories = await Promise.all([storyIds.visits, storyIds.abstention].map((id) => historyOf(house, id)));
    if (histories.every((events) => events.some(({ type }) => type === "PromiseConcluded")))
      return histories.flat().filter(({ type }) => verdictTypes.has(type));
    if (nowMs() > until) throw new CliError(exitCodes.fault, "the keeper has put no verdicts on record in time");
    await delay(100);
  }
}

const historyOf = async (house: ApiClient, promise: string): Promise<VerdictEvent[]> =>
  (await house.ask<{ items: VerdictEvent[] }>(`/promises/${promise}/history`)).items;
