/** Sealed text in answers: opened for a key with the scope `personal`, and the opening logged; named as sealed for any other. */
import { z } from "zod";
import type { Caller } from "../commands/command.ts";
import type { PartyId } from "../domain/values.ts";
import { decode, type LedgerEvent } from "../ledger/envelope.ts";
import type { Views } from "../projections/views.ts";
import type { Reading } from "./query.ts";

export const personalField = z.union([
  z.strictObject({ status: z.literal("opened"), value: z.string() }),
  z.strictObject({ status: z.enum(["sealed", "erased", "unavailable"]) }),
]);
export type PersonalField = z.infer<typeof personalField>;

/** Personal text by field. Without the scope `personal` it says `sealed`; once a subject is erased, `erased`. */
export const personalFields = z.record(z.string(), personalField);
export type PersonalFields = z.infer<typeof personalFields>;

/** For each item the position at which each field's latest value lies. */
export type SealedAt = Record<string, number>;

/** The fields of several items at once, in their order. Reads and opens each event once. */
export async function openPersonal(
  reading: Reading,
  caller: Caller,
  purpose: string,
  items: readonly SealedAt[],
): Promise<PersonalFields[]> {
  if (!caller.scopes.includes("personal")) return items.map(allSealed);
  const positions = [...new Set(items.flatMap((item) => Object.values(item)))];
  if (positions.length === 0) return items.map(() => ({}));
  const opened = await openPositions(reading, caller, purpose, positions);
  return items.map((item) =>
    Object.fromEntries(
      Object.entries(item).map(([field, position]) => [
        field,
        opened.get(`${position} ${field}`) ?? {
          status: caller.party === undefined ? ("unavailable" as const) : ("sealed" as const),
        },
      ]),
    ),
  );
}

const allSealed = (item: SealedAt): PersonalFields =>
  Object.fromEntries(Object.keys(item).map((field) => [field, { status: "sealed" as const }]));

async function openPositions(
  reading: Reading,
  caller: Caller,
  purpose: string,
  positions: number[],
): Promise<Map<string, PersonalField>> {
  const events = reading.log
    .readPositions(positions)
    .flatMap((stored) => decode(stored) ?? [])
    .filter((event) => caller.party === undefined || isOwnText(reading.present, caller.party, event));
  const requests = events.map(({ id, sealed, ciphertext }) => ({ event: id, sealed, ciphertext }));
  const opened = await reading.vault.open(requests, { key: caller.key, purpose, at: reading.now });
  const byPlace = new Map<string, PersonalField>();
  for (const [index, fields] of opened.entries()) {
    for (const one of fields) {
      if (caller.party !== undefined && ownRecordsOnly.has(one.field)) continue;
      byPlace.set(
        `${events[index]!.position} ${one.field}`,
        one.status === "opened" ? { status: one.status, value: one.value } : { status: one.status },
      );
    }
  }
  return byPlace;
}

/** What the house writes for itself, and what its other systems call things: never a bound key's to read. */
const ownRecordsOnly = new Set(["note", "externalId"]);

/**
 * What a key bound to a party may open: the words of promises that it is party to (an account: of those that concern it), its own
 * name and contact details, and what it recorded itself. That it may see an account's history opens nobody else's text in it.
 */
function isOwnText(present: Views, party: PartyId, { stream, account, data }: LedgerEvent): boolean {
  const [category, id] = [stream.slice(0, stream.indexOf("-")), stream.slice(stream.indexOf("-") + 1)];
  switch (category) {
    case "person":
    case "account":
      return id === party;
    case "interaction":
      return "recordedFor" in data && data.recordedFor === party;
    case "promise":
      return account === party || isPartyOf(present, "id", id, party);
    case "agreement":
      return account === party || isPartyOf(present, "agreement", id, party);
    default:
      return false;
  }
}

const isPartyOf = (views: Views, column: "id" | "agreement", id: string, party: PartyId): boolean =>
  views.get(`SELECT 1 FROM promises WHERE ${column} = ? AND (promisor = ? OR promisee = ?)`, [id, party, party]) !== undefined;
