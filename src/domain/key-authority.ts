/** What a key may put on record: by its scopes, and by the party that it speaks for. Held against every event by whoever audits the log. */
import type { TrothEvent } from "./catalogue.ts";
import type { OwnActor, Recorded } from "./decider.ts";
import type { IssuedKey, KeyScope } from "./key.ts";
import type { PartyId } from "./values.ts";

/** As the commands that record these ask for it; everything else asks for `record`. */
const scopeByType: Partial<Record<TrothEvent["type"], KeyScope>> = {
  DisputeRuled: "arbitrate",
  CensusTaken: "audit",
  KeyIssued: "admin",
  KeyRevoked: "admin",
  PolicyAdopted: "admin",
  ClockCorrected: "admin",
  LogResumed: "admin",
  LogKeyRotated: "admin",
  LogKeyDeclared: "admin",
  SubjectErased: "admin",
  PriorFitted: "admin",
  DormancyModelFitted: "admin",
};
export const scopeFor = (type: TrothEvent["type"]): KeyScope => scopeByType[type] ?? "record";

/**
 * Whoever records beside keys, and what. An actor more, or a type more for one of them, takes a new version of the event: verifiers of
 * earlier releases refuse what stands not here.
 */
const recordedByOwn: Readonly<Record<OwnName<OwnActor>, readonly TrothEvent["type"][]>> = {
  "system/init": ["LedgerOpened", "KeyIssued"],
  "system/command-line": ["KeyIssued", "KeyRevoked", "CensusTaken", "SubjectErased", "LogKeyRotated"],
  "system/tombstone": ["SubjectErased"],
  "system/witness": ["TreeHeadAnchored"],
  "system/node": ["LogKeyDeclared"],
  "clock/daily": ["CensusTaken"],
  "clock/weekly": ["PriorFitted", "DormancyModelFitted"],
};

type OwnName<Own extends OwnActor> = Own extends OwnActor ? `${Own["kind"]}/${Own["id"]}` : never;

/** Why an actor that is no key can't have recorded an event, verdicts left out; undefined where it can. */
export function strangerIn({ type, actor: { kind, id, onBehalfOf } }: Recorded<TrothEvent>): string | undefined {
  const types: readonly string[] | undefined = recordedByOwn[`${kind}/${id}` as OwnName<OwnActor>];
  if (types?.includes(type) !== true) return `${kind} ${id} records nothing of the kind`;
  return onBehalfOf === undefined ? undefined : `${kind} ${id} speaks for nobody`;
}

/** A party's own key speaks of its promises and of what it took part in; the rest is the house's business. */
const ofParties = /^(promise|agreement|interaction)-/;

/** Why a key can't have recorded an event; undefined where it can. */
export function trespassOf(
  { scopes, party }: Pick<IssuedKey, "scopes" | "party">,
  event: Recorded<TrothEvent>,
): string | undefined {
  const scope = scopeFor(event.type);
  if (!scopes.includes(scope)) return `it takes the scope ${scope}, which its key does not have`;
  if (party !== undefined && !ofParties.test(event.stream)) return `its key speaks for ${party} alone, and this is for the house`;
  return falseWordOf(party, event);
}

function falseWordOf(party: PartyId | undefined, { type, data, actor }: Recorded<TrothEvent>): string | undefined {
  if (party !== undefined && actor.onBehalfOf !== party)
    return `its key speaks for ${party} alone, and it was recorded on behalf of ${actor.onBehalfOf ?? "nobody"}`;
  if ((type === "InteractionRecorded" || type === "InteractionCorrected") && data.recordedFor !== party)
    return `it is recorded for ${data.recordedFor ?? "nobody in particular"}, and its key speaks for ${party ?? "nobody in particular"}`;
  if (!("asserted" in data)) return undefined;
  if (party !== undefined && data.by !== party) return `it is said by ${data.by}, and its key speaks for ${party} alone`;
  const asserted = party === undefined && data.by !== "house";
  if (data.asserted === asserted) return undefined;
  return asserted
    ? `it is said to be ${data.by}'s own word, and its key speaks for nobody in particular`
    : `it is said to be asserted, and its key speaks for ${data.by}`;
}
