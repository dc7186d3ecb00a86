/** Agreements: several promises that bind together or not at all. */
import { z } from "zod";
import { agreement } from "../domain/agreement.ts";
import { type AgreementId, accountId, agreementId, type PromiseId, promiseId } from "../domain/values.ts";
import { DomainError } from "../domain/errors.ts";
import type { PromiseCommandOf } from "../domain/promise/commands.ts";
import { promise } from "../domain/promise/promise.ts";
import { derivedId } from "../ledger/ids.ts";
import {
  at,
  by,
  type CommandRequest,
  defineCommand,
  foreseeRequest,
  handleRequest,
  momentOf,
  newIdOf,
  noParams,
  personalText,
  speakerOf,
  within,
} from "./command.ts";
import { promiseBody, promiseToMake } from "./promises.ts";
import { requireAccount, subjectAmong, subjectText } from "./references.ts";

export const makeAgreement = defineCommand({
  name: "make-agreement",
  method: "POST",
  path: "/agreements",
  tag: "Promises",
  summary: "Make several promises together",
  description:
    "Each promise is recorded, then the agreement; only then do they bind. Should the request break off in between, the same request again completes it.",
  scope: "record",
  creates: true,
  params: noParams,
  body: z.strictObject({
    id: agreementId.optional(),
    account: accountId,
    text: personalText.optional(),
    promises: z
      .array(z.strictObject({ id: promiseId.optional(), ...promiseBody }))
      .min(1)
      .max(50),
    ...by,
    ...at,
  }),
  example: {
    account: "acc_0000000000000001",
    text: "We get to know each other first.",
    promises: [
      {
        promisor: "per_0000000000000001",
        promisee: "per_0000000000000002",
        kind: "visit",
        terms: { type: "recurring", rrule: "FREQ=WEEKLY;INTERVAL=2", from: "2026-01-09", until: "2026-12-31" },
        matcher: { kinds: ["visit"], minMinutes: 60 },
      },
      {
        promisor: "per_0000000000000001",
        promisee: "per_0000000000000002",
        kind: "abstention",
        terms: { type: "abstain", from: "2026-01-09T00:00:00.000Z", until: "2027-01-09T00:00:00.000Z" },
        matcher: { purposes: ["sales"] },
      },
    ],
  },
  refusals: [
    "account-not-found",
    "person-not-found",
    "recording-not-found",
    "agreement-exists",
    "promise-exists",
    "parties-unfit",
    "terms-invalid",
    "too-many-occurrences",
    "not-your-part",
    "in-the-future",
  ],
  async run(desk, request) {
    const { account, promises, text, by } = request.body;
    await requireAccount(desk, account);
    const { id } = newIdOf<AgreementId>("agr", "make-agreement", desk, request);
    const at = momentOf(desk, request.body);
    const speaker = speakerOf(request.caller, by);
    // The agreement's own id makes its promises known again, so a retry goes on where the first attempt broke off.
    const identified = { ...request, idempotencyKey: request.idempotencyKey ?? id };
    const parts: Part[] = [];
    for (const [index, { id: own, ...body }] of promises.entries()) {
      const promiseId = own ?? derivedId<PromiseId>("prm", "agreement", id, index);
      if (parts.some((part) => part.id === promiseId))
        throw new DomainError("terms-invalid", "two promises bear the same id", `/promises/${index}/id`);
      const command = await withinPart(index, () => promiseToMake(desk, account, body, { agreement: id, at, speaker }));
      parts.push({ id: promiseId, index, name: `make-agreement/${index}`, command });
    }
    const ids = parts.map((part) => part.id);
    const command = {
      type: "MakeAgreement" as const,
      at,
      account,
      promises: ids,
      text: await subjectText(
        desk,
        text,
        await subjectAmong(
          desk,
          account,
          promises.flatMap(({ promisor, promisee }) => [promisor, promisee]),
        ),
        "/text",
      ),
    };
    const whole = { decider: agreement, category: "agreement", id };
    // All are looked at before the first is recorded: a refusal leaves no promise behind.
    await foreseeRequest(desk, "make-agreement", identified, whole, command);
    for (const part of parts)
      await withinPart(part.index, () => foreseeRequest(desk, part.name, asPart(identified), targetOf(part), part.command));
    for (const part of parts) await handleRequest(desk, part.name, asPart(identified), targetOf(part), part.command);
    const made = await handleRequest(desk, "make-agreement", identified, whole, command);
    return { ...made, ids: { promises: ids } };
  },
});

type Part = { id: PromiseId; index: number; name: string; command: PromiseCommandOf<"MakePromise"> };

const targetOf = ({ id }: Part) => ({ decider: promise, category: "promise", id });

/** The revision that the caller names is the agreement's, and so is the line that it stands on. */
const asPart = <Request extends CommandRequest<unknown, object>>(request: Request): Request => ({
  ...request,
  expectedRevision: undefined,
  place: undefined,
});

const fieldsOfTheWhole = ["/account", "/by", "/at"];

const withinPart = <Result>(index: number, work: () => Promise<Result>): Promise<Result> =>
  within(`/promises/${index}`, work, fieldsOfTheWhole);
