/** Fitting the models that judgement rests on. A fit is an event with its parameters and its cut-off, so an old answer can be given again. */
import { z } from "zod";
import { aliveAccountCountMin, fitAliveModel, regularity, weekMs } from "../domain/dormancy.ts";
import { DomainError } from "../domain/errors.ts";
import type { Actor } from "../domain/decider.ts";
import { fitPeerPrior } from "../domain/keeping.ts";
import { type LedgerCommand, ledgerRecord } from "../domain/ledger-record.ts";
import { type Instant, toldInstant } from "../domain/values.ts";
import { contactHistories, partyRecords } from "../projections/histories.ts";
import { policyInForce } from "../projections/parameters.ts";
import type { Views } from "../projections/views.ts";
import { type Acknowledged, type CommandRequest, defineCommand, type Desk, noParams, requireUnbound } from "./command.ts";

/** Fewer parties say little about what to expect of the next. */
const priorPartyCountMin = 30;

type Fit = Extract<LedgerCommand, { type: "RecordDormancyFit" | "RecordPriorFit" }>;

/** @throws DomainError `too-little-history`. */
export function dormancyFitOf(views: Views, cutOff: Instant, now: Instant): Fit {
  const policy = policyInForce(views);
  const histories = [...contactHistories(views, policy, cutOff)];
  const accountCountMin = Math.max(policy.dormancy.modelAccountCountMin, 10);
  const fitted = fitAliveModel(
    "mbg-nbd",
    histories.map(({ history }) => history),
    accountCountMin,
  );
  if (fitted === null)
    throw new DomainError(
      "too-little-history",
      `${histories.length} accounts with contacts; a fit needs ${accountCountMin}, some of them contacted again`,
    );
  const { r, alpha, a, b, logLikelihood, accounts } = fitted;
  const k = regularity(histories.map(({ gaps }) => gaps))?.k ?? null;
  const fit = {
    model: "mbg-nbd" as const,
    r,
    alpha,
    a,
    b,
    unitMs: weekMs,
    logLikelihood,
    accounts,
    regularity: k !== null && Number.isFinite(k) ? k : null,
    cutOff,
    inputSize: views.position(),
  };
  return { type: "RecordDormancyFit", fit, at: now };
}

/** @throws DomainError `too-little-history`. */
export function priorFitOf(views: Views, cutOff: Instant, now: Instant): Fit {
  const { records, outcomes } = partyRecords(views, cutOff, now);
  const prior = records.length < priorPartyCountMin ? null : fitPeerPrior(records);
  if (prior === null)
    throw new DomainError(
      "too-little-history",
      `${records.length} parties have outcomes; a prior needs ${priorPartyCountMin} that differ`,
    );
  const mean = prior.alpha / (prior.alpha + prior.beta);
  const fit = {
    mean: Math.min(Math.max(mean, 0.001), 0.999),
    alpha: prior.alpha,
    beta: prior.beta,
    parties: records.length,
    outcomes,
    cutOff,
    inputSize: views.position(),
  };
  return { type: "RecordPriorFit", fit, at: now };
}

/** Fits at a cut-off and records it. The cut-off names the fit: the same one again adds nothing. */
export async function recordFitAt(
  desk: Desk,
  name: string,
  cutOff: Instant,
  actor: Actor,
  fit: (views: Views, cutOff: Instant, now: Instant) => Fit,
): Promise<Acknowledged> {
  await desk.host.caughtUp(desk.ledger.lastPosition);
  const command = desk.host.views.snapshot(() => fit(desk.host.views, cutOff, desk.ledger.now()));
  const identity = { scope: "fit", key: `${name}\n${cutOff}`, fingerprint: cutOff };
  return {
    ...(await desk.ledger.handle(ledgerRecord, "ledger", command, { actor, correlation: `${name}-${cutOff}`, identity })),
    id: "ledger",
  };
}

async function fitOnRequest(
  desk: Desk,
  name: string,
  request: CommandRequest<unknown, { cutOff?: Instant | undefined }>,
  fit: Parameters<typeof recordFitAt>[4],
): Promise<Acknowledged> {
  requireUnbound(request.caller);
  const now = desk.ledger.now();
  const cutOff = request.body.cutOff ?? now;
  if (cutOff > now) throw new DomainError("in-the-future", "`cutOff` lies in the future", "/cutOff");
  return recordFitAt(desk, name, cutOff, { kind: "key", id: request.caller.key }, fit);
}

const body = z.strictObject({ cutOff: toldInstant.optional().describe("What happened up to then goes in; now where absent.") });

export const fitDormancyModel = defineCommand({
  name: "fit-dormancy-model",
  method: "POST",
  path: "/models/dormancy/fit",
  tag: "Policies",
  summary: "Fit P(alive) to the contacts of all accounts",
  description: `MBG/NBD by maximum likelihood. Needs at least ${aliveAccountCountMin} accounts, or what the policy says.`,
  scope: "admin",
  params: noParams,
  body,
  example: { cutOff: "2026-01-01T00:00:00.000Z" },
  refusals: ["too-little-history", "in-the-future", "not-your-part"],
  run: (desk, request) => fitOnRequest(desk, "fit-dormancy-model", request, dormancyFitOf),
});

export const fitPrior = defineCommand({
  name: "fit-prior",
  method: "POST",
  path: "/models/prior/fit",
  tag: "Policies",
  summary: "Fit the prior of trust to the records of all parties",
  description: `The portfolio's mean, from which trust then starts. Needs outcomes of at least ${priorPartyCountMin} parties.`,
  scope: "admin",
  params: noParams,
  body,
  example: { cutOff: "2026-01-01T00:00:00.000Z" },
  refusals: ["too-little-history", "in-the-future", "not-your-part"],
  run: (desk, request) => fitOnRequest(desk, "fit-prior", request, priorFitOf),
});
