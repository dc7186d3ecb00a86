/** An interaction as its source has it now: the command for whoever reads a calendar, a mailbox or an export again and again. */
import { z } from "zod";
import type { At, Decider, Draft } from "../domain/decider.ts";
import { DomainError } from "../domain/errors.ts";
import {
  interaction,
  type InteractionCommand,
  type InteractionDetails,
  type InteractionEvent,
  type InteractionState,
} from "../domain/interaction.ts";
import { accountId, type InteractionId, slug } from "../domain/values.ts";
import { eventIdOf } from "../ledger/ids.ts";
import type { CommandMeta } from "../ledger/ledger.ts";
import {
  defineCommand,
  type Desk,
  externallyNamed,
  metaOf,
  noParams,
  plainText,
  requireUnbound,
  toSubjectText,
} from "./command.ts";
import { checkDetails, details, note, startedAt } from "./interactions.ts";
import { requireAccount, subjectAmong, subjectText } from "./references.ts";

type AsTold = Omit<Extract<InteractionCommand, { type: "RecordInteraction" }>, "type"> & {
  type: "AsTold";
  isCancelled: boolean;
} & At;

/** Recorded where it is new, corrected where the source has changed it, retracted where the source has cancelled it. */
const asTold: Decider<AsTold, InteractionEvent, InteractionState> = { ...interaction, decide };

function decide({ type: _, isCancelled, ...told }: AsTold, state: InteractionState): Draft<InteractionEvent>[] {
  const { at, account, details, note } = told;
  if (isCancelled) return interaction.decide({ type: "RetractInteraction", at }, state);
  if (state.status === "none") return interaction.decide({ type: "RecordInteraction", ...told }, state);
  if (state.account !== account)
    throw new DomainError("interaction-exists", "was recorded for another account: retract it there first", "/account");
  // Somebody retracted it here. That its source still has it, unchanged, revives nothing.
  if (state.isRetracted && isSame(state, at, details)) return [];
  return interaction.decide({ type: "CorrectInteraction", at, details, note }, state);
}

const isSame = (state: Exclude<InteractionState, { status: "none" }>, at: AsTold["at"], details: InteractionDetails): boolean =>
  interaction.decide({ type: "CorrectInteraction", at, details }, { ...state, isRetracted: false }).length === 0;

export const syncInteraction = defineCommand({
  name: "sync-interaction",
  method: "POST",
  path: "/interactions/sync",
  tag: "Interactions",
  summary: "Record an interaction as its source has it now",
  description:
    "Known by `source` and `externalId`: recorded where it is new, corrected where the source has changed it since it last told of it, retracted where it was cancelled there. What the source has not changed adds nothing, whatever was put right here meanwhile.",
  scope: "record",
  params: noParams,
  body: z.strictObject({
    account: accountId,
    ...details,
    ...note,
    source: slug,
    externalId: plainText(200).describe("Its id in that system. Sealed."),
    perAccount: z
      .boolean()
      .optional()
      .describe("One thing there, such as a meeting with guests of several accounts, is an interaction with each of them."),
    cancelled: z.boolean().optional().describe("It never took place. 404 where it was never recorded."),
  }),
  example: {
    account: "acc_0000000000000001",
    kind: "visit",
    purpose: "relationship",
    direction: "outbound",
    startedAt: "2026-01-09T10:00:00.000Z",
    minutes: 60,
    participants: ["per_0000000000000001", "per_0000000000000002"],
    source: "calendar",
    externalId: "7c0f2a@calendar.example",
  },
  refusals: [
    "account-not-found",
    "person-not-found",
    "interaction-exists",
    "interaction-not-found",
    "interaction-retracted",
    "terms-invalid",
    "not-your-part",
    "in-the-future",
  ],
  async run(desk, request) {
    requireUnbound(request.caller);
    const { account, note, source, externalId: told, perAccount, cancelled: isCancelled = false, ...details } = request.body;
    const externalId = perAccount ? `${told}\n${account}` : told;
    const id = externallyNamed<InteractionId>(desk, "int", { source, externalId });
    if (!isCancelled) {
      await requireAccount(desk, account);
      await checkDetails(desk, details);
    }
    const subject = isCancelled ? account : await subjectAmong(desk, account, details.participants);
    const command: AsTold = {
      type: "AsTold",
      at: isCancelled ? desk.ledger.now() : startedAt(desk, details),
      isCancelled,
      account,
      details,
      source,
      note: isCancelled ? undefined : await subjectText(desk, note, subject, "/note"),
      externalId: toSubjectText(told, subject),
    };
    const stream = `interaction-${id}`;
    const meta = metaOf("sync-interaction", desk, { ...request, body: { ...request.body, externalId } });
    return { ...(await desk.ledger.handle(asTold, stream, command, await asVersion(desk, stream, meta))), id };
  },
});

/**
 * A source tells of the same thing in versions, each an identity of its own. The last one again is that one; anything else is the
 * next, also what an earlier one had said: it has been changed back.
 */
async function asVersion(desk: Desk, stream: string, meta: CommandMeta): Promise<CommandMeta> {
  const identity = meta.identity!;
  const { events } = await desk.ledger.load(interaction, stream);
  const keyOf = (version: number): string => `${identity.key}\n${version}`;
  const told = (version: number) => {
    const id = eventIdOf(identity.scope, stream, keyOf(version), 0);
    return events.find((event) => event.id === id);
  };
  let next = 0;
  while (told(next) !== undefined) next += 1;
  const isLastAgain = next > 0 && told(next - 1)!.request === identity.fingerprint;
  return { ...meta, identity: { ...identity, key: keyOf(isLastAgain ? next - 1 : next) } };
}
