/**
 * A command as other systems send it: one definition serves the HTTP route, the batch line, the OpenAPI document and the importers.
 * Adding one to `registry.ts` adds it everywhere.
 */
import { z } from "zod";
import { canonicalText } from "../canonical/canonical-json.ts";
import type { AnyEvent, Decider } from "../domain/decider.ts";
import { DomainError, type DomainErrorCode } from "../domain/errors.ts";
import type { KeyScope } from "../domain/key.ts";
import type { Speaker, SubjectText } from "../domain/promise/commands.ts";
import {
  epochMs,
  type EventId,
  type Instant,
  type KeyId,
  type PartyId,
  partyId,
  type Slug,
  slug,
  type SubjectId,
  subjectId,
  toldInstant,
} from "../domain/values.ts";
import { derivedId, freshId } from "../ledger/ids.ts";
import type { CommandMeta, Handled, Ledger } from "../ledger/ledger.ts";
import type { ViewsHost } from "../projections/reader.ts";
import type { CensusTaker } from "../transparency/census.ts";

/** Whose key it is, what it may do, and for whom alone it speaks. */
export type Caller = { key: KeyId; scopes: readonly KeyScope[]; party?: PartyId };

export type CommandRequest<Params, Body> = {
  params: Params;
  body: Body;
  caller: Caller;
  correlation: string;
  /** The client's Idempotency-Key. */
  idempotencyKey?: string;
  /** Of a line in a batch that is known by its number: nothing else may ever stand on that line. */
  place?: string;
  /** From If-Match: the revision that the client saw. */
  expectedRevision?: number;
};

/** What a command needs of the world. */
export type Desk = {
  ledger: Ledger;
  host: ViewsHost;
  timeZoneData: string;
  /** Makes a subject unreadable for good, once the log says that it is erased. */
  erasures: { carryOut(tombstone: { subject: SubjectId; at: Instant }): Promise<void> };
  /** Where the log is signed. */
  auditLog?: {
    status(): { lastKnownHead?: { size: number; root?: string } };
    prepareKeyRotation(request: { oldKeyUntil: string }): Promise<object>;
    treeHeadOf(size: number): Promise<unknown>;
  };
  /** Where accounts are counted. */
  census?: Pick<CensusTaker, "take">;
};

export type Acknowledged = Handled & {
  /** Of what the command was about. */
  id: string;
  /** Further ids that the command made, by name. */
  ids?: Record<string, string[]>;
};

export type CommandDefinition<Params extends z.ZodObject = z.ZodObject, Body extends z.ZodObject = z.ZodObject> = {
  /** Its name in a batch, its operation id in OpenAPI. */
  name: string;
  method: "POST" | "PATCH" | "PUT";
  /** Below `/v1`, with `:name` for each of `params`. */
  path: string;
  tag: string;
  summary: string;
  description?: string;
  scope: KeyScope;
  /** 201 where the command makes something new. */
  creates?: boolean;
  params: Params;
  body: Body;
  example: z.input<Body>;
  refusals: readonly DomainErrorCode[];
  /** What else it may have to wait for, by the code that it is refused with meanwhile. */
  waits?: readonly ("log-diverged" | "tree-behind" | "census-behind")[];
  run(desk: Desk, request: CommandRequest<z.output<Params>, z.output<Body>>): Promise<Acknowledged>;
};

export const defineCommand = <Params extends z.ZodObject, Body extends z.ZodObject>(
  definition: CommandDefinition<Params, Body>,
): CommandDefinition => definition as unknown as CommandDefinition;

export const noParams = z.strictObject({});

/** When it happened; now where absent. */
export const at = { at: toldInstant.optional().describe("When it happened. Now, where absent.") };

/** Who says it. A bound key speaks for its party whatever stands here. */
export const by = {
  by: partyId.optional().describe("Whose word it is, stated by a key that speaks for nobody in particular. Stored as asserted."),
};

/** No control characters but line feed and tab, no lone surrogates: text that every reader can show. */
export const plainText = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine(
      (text) => text.isWellFormed() && !/[\u0000-\u0008\u000b-\u001f\u007f]/u.test(text),
      "must be well-formed text without control characters",
    );

/** Personal text: sealed under a data subject's key, never in a leaf or a log. */
export const personalText = z
  .union([
    plainText(4_000),
    z.strictObject({ text: plainText(4_000), subject: subjectId.describe("The one data subject that it belongs to.") }),
  ])
  .describe(
    "Personal text. Sealed; belongs to the person of the account's side who is concerned, else to the account, unless a subject is named.",
  );
export type PersonalText = z.infer<typeof personalText>;

/** Names and contact details of an account or a person, each a sealed segment. */
export const contactDetails = {
  name: plainText(200).optional(),
  email: plainText(320).optional(),
  phone: plainText(40).optional(),
  note: plainText(4_000).optional(),
};

/** Where a fact comes from. With both fields the same fact sent twice is one fact. */
export const origin = {
  source: slug.optional().describe("The system that it comes from, such as `crm`."),
  externalId: plainText(200).optional().describe("Its id there; needs `source`. Sealed. The same pair again is the same fact."),
};

export const toSubjectText = (text: PersonalText | undefined, fallback: SubjectId): SubjectText | undefined => {
  if (text === undefined) return undefined;
  return typeof text === "string" ? { subject: fallback, value: text } : { subject: text.subject, value: text.text };
};

