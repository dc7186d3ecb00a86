/** Lines of a batch may name what they are about, and what they refer to, as another system does: ids take the place of such names. */
import type { z } from "zod";
import { externalReference } from "./command.ts";

export type ExternalReference = z.output<typeof externalReference>;
type Fields = Record<string, unknown>;

const paramPrefixes: Record<string, string> = {
  account: "acc",
  person: "per",
  interaction: "int",
  promise: "prm",
  outcome: "out",
};
const bodyPrefixes: Record<string, string> = {
  account: "acc",
  owner: "per",
  participants: "per",
  promisor: "per",
  promisee: "per",
};

export type Named = {
  params: Fields;
  body: Fields;
  /** What the line is about, and what it only refers to. */
  written: ExternalReference[];
  read: ExternalReference[];
};

/** @param idOf the id of what bears an external id, by the prefix of its kind. */
export function withIds(
  line: { params: Fields; body: Fields },
  idOf: (prefix: string, reference: ExternalReference) => string,
): Named {
  const written: ExternalReference[] = [];
  const read: ExternalReference[] = [];
  const inPlace = (prefix: string, value: unknown, found: ExternalReference[]): unknown => {
    if (typeof value !== "object") return value;
    if (Array.isArray(value)) return value.map((each) => inPlace(prefix, each, found));
    const reference = externalReference.safeParse(value);
    if (!reference.success) return value;
    found.push(reference.data);
    return idOf(prefix, reference.data);
  };
  const replaced = (fields: Fields, prefixes: Record<string, string>, found: ExternalReference[]): Fields =>
    Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [
        name,
        typeof value === "object" && Object.hasOwn(prefixes, name) ? inPlace(prefixes[name]!, value, found) : value,
      ]),
    );
  if (!mayName(line.params, paramPrefixes) && !mayName(line.body, bodyPrefixes)) return { ...line, written, read };
  const params = replaced(line.params, paramPrefixes, written);
  return { params, body: replaced(line.body, bodyPrefixes, read), written, read };
}

/** Most lines hold ids alone, and need no copy. */
function mayName(fields: Fields, prefixes: Record<string, string>): boolean {
  for (const name in prefixes) {
    const value = fields[name];
    if (typeof value === "object" && (!Array.isArray(value) || value.some((each) => typeof each === "object"))) return true;
  }
  return false;
}
