/** What came of a relationship in business. */
import { z } from "zod";
import { DomainError } from "../domain/errors.ts";
import { businessOutcome, outcome } from "../domain/outcome.ts";
import { accountId, type OutcomeId, outcomeId } from "../domain/values.ts";
import {
  at,
  defineCommand,
  handleRequest,
  momentOf,
  newIdOf,
  noParams,
  origin,
  personalText,
  requireUnbound,
  toSubjectText,
} from "./command.ts";
import { requireAccount, subjectText } from "./references.ts";

export const recordOutcome = defineCommand({
  name: "record-outcome",
  method: "POST",
  path: "/outcomes",
  tag: "Outcomes",
  summary: "Record what came of it: won, lost, renewed, churned",
  scope: "record",
  creates: true,
  params: noParams,
  body: z.strictObject({
    id: outcomeId.optional(),
    account: accountId,
    ...businessOutcome,
    note: personalText.optional(),
    ...origin,
    ...at,
  }),
  example: { account: "acc_0000000000000001", kind: "renewed", amount: { value: "1200000.00", currency: "EUR" } },
  refusals: ["account-not-found", "person-not-found", "outcome-exists", "terms-invalid", "not-your-part", "in-the-future"],
  async run(desk, request) {
    requireUnbound(request.caller);
    const { account, kind, amount, source, note, externalId } = request.body;
    await requireAccount(desk, account);
    const { id, isFresh } = newIdOf<OutcomeId>("out", "record-outcome", desk, request);
    const command = {
      type: "RecordOutcome" as const,
      at: momentOf(desk, request.body),
      account,
      kind,
      amount,
      source,
      note: await subjectText(desk, note, account, "/note"),
      externalId: toSubjectText(externalId, account),
    };
    return handleRequest(desk, "record-outcome", request, { decider: outcome, category: "outcome", id, isFresh }, command);
  },
});

export const retractOutcome = defineCommand({
  name: "retract-outcome",
  method: "POST",
  path: "/outcomes/:outcome/retract",
  tag: "Outcomes",
  summary: "Retract an outcome that never was",
  scope: "record",
  params: z.strictObject({ outcome: outcomeId }),
  body: z.strictObject({}),
  example: {},
  refusals: ["outcome-not-found", "not-your-part"],
  async run(desk, request) {
    requireUnbound(request.caller);
    const id = request.params.outcome;
    const { state } = await desk.ledger.load(outcome, `outcome-${id}`);
    if (state.status === "none") throw new DomainError("outcome-not-found", `there is no outcome ${id}`);
    return handleRequest(
      desk,
      "retract-outcome",
      request,
      { decider: outcome, category: "outcome", id },
      { type: "RetractOutcome", at: desk.ledger.now() },
    );
  },
});