/**
 * Names the fields of a refusal as they stand in the request.
 * @param base a JSON pointer to the part that `work` is about. Fields that `ofTheWhole` lists stand beside that part.
 */
export async function within<Result>(
  base: string,
  work: () => Promise<Result>,
  ofTheWhole: readonly string[] = [],
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DomainError) || error.field === undefined || ofTheWhole.includes(error.field)) throw error;
    throw new DomainError(error.code, error.message, `${base}${error.field}`);
  }
}

export const momentOf = (desk: Desk, body: { at?: Instant | undefined }): Instant => body.at ?? desk.ledger.now();

export function speakerOf({ party }: Caller, by: PartyId | undefined): Speaker {
  if (party !== undefined && by !== undefined && by !== party)
    throw new DomainError("not-your-part", `this key speaks for ${party} alone`, "/by");
  return { party: party ?? by, bound: party !== undefined };
}

/** Things that are the house's business alone. */
export function requireUnbound({ party }: Caller): void {
  if (party !== undefined) throw new DomainError("not-your-part", `this key speaks for ${party} alone and can't do this`);
}

type Identified = { id?: string | undefined; source?: Slug | undefined; externalId?: string | undefined };

/** An id for what a command makes. `isFresh`: nobody can have used it before, so its stream need not be looked at. */
export type NewId<Id> = { id: Id; isFresh: boolean };

/** The caller's own id, else one that the same request always gives, else a fresh one. */
export function newIdOf<Id extends string>(
  prefix: string,
  name: string,
  desk: Desk,
  request: CommandRequest<unknown, object>,
): NewId<Id> {
  const { caller, idempotencyKey } = request;
  const body: Identified = request.body;
  if (body.id !== undefined) return { id: body.id as Id, isFresh: false };
  const external = externalKey(desk, body);
  if (external !== undefined) return { id: derivedId<Id>(prefix, "external", external), isFresh: false };
  if (idempotencyKey === undefined) return { id: freshId<Id>(prefix, epochMs(desk.ledger.now())), isFresh: true };
  return { id: derivedId<Id>(prefix, caller.key, name, idempotencyKey), isFresh: false };
}

/** An HMAC, so the id tells nobody which customer number it stands for. */
function externalKey(desk: Desk, { source, externalId }: Identified): string | undefined {
  if (externalId === undefined) return undefined;
  if (source === undefined) throw new DomainError("terms-invalid", "`externalId` needs `source`", "/source");
  return desk.ledger.fingerprint(`${source}\n${externalId}`);
}

export const externalReference = z.strictObject({ source: slug, externalId: plainText(200) });

/** The id of what bears an external id, for commands that name it so. */
export const externallyNamed = <Id extends string>(
  desk: Desk,
  prefix: string,
  reference: z.output<typeof externalReference>,
): Id => derivedId<Id>(prefix, "external", externalKey(desk, reference)!);

/** How the ledger will know this request again. Facts with an external id are known by it, whichever key sends them. */
export function metaOf(name: string, desk: Desk, request: CommandRequest<unknown, object>, causation?: EventId): CommandMeta {
  const { caller, correlation, expectedRevision, idempotencyKey, params, place } = request;
  const body: Identified & { by?: PartyId } = request.body;
  const external = externalKey(desk, body);
  const key = external ?? idempotencyKey;
  const identity =
    key === undefined
      ? undefined
      : {
          scope: external === undefined ? caller.key : "external",
          key: `${name}\n${key}`,
          place: external === undefined ? place : undefined,
          fingerprint: desk.ledger.fingerprint(
            canonicalText({ name, params, body: external === undefined ? body : itself(body) }),
          ),
        };
  const onBehalfOf = caller.party ?? body.by;
  return { actor: { id: caller.key, kind: "key", onBehalfOf }, correlation, causation, identity, expectedRevision };
}

/** A fact without the load that it came with: from another load it is the same fact. */
function itself(body: object): object {
  const { recording: _, ...fact } = body as { recording?: unknown };
  return fact;
}

type Target<Command extends { type: string; at: Instant }, Event extends AnyEvent, State> = {
  decider: Decider<Command, Event, State>;
  category: string;
} & Pick<NewId<string>, "id"> &
  Partial<NewId<string>>;

/** Decides a command on the stream `<category>-<id>` on behalf of a request. */
export async function handleRequest<Command extends { type: string; at: Instant }, Event extends AnyEvent, State>(
  desk: Desk,
  name: string,
  request: CommandRequest<unknown, object>,
  { decider, category, id, isFresh = false }: Target<Command, Event, State>,
  command: Command,
): Promise<Acknowledged> {
  const meta = { ...metaOf(name, desk, request), isFresh };
  return { ...(await desk.ledger.handle(decider, `${category}-${id}`, command, meta)), id };
}

/** Refuses what `handleRequest` would refuse, and records nothing. */
export const foreseeRequest = <Command extends { type: string; at: Instant }, Event extends AnyEvent, State>(
  desk: Desk,
  name: string,
  request: CommandRequest<unknown, object>,
  { decider, category, id }: Target<Command, Event, State>,
  command: Command,
): Promise<void> => desk.ledger.foresee(decider, `${category}-${id}`, command, metaOf(name, desk, request));
