/** Which events a reader asked for. */
import type { AccountId } from "../../domain/values.ts";
import type { StoredEvent } from "../../event-store/event-store.ts";

export type EventFilter = (event: StoredEvent) => boolean;

/** A look at the bytes spares most events from being parsed; what it lets through is looked at properly. */
export function filterFor({
  account,
  type,
}: {
  account?: AccountId | undefined;
  type?: string | undefined;
}): EventFilter | undefined {
  if (account === undefined && type === undefined) return undefined;
  const needles = Object.entries({ account, type })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => Buffer.from(`"${name}":"${String(value)}"`));
  return ({ leaf }) => {
    const bytes = Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength);
    if (!needles.every((needle) => bytes.includes(needle))) return false;
    const envelope = JSON.parse(bytes.toString("utf8")) as { account?: string; type: string };
    return (account === undefined || envelope.account === account) && (type === undefined || envelope.type === type);
  };
}
