/** Sealed text in answers: opened for a key with the scope `personal`, and the opening logged; named as sealed for any other. */
import { z } from "zod";
import type { Caller } from "../commands/command.ts";
import { decode } from "../ledger/envelope.ts";
import type { ReadingDesk } from "./query.ts";

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
  desk: ReadingDesk,
  caller: Caller,
  purpose: string,
  items: readonly SealedAt[],
): Promise<PersonalFields[]> {
  if (!caller.scopes.includes("personal")) return items.map(allSealed);
  const positions = [...new Set(items.flatMap((item) => Object.values(item)))];
  if (positions.length === 0) return items.map(() => ({}));
  const opened = await openPositions(desk, caller, purpose, positions);
  return items.map((item) =>
    Object.fromEntries(
      Object.entries(item).map(([field, position]) => [
        field,
        opened.get(`${position} ${field}`) ?? { status: "unavailable" as const },
      ]),
    ),
  );
}

const allSealed = (item: SealedAt): PersonalFields =>
  Object.fromEntries(Object.keys(item).map((field) => [field, { status: "sealed" as const }]));

async function openPositions(
  desk: ReadingDesk,
  caller: Caller,
  purpose: string,
  positions: number[],
): Promise<Map<string, PersonalField>> {
  const events = desk.log.readPositions(positions).flatMap((stored) => decode(stored) ?? []);
  const requests = events.map(({ id, sealed, ciphertext }) => ({ event: id, sealed, ciphertext }));
  const opened = await desk.vault.open(requests, { key: caller.key, purpose, at: desk.now() });
  const byPlace = new Map<string, PersonalField>();
  for (const [index, fields] of opened.entries()) {
    for (const one of fields)
      byPlace.set(
        `${events[index]!.position} ${one.field}`,
        one.status === "opened" ? { status: one.status, value: one.value } : { status: one.status },
      );
  }
  return byPlace;
}
