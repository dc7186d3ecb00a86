/** Questions about the ledger itself: its policy, keys, loads and models. */
import { z } from "zod";
import { DomainError } from "../domain/errors.ts";
import { interactionFacts } from "../domain/interaction.ts";
import { dormancyFit, priorFit } from "../domain/ledger-record.ts";
import { keyScope } from "../domain/key.ts";
import { policyDocument } from "../domain/policy.ts";
import { accountId, eventId, instant, interactionId, keyId, partyId, recordingId, slug, subjectId } from "../domain/values.ts";
import { interactionById } from "../projections/interactions.ts";
import { dormancyModelOf, policyInForce } from "../projections/parameters.ts";
import { openPersonal, personalFields } from "./personal.ts";
import { basis, CursorError, decodeCursor, defineQuery, encodeCursor } from "./query.ts";
import { basisOf } from "./reading.ts";

const nothing = z.strictObject({});

export const currentPolicy = defineQuery({
  name: "current-policy",
  path: "/policies/current",
  tag: "Policies",
  summary: "The policy in force, whole",
  scope: "read",
  params: nothing,
  query: nothing,
  answer: z.strictObject({ version: z.int(), policy: policyDocument, basis }),
  refusals: [],
  run(reading) {
    return reading.views.snapshot(() => {
      const { version, ...policy } = policyInForce(reading.views);
      return { version, policy, basis: basisOf(reading) };
    });
  },
});

export const listPolicies = defineQuery({
  name: "list-policies",
  path: "/policies",
  tag: "Policies",
  summary: "Every policy that was adopted",
  scope: "read",
  params: nothing,
  query: nothing,
  answer: z.strictObject({
    items: z.array(z.strictObject({ version: z.int(), adoptedAt: instant, policy: policyDocument })),
    basis,
  }),
  refusals: [],
  run: (reading) =>
    reading.views.snapshot(() => ({
      items: reading.views
        .all<{ version: number; document: string; recorded_at: never }>(
          `SELECT version, document, recorded_at FROM policies ORDER BY version`,
        )
        .map((row) => ({
          version: row.version,
          adoptedAt: row.recorded_at,
          policy: JSON.parse(row.document) as z.output<typeof policyDocument>,
        })),
      basis: basisOf(reading),
    })),
});

const keyAnswer = z.strictObject({
  id: keyId,
  label: slug,
  scopes: z.array(keyScope),
  party: partyId.nullable(),
  issuedAt: instant,
  revokedAt: instant.nullable(),
});

export const listKeys = defineQuery({
  name: "list-keys",
  path: "/keys",
  tag: "Keys",
  summary: "Every API key that was issued",
  scope: "admin",
  isOfThePresent: true,
  params: nothing,
  query: nothing,
  answer: z.strictObject({ items: z.array(keyAnswer) }),
  refusals: [],
  run: ({ views }) => ({
    items: views
      .all<{ id: string; label: string; scopes: string; party: string | null; issued_at: string; revoked_at: string | null }>(
        `SELECT * FROM keys ORDER BY position`,
      )
      .map(
        (row) =>
          ({
            id: row.id,
            label: row.label,
            scopes: JSON.parse(row.scopes) as never,
            party: row.party,
            issuedAt: row.issued_at,
            revokedAt: row.revoked_at,
          }) as unknown as z.output<typeof keyAnswer>,
      ),
  }),
});

const recordingAnswer = z.strictObject({
  id: recordingId,
  source: slug,
  startedAt: instant,
  completedAt: instant.nullable(),
  upTo: instant.nullable(),
});

export const listRecordings = defineQuery({
  name: "list-recordings",
  path: "/recordings",
  tag: "Loading history",
  summary: "Loads of history, open ones included",
  scope: "read",
  params: nothing,
  query: nothing,
  answer: z.strictObject({ items: z.array(recordingAnswer), basis }),
  refusals: [],
  run: (reading) =>
    reading.views.snapshot(() => ({
      items: reading.views
        .all<{ id: string; source: string; started_at: string; completed_at: string | null; up_to: string | null }>(
          `SELECT * FROM recordings ORDER BY started_at, id`,
        )
        .map(
          (row) =>
            ({
              id: row.id,
              source: row.source,
              startedAt: row.started_at,
              completedAt: row.completed_at,
              upTo: row.up_to,
            }) as z.output<typeof recordingAnswer>,
        ),
      basis: basisOf(reading),
    })),
});

