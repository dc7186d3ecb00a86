/** Agreements: several promises that bind together or not at all. */
import { z } from "zod";
import { agreement } from "../domain/agreement.ts";
import { type AgreementId, accountId, agreementId, type PromiseId, promiseId } from "../domain/values.ts";
import { derivedId } from "../ledger/ids.ts";
import {
  at,
  by,
  defineCommand,
  handleRequest,
  momentOf,
  newIdOf,
  noParams,
  personalText,
  speakerOf,
  toSubjectText,
} from "./command.ts";
import { makeOn, promiseBody } from "./promises.ts";
import { requireAccount, subjectAmong } from "./references.ts";

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
    const id = newIdOf<AgreementId>("agr", "make-agreement", desk, request);
    const moment = momentOf(desk, request.body);
    const ids = promises.map((each, index) => each.id ?? derivedId<PromiseId>("prm", "agreement", id, index));
    // The agreement's own id makes its promises known again, so a retry goes on where the first attempt broke off.
    const identified = { ...request, idempotencyKey: request.idempotencyKey ?? id };
    for (const [index, { id: _, ...body }] of promises.entries()) {
      await makeOn(desk, `make-agreement/${index}`, { ...identified, expectedRevision: undefined }, ids[index]!, account, body, {
        agreement: id,
        at: moment,
        speaker: speakerOf(request.caller, by),
      });
    }
    const subject = await subjectAmong(
      desk,
      account,
      promises.flatMap(({ promisor, promisee }) => [promisor, promisee]),
    );
    const command = { type: "MakeAgreement" as const, at: moment, account, promises: ids, text: toSubjectText(text, subject) };
    const made = await handleRequest(
      desk,
      "make-agreement",
      identified,
      { decider: agreement, category: "agreement", id },
      command,
    );
    return { ...made, ids: { promises: ids } };
  },
});