export const currentModels = defineQuery({
  name: "current-models",
  path: "/models",
  tag: "Policies",
  summary: "The fitted models in force: the prior of trust, and P(alive)",
  scope: "read",
  params: nothing,
  query: nothing,
  answer: z.strictObject({ prior: priorFit.nullable(), dormancy: dormancyFit.nullable(), basis }),
  refusals: [],
  run(reading) {
    const { views } = reading;
    return views.snapshot(() => {
      const prior = views.get<{ fit: string }>(`SELECT fit FROM priors ORDER BY position DESC LIMIT 1`);
      return {
        prior: prior === undefined ? null : (JSON.parse(prior.fit) as z.output<typeof priorFit>),
        dormancy: dormancyModelOf(views),
        basis: basisOf(reading),
      };
    });
  },
});

const accessLine = z.strictObject({
  line: z.int().min(1).describe("Counts from 1 without gaps."),
  at: instant,
  key: z.string().describe("The API key that opened it; `command-line` for a bundle made on the folder itself."),
  purpose: z.string().describe("The question that was asked, or `bundle` and the like for what was handed out."),
  event: eventId,
  subjects: z.array(subjectId).describe("Whose text the event holds."),
});

export const accessLog = defineQuery({
  name: "access-log",
  path: "/access-log",
  tag: "Ledger",
  summary: "Who opened whose personal text, newest first",
  description:
    "A line for each event that was opened, written before the text is given out. An erasure leaves it as it is: it holds ids alone. With a filter a page may be short, or empty, and still have a `next`.",
  scope: "audit",
  isOfThePresent: true,
  params: nothing,
  query: z.strictObject({
    limit: z.coerce.number().int().min(1).max(1_000).default(100),
    after: z.string().max(400).optional().describe("The `next` of the page before."),
    subject: subjectId.optional().describe("Openings of this person's or account's text."),
    key: z.string().min(1).max(60).optional().describe("Openings by this API key; `command-line` for those without one."),
  }),
  answer: z.strictObject({ items: z.array(accessLine), next: z.string().nullable() }),
  refusals: [],
  async run({ vault }, { query: { after, ...query } }) {
    const { lines, next } = await vault.accessLog({ ...query, before: lineIn(after) });
    return { items: lines, next: next === undefined ? null : encodeCursor([next]) };
  },
});

/** @throws CursorError */
function lineIn(cursor: string | undefined): number | undefined {
  const [line, ...more] = decodeCursor(cursor) ?? [];
  if (cursor === undefined || (Number.isSafeInteger(line) && more.length === 0)) return line as number | undefined;
  throw new CursorError("`after` is not the `next` of an earlier answer");
}

const interactionAnswer = z.strictObject({
  id: interactionId,
  account: accountId,
  ...interactionFacts.shape,
  channel: slug.nullable(),
  minutes: z.int().nullable(),
  isCorrected: z.boolean(),
  isRetracted: z.boolean(),
  personal: personalFields,
  revision: z.int(),
  basis,
});

export const getInteraction = defineQuery({
  name: "get-interaction",
  path: "/interactions/:interaction",
  tag: "Interactions",
  summary: "An interaction as it stands",
  scope: "read",
  params: z.strictObject({ interaction: interactionId }),
  query: nothing,
  answer: interactionAnswer,
  refusals: ["interaction-not-found"],
  async run(reading, { params, caller }) {
    const { found, rests } = reading.views.snapshot(() => ({
      found: interactionById(reading.views, params.interaction),
      rests: basisOf(reading),
    }));
    if (found === undefined) throw new DomainError("interaction-not-found", `there is no interaction ${params.interaction}`);
    const [personal] = await openPersonal(reading, caller, "get-interaction", [found.sealed]);
    const {
      id,
      account,
      kind,
      purpose,
      direction,
      channel,
      startedAt,
      minutes,
      participants,
      tags,
      isCorrected,
      isRetracted,
      revision,
    } = found;
    return {
      id,
      account,
      kind,
      purpose,
      direction,
      channel: channel ?? null,
      startedAt,
      minutes: minutes ?? null,
      participants,
      tags,
      isCorrected,
      isRetracted,
      personal: personal!,
      revision,
      basis: rests,
    };
  },
});
